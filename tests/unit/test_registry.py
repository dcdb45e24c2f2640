"""Methods and data sources are found as files; a run loads its own method and no other."""

import subprocess
import sys

import pytest

from spl.data import registry as sources
from spl.methods import registry as methods
from spl.registry import Registry

NEW_METHOD = 'from spl.methods.method import Method\n\nMETHOD = Method("New", None)\n'
NEW_SOURCE = "from spl.data.source import Source\n\nSOURCE: Source = Source(list, dict)\n"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package that holds the two files, and one that defines nothing of the name."""
    folder = tmp_path / "added"
    folder.mkdir()
    files = {"__init__": "", "a_new_method": NEW_METHOD, "my_data": NEW_SOURCE, "shared": "METHODS = 1"}
    for name, content in files.items():
        (folder / f"{name}.py").write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.split(".")[0] == "added"]:
        del sys.modules[name]


def test_a_file_that_is_added_is_a_method(package):
    found = Registry("added", package, "METHOD")
    assert list(found) == ["a-new-method"]
    assert found.module_of("a-new-method") == "added.a_new_method"
    assert found["a-new-method"].title == "New"
    (package / "another.py").write_text(NEW_METHOD)
    assert list(found) == ["a-new-method", "another"]


def test_a_file_that_is_added_is_a_data_source(package):
    found = Registry("added", package, "SOURCE")
    assert list(found) == ["my-data"]
    assert found["my-data"].own_folder


@pytest.mark.parametrize(
    "key", ["", "shared", "a_new_method", "A-New-Method", "../added/a-new-method", "nothing", "__init__"]
)
def test_what_is_no_entry_is_a_key_error(package, key):
    found = Registry("added", package, "METHOD")
    assert key not in found
    with pytest.raises(KeyError):
        found.module_of(key)
    with pytest.raises(KeyError):
        found[key]


def test_the_project_s_entries_are_known_by_their_files():
    assert set(sources.SOURCES) >= {"cifar-10", "cifar-100", "digits", "digits-png", "fashion-mnist", "image-folder"}
    assert sources.module_of("digits-png") == "spl.data.sources.digits_png"
    assert methods.module_of("smooth-fixmatch-sq") == "spl.methods.smooth_fixmatch_sq"
    assert len(methods.METHODS) == len(list(methods.METHODS)) >= 9


def run(code):
    subprocess.run([sys.executable, "-c", code], check=True)


def test_to_read_all_methods_and_sources_does_not_import_torch():
    run(
        "import sys\n"
        "from spl.data.registry import SOURCES\n"
        "from spl.methods.registry import METHODS\n"
        "assert [method.settings for method in METHODS.values()] and list(SOURCES.values())\n"
        "assert not {'torch', 'torchvision', 'PIL', 'sklearn', 'pandas'} & set(sys.modules)"
    )


def test_a_run_loads_the_module_of_its_own_method_alone():
    run(
        "import sys\n"
        "import spl.training.run, spl.training.loop\n"
        "from spl.methods.registry import METHODS, module_of\n"
        "loaded = lambda: {key for key in METHODS if module_of(key) in sys.modules}\n"
        "assert not loaded(), loaded()\n"
        "METHODS['smooth-fixmatch-sq']\n"
        "assert loaded() == {'smooth-fixmatch-sq'}, loaded()\n"
        "assert not [name for name in sys.modules if name.startswith(('spl.data.sources', 'spl.data.registry'))]"
    )


def test_a_split_is_drawn_without_any_data_source():
    run(
        "import sys\n"
        "import spl.data.splits\n"
        "loaded = {name for name in sys.modules if name.startswith('spl.data.')}\n"
        "assert loaded == {'spl.data.splits', 'spl.data.store', 'spl.data.ranking'}, loaded"
    )
