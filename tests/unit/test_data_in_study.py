"""Where data come from, as a study says it: mistakes are refused when it is read, before anything runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from PIL import Image

from spl.campaign.own_images import _prepared
from spl.campaign.parameters import data_parameter, page_parameter
from spl.data.sources import cifar_10
from spl.errors import InputError
from spl.paper.selection import exhibits
from spl.study.files import DATA_FILES
from spl.study.plan import make_plan
from spl.study.reading import check_study

CONFIG = Path(__file__).parents[2] / "config"


def study(experiment=(), **dataset):
    """A study of one data set and, beside it, of the digits."""
    fixmatch = {"split": {"scheme": "balanced", "per_class": 2}, "methods": ["fixmatch"]}
    content = {
        "name": "mine",
        "title": "Mine",
        "datasets": {"pictures": dataset, "digits": {"source": "digits", "training": {"crop_padding": 1}}},
        "experiments": {
            "scarce-labels": {"dataset": "pictures", **fixmatch, **dict(experiment)},
            "others": {"dataset": "digits", **fixmatch},
        },
    }
    return check_study(content, "mine.yaml")


@pytest.fixture
def folder(tmp_path):
    """Two classes of three training images."""
    for part in ("train", "test"):
        for name in ("bird", "frog"):
            (tmp_path / part / name).mkdir(parents=True)
            for number in range(3):
                Image.new("RGB", (8, 8)).save(tmp_path / part / name / f"{number}.png")
    return tmp_path


def files_of(**dataset):
    return study(**dataset).datasets["pictures"].files


def test_files_come_from_root_then_from_an_earlier_download_then_from_the_system(
    debian_fashion_mnist, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    names = [path.name for path in files_of(source="fashion-mnist")]
    assert files_of(source="fashion-mnist") == [debian_fashion_mnist / name for name in names]
    for place in ("resources/fashion-mnist", "mine"):
        Path(place).mkdir(parents=True)
        for name in names:
            (Path(place) / name).touch()
    assert files_of(source="fashion-mnist") == [Path("resources/fashion-mnist") / name for name in names]
    assert files_of(source="fashion-mnist", root="mine") == [Path("mine") / name for name in names]


def test_what_is_nowhere_is_to_be_downloaded_and_a_home_folder_written_as_people_write_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert files_of(source="cifar-100") == [Path("resources/cifar-100/cifar-100-python.tar.gz")]
    assert files_of(source="digits", training={"crop_padding": 1}) == []
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "cifar-10-python.tar.gz").touch()
    assert files_of(source="cifar-10", root="~") == [tmp_path / "cifar-10-python.tar.gz"]


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """The folder of prepared data below the present one."""
    monkeypatch.chdir(tmp_path)
    folder = Path("results/mine/data/pictures")
    folder.mkdir(parents=True)
    for name in DATA_FILES:
        (folder / name).touch()
    return folder


def test_which_files_count_is_not_for_a_manifest_to_say(prepared):
    """Of prepared data whose ``root`` is not here."""
    known = {"train_counts": [5000] * 10, "side": 32, "classes": [*"abcdefghij"], "listing": None}
    parameter = {"source": "cifar-10", "options": {}, "known": known}
    for inputs in ({}, {"README.md": "0" * 64}):
        manifest = {"parameter": parameter, "inputs": inputs}
        prepared.with_name("pictures.manifest.json").write_text(json.dumps(manifest))
        assert files_of(source="cifar-10", root="gone") == [Path("gone/cifar-10-python.tar.gz")]


@pytest.mark.parametrize(
    "forged",
    [{"train_counts": ["x", "y"]}, {"train_counts": [[], []]}, {"train_counts": [None, 3]}, {"train_counts": []},
     {"side": "x"}, {"classes": [[], []]}, {"listing": 5}],
)  # fmt: skip
def test_what_a_manifest_says_of_own_images_that_are_not_here_has_the_types_of_a_description(prepared, forged):
    known = {"train_counts": [3, 3], "side": 8, "classes": ["bird", "frog"], "listing": None}
    manifest = prepared.with_name("pictures.manifest.json")
    own = {"source": "image-folder", "root": "gone", "side": 8, "training": {"crop_padding": 1}}
    for content in (known, known | forged):
        parameter = {"source": "image-folder", "options": {"side": 8}, "known": content}
        manifest.write_text(json.dumps({"parameter": parameter}))
        if content is known:
            assert study(**own).datasets["pictures"].known.classes == ("bird", "frog")
    with pytest.raises(InputError, match="gone"):
        study(**own)


def test_what_is_no_sha256_in_a_description_of_images_is_that_of_no_image(tmp_path):
    description = tmp_path / "dataset.json"
    description.write_text('{"train_files": {"train/a/0.png": [], "train/a/1.png": "x"}, "test_files": []}')
    assert _prepared(description, "train_files") == {"train/a/1.png": "x"}
    assert _prepared(description, "test_files") == {}


def test_a_manifest_of_prepared_data_that_would_fill_memory_is_not_read(prepared):
    manifest = prepared.with_name("pictures.manifest.json")
    manifest.touch()
    os.truncate(manifest, 2**40)  # all of it a hole
    with pytest.raises(InputError, match="gone"):
        files_of(source="cifar-10", root="gone")


def test_a_pipe_in_the_place_of_the_manifest_of_prepared_data_is_not_waited_for(prepared):
    os.mkfifo(prepared.with_name("pictures.manifest.json"))
    with pytest.raises(InputError, match="gone"):
        files_of(source="cifar-10", root="gone")


REFUSED = {
    "an absent folder": (
        {"source": "cifar-10", "root": "/nowhere"},
        "datasets.pictures.root: /nowhere/cifar-10-python.tar.gz: no such file; expected a folder with "
        "cifar-10-python.tar.gz, or cifar-10-batches-py/data_batch_1 and 6 more, or data_batch_1 and 6 more",
    ),
    "a folder of something else": (
        {"source": "fashion-mnist", "root": "."},
        "datasets.pictures.root: train-images-idx3-ubyte.gz: no such file; expected a folder with",
    ),
    "files of a source that has none": (
        {"source": "digits", "root": "."},
        "datasets.pictures.root: digits has no files to look for",
    ),
    "another size of images": (
        {"source": "cifar-10", "side": 16},
        "datasets.pictures.side: the images of cifar-10 keep their size",
    ),
    "images of no size": ({"source": "image-folder"}, "datasets.pictures.side: missing; image-folder needs it"),
    "a folder without images": (
        {"source": "image-folder", "side": 8, "root": "/nowhere"},
        "datasets.pictures.root: /nowhere/train: no class folders; expected /nowhere/train/<class>/",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_wrong_source_root_or_side_is_refused_in_one_line(what, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    dataset, expected = REFUSED[what]
    with pytest.raises(InputError) as caught:
        study(**dataset)
    assert str(caught.value).startswith(f"mine.yaml: {expected}")
    assert "\n" not in str(caught.value)


def test_of_an_incomplete_folder_the_missing_file_is_named(tmp_path):
    (tmp_path / "cifar-10-batches-py").mkdir()
    for name in cifar_10.SOURCE.files.layouts[1]:
        if not name.endswith("data_batch_3"):
            (tmp_path / name).touch()
    with pytest.raises(InputError, match="cifar-10-batches-py/data_batch_3: no such file"):
        study(source="cifar-10", root=str(tmp_path))


@pytest.mark.parametrize(
    ("experiment", "expected"),
    [
        ({"split": {"scheme": "balanced", "per_class": 4}}, "split.per_class: expected at most 3, the smallest class"),
        ({"split": {"scheme": "random", "labels": [7]}}, "split.labels: expected at most 6, the training images"),
        ({"training": {"crop_padding": 8}}, "crop_padding: expected less than 8, the side of an image"),
    ],
)
def test_what_a_folder_holds_limits_what_can_be_asked_of_it(folder, experiment, expected):
    with pytest.raises(InputError, match=expected):
        study(experiment, source="image-folder", side=8, root=str(folder))


def test_a_folder_that_was_not_named_is_off_and_the_rest_goes_on(folder):
    plan = make_plan(study(source="image-folder", side=8))
    assert plan.off == {"scarce-labels": "set datasets.pictures.root"}
    assert list(plan.experiments) == ["others"]
    assert {run.dataset for run in plan.runs.values()} == {"digits"}
    assert exhibits(plan, "mine.yaml")["collapses-scarce-labels"].module == "spl.tables.not_run"
    assert "scarce-labels" not in json.loads(page_parameter(plan, exhibits(plan, "")))["experiments"]

    plan = make_plan(study(source="image-folder", side=8, root=str(folder)))
    assert plan.off == {}
    assert exhibits(plan, "mine.yaml")["means-scarce-labels"].module == "spl.tables.summary"
    assert "pictures/balanced-4/fold0" in plan.splits


def test_published_files_are_the_same_wherever_they_lie(debian_fashion_mnist):
    anywhere, here = study(source="fashion-mnist"), study(source="fashion-mnist", root=str(debian_fashion_mnist))
    assert data_parameter(make_plan(anywhere), "pictures") == data_parameter(make_plan(here), "pictures")


def test_a_folder_is_the_same_wherever_it_lies(folder, tmp_path_factory):
    def parameter(root, side=8):
        return data_parameter(make_plan(study(source="image-folder", side=side, root=str(root))), "pictures")

    before = parameter(folder)
    moved = folder.rename(tmp_path_factory.mktemp("moved") / "pictures")
    assert parameter(moved) == before != parameter(moved, side=9)
    (moved / "train/frog/2.png").rename(moved / "train/frog/3.png")
    assert parameter(moved) != before


PLANNING = """
import sys
from pathlib import Path
from spl.paper.selection import exhibits
from spl.campaign.own_images import _prepared
from spl.campaign.parameters import data_parameter, page_parameter
from spl.study.plan import make_plan
from spl.study.reading import read_study

for path in sys.argv[1:]:
    plan = make_plan(read_study(Path(path)))
    page_parameter(plan, exhibits(plan, path))
    assert all(data_parameter(plan, dataset) for dataset in plan.study.datasets)
assert not {"torch", "torchvision", "PIL", "pandas", "scipy"} & set(sys.modules), "planning imported what reads results"
"""


def test_planning_does_not_wait_for_torch(folder):
    pictures = {"source": "image-folder", "side": 8, "root": str(folder)}
    mine = folder / "mine.yaml"
    mine.write_text(yaml.safe_dump({"name": "a", "title": "A", "datasets": {"a": pictures}, "experiments": {}}))
    subprocess.run([sys.executable, "-c", PLANNING, mine, CONFIG / "fashion-mnist.yaml"], check=True)
