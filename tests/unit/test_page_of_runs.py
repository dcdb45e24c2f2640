"""What the page shows of a run: thinned curves and matrices, labelled images, what is on record."""

import base64
import io
import json
import zlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import write_predictions
from PIL import Image
from safetensors.numpy import save_file

from spl.data.splits import draw_split
from spl.page.circumstances import circumstances_script, read_circumstances
from spl.page.labelled import MAX_PICTURES, labelled_sets
from spl.page.render import embedded, packed
from spl.page.runs import CURVES, run_content, thinned
from spl.provenance.records import records


def matrix(number, classes):
    """The confusion matrix of an evaluation by which so many of 377 test images of each class are recognised."""
    recognised = np.eye(classes, dtype=np.int64)
    return number * recognised + (377 - number) * np.roll(recognised, 1, axis=1)


def run(folder, evaluations, classes):
    """A run that is right about ever more images, best at its last but one evaluation."""
    folder.mkdir()
    steps = 10 * np.arange(1, evaluations + 1)
    errors = np.linspace(0.9, 0.1, evaluations)
    errors[-2] = 0.05
    frame = pd.DataFrame({"step": steps, "test_error": errors, "coverage": 0.5, "purity": np.nan})
    frame.to_csv(folder / "metrics.csv", index=False)
    write_predictions(folder / "predictions.safetensors", [matrix(number, classes) for number in range(evaluations)])
    (folder / "parameters.json").write_text('{"settings": {"steps": 10}}')
    return run_content(folder)


@pytest.mark.parametrize(
    ("evaluations", "classes", "kind", "shown"),
    [(6, 10, "matrices", 6), (377, 10, "matrices", 24), (377, 100, "matrices", 8), (377, 200, "recalls", 24)],
)
def test_a_long_training_is_thinned(tmp_path, evaluations, classes, kind, shown):
    found = run(tmp_path / "run", evaluations, classes)
    assert len(found[kind]) == len(found["steps"]) == shown
    assert (found["steps"][0], found["steps"][-1]) == (10, 10 * evaluations)
    gaps = np.diff(found["steps"])
    assert gaps.max() - gaps.min() <= 10, "evenly"
    curve = found["curve"]
    assert {len(curve[name]) for name in CURVES} == {len(curve["step"])}
    assert min(evaluations, 120) <= len(curve["step"]) <= 150
    assert set(found["steps"]) <= set(curve["step"]), "the slider finds each error"
    assert curve["test_error"][curve["step"].index(10 * (evaluations - 1))] == 0.05, "the best one stays"
    assert set(curve["purity"]) == {None}


def test_what_is_shown_is_what_was_measured(tmp_path):
    found = run(tmp_path / "run", 377, 3)
    for step, shown in zip(found["steps"], found["matrices"], strict=True):
        assert shown == matrix(step // 10 - 1, 3).tolist()
    assert run(tmp_path / "wide", 2, 101)["recalls"] == [[0.0] * 101, [0.003] * 101]


def test_thinning_keeps_all_of_few():
    assert thinned(3, 24).tolist() == [0, 1, 2]
    assert thinned(1, 24).tolist() == [0]


def dataset(folder, channels, side, classes=10, of_each=60):
    images = np.arange(classes * of_each, dtype=np.uint8).reshape(-1, 1, 1, 1)
    images = np.broadcast_to(images, (classes * of_each, channels, side, side))
    labels = np.arange(classes * of_each) % classes
    arrays = {"train_images": np.ascontiguousarray(images), "train_classes": labels}
    save_file(arrays, folder / "images.safetensors")
    return folder / "images.safetensors", labels


def sheet_of(found):
    return Image.open(io.BytesIO(base64.b64decode(found["sheet"].split(",")[1])))


@pytest.mark.parametrize(("channels", "side"), [(1, 8), (3, 32), (3, 224)])
def test_a_sheet_holds_each_labelled_image_once(tmp_path, channels, side):
    path, labels = dataset(tmp_path, channels, side)
    splits = {f"fold{seed}": draw_split(labels, "random", seed, 40) for seed in (0, 1)}
    found = labelled_sets(splits, path)
    sheet, cell = sheet_of(found), found["side"]
    assert cell == min(side, 32)
    places = {place for one in found["sets"].values() for of_class in one["pictures"] for place in of_class}
    assert places == set(range(len({image for split in splits.values() for image in split.labelled})))
    for name, split in splits.items():
        shown = found["sets"][name]
        assert (shown["labelled"], shown["pool"]) == (split.labelled_counts, split.unlabelled_counts)
        for label, of_class in enumerate(shown["pictures"]):
            expected = [image % 256 for image in split.labelled if labels[image] == label]
            corners = [(place % 40 * cell + cell // 2, place // 40 * cell + cell // 2) for place in of_class]
            grey = [np.mean(sheet.getpixel(corner)) for corner in corners]
            assert grey == pytest.approx(expected, abs=2), "a JPEG may be a little off"


def test_of_many_labelled_images_some_of_each_class_are_shown(tmp_path):
    path, labels = dataset(tmp_path, 1, 8)
    found = labelled_sets({"full": draw_split(labels, "full", 0)}, path)
    assert [len(of_class) for of_class in found["sets"]["full"]["pictures"]] == [MAX_PICTURES // 10] * 10
    path, labels = dataset(tmp_path, 1, 8, classes=400, of_each=2)
    found = labelled_sets({"full": draw_split(labels, "full", 0)}, path)
    assert [len(of_class) for of_class in found["sets"]["full"]["pictures"]] == [1] * 400


def test_a_manifest_that_is_not_there_stops_nothing(tmp_path):
    (tmp_path / "damaged.manifest.json").write_text("{}")
    (tmp_path / "folder.manifest.json").mkdir()
    assert records(["absent", "damaged", "folder"], tmp_path) == {}


HOSTILE = st.text() | st.sampled_from(['"); alert(1); ("', "</script>", "\u2028", "__proto__", "\\"])


@given(
    st.dictionaries(
        HOSTILE,
        st.dictionaries(
            HOSTILE, HOSTILE | st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
        ),
    )
)
def test_whatever_manifests_say_the_script_beside_the_page_holds_data_alone(records):
    script = circumstances_script(records)
    assert script.isascii()
    assert len(script.splitlines()) == 3
    assert read_circumstances(script) == records
    for other in (f"{script}alert(1);", script.replace("parse", "run"), script.replace(");\n", "); alert(1);\n"), ""):
        with pytest.raises(ValueError, match="data alone"):
            read_circumstances(other)


def test_data_in_the_page():
    content = {"name": "</script>", "greek": "τ"}
    assert "<" not in embedded(content)
    assert json.loads(embedded(content)) == content
    assert json.loads(zlib.decompress(base64.b64decode(packed(content)))) == content
