"""The environment files say the same."""

from pathlib import Path

import yaml

ENVS = Path(__file__).parents[2] / "envs"


def test_the_conda_file_holds_the_packages_of_the_lock():
    lock = [line for line in (ENVS / "requirements.lock").read_text().splitlines() if not line.startswith("#")]
    conda = yaml.safe_load((ENVS / "environment.yaml").read_text())
    assert conda["dependencies"][-1]["pip"] == lock
    assert all("==" in line for line in lock)


def test_every_package_of_the_validator_s_environment_is_pinned():
    lock = [line for line in (ENVS / "validator.lock").read_text().splitlines() if not line.startswith("#")]
    assert any(line.startswith("roc-validator==") for line in lock)
    assert all("==" in line for line in lock)
