"""The benchmark of audits judges what it fabricates."""

from pathlib import Path

from audit import measure


def test_a_whole_fabricated_study_is_fresh(tmp_path, monkeypatch):
    """Every job of the smallest study, under its true parameter."""
    study = Path("tests/studies/tiny.yaml").absolute()
    monkeypatch.chdir(tmp_path)
    measured = measure(study, gigabytes=0.01, repetitions=1)
    assert measured["jobs"] == 36
    assert measured["audit_over_sha256"] > 0
