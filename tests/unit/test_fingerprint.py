"""Which edits of the package make a training stale, and which leave it fresh."""

import shutil
from pathlib import Path

import pytest

import spl
from spl.code import fingerprint as module
from spl.code import subcommands as entries
from spl.code.fingerprint import fingerprint, reach
from spl.code.syntax import parse
from spl.methods.methods import METHODS

TRAIN = ("spl.training.run:train_run",)
PACKAGE = Path(spl.__file__).parent


def forget():
    """Make the module read the package's files again."""
    module.parse.cache_clear()
    module._read.cache_clear()


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the package whose files a test may edit."""
    copy = tmp_path / "spl"
    shutil.copytree(PACKAGE, copy)
    monkeypatch.setattr(module.syntax, "ROOT", copy)
    forget()
    yield copy
    forget()
    entries._fingerprint.cache_clear()


def training(method="fixmatch"):
    forget()
    return fingerprint(TRAIN, {"spl.methods.methods:METHODS": method})


def edit(path, old, new):
    text = path.read_text()
    assert text.count(old) >= 1, f"{old!r} is not in {path}"
    path.write_text(text.replace(old, new, 1))


STALE = [
    ("networks.py", "LEAKY_SLOPE = 0.1", "LEAKY_SLOPE = 0.2"),
    ("networks.py", "STRIDES = (1, 2, 2)", "STRIDES = (2, 2, 2)"),
    ("training.py", "7 * math.pi * step", "7.0 * math.pi * (step + 1)"),
    ("evaluation.py", "EVALUATION_BATCH = 512", "EVALUATION_BATCH = 500"),
    ("augment.py", 'Operation("rotate", -30, 30', 'Operation("rotate", -40, 30'),
    ("augment.py", "add_(6.5).div_(13)", "add_(6.4).div_(13)"),
    ("batches.py", "CHECKSUM_FACTOR = 1_000_003", "CHECKSUM_FACTOR = 1_000_033"),
    ("methods.py", "score >= threshold", "score > threshold"),
    ("methods.py", 'FIXMATCH = Method("FixMatch", reaches)', 'FIXMATCH = Method("FixMatch", exceeds)'),
    ("random_streams.py", "digest_size=8", "digest_size=4"),
    ("splits.py", "path.read_text()", "path.read_text().strip()"),
    ("training.py", "@dataclass\nclass State", "batches.PIXELS_AT_ONCE = 7\n\n\n@dataclass\nclass State"),
    ("__init__.py", '"""Smooth', 'import os\nos.environ["MKL_CBWR"] = "AVX2"\n"""Smooth'),
    ("thresholds.py", "beta / (2 - beta)", "beta / (3 - beta)"),
    ("training.py", "import math", "import cmath as math"),
]

FRESH = [
    ("networks.py", "LEAKY_SLOPE = 0.1", "# Steeper would leak.\nLEAKY_SLOPE    =   0.1"),
    ("networks.py", '"""Float (n, width_in, h, w) to', '"""Images (n, width_in, h, w) to'),
    (
        "training.py",
        "def learning_rate(step: int, settings: Settings) -> float:",
        "def learning_rate(step: float, settings: object) -> object:",
    ),
    (
        "methods.py",
        '"supervised": Method("Fully supervised", None),',
        '"supervised": Method("Fully supervised", None),\n    "new": Method("New", smooth),',
    ),
    ("methods.py", 'title="FlexMatch"', 'title="FlexMatch (CPL)"'),
    ("settings.py", "steps: Annotated", "hours: int = 3\n    steps: Annotated"),
    (
        "datasets.py",
        '    "digits": Source(',
        '    "more-digits": Source(read_digits, Description((), 8, ())),\n    "digits": Source(',
    ),
    ("splits.py", '("labelled", seed, everything, names)', '("labelled", seed + 1, everything, names)'),
    ("figures/style.py", '"#0072B2"', '"#0000ff"'),
    ("cli.py", "evaluation.step", "evaluation.step + 0"),
    ("confusion.py", "MEDIAN_OVER = 20", "MEDIAN_OVER = 10"),
    ("products.py", '"confusion.npy"', '"confusion.npz"'),
]


@pytest.mark.parametrize(("file", "old", "new"), STALE)
def test_an_edit_in_the_reach_of_training_makes_it_stale(package, file, old, new):
    before = training()
    edit(package / file, old, new)
    assert training() != before


@pytest.mark.parametrize(("file", "old", "new"), FRESH)
def test_an_edit_that_training_cannot_feel_leaves_it_fresh(package, file, old, new):
    before = training()
    edit(package / file, old, new)
    assert training() == before


def test_a_statement_at_the_top_of_a_module_counts_for_all_that_is_reached_in_it(package):
    before = training()
    with (package / "augment.py").open("a") as file:
        file.write("\ntorch.set_default_dtype(torch.float64)\n")
    assert training() != before


def test_of_a_table_only_the_run_s_own_entry_counts(package):
    before = {method: training(method) for method in ("flexmatch", "fixmatch", "smooth-fixmatch")}
    edit(package / "methods.py", "class_thresholds=True", "class_thresholds=False")
    assert training("flexmatch") != before["flexmatch"]
    assert training("fixmatch") == before["fixmatch"]
    assert training("smooth-fixmatch") == before["smooth-fixmatch"]


def test_what_was_fingerprinted_before_makes_no_difference():
    cold = {method: training(method) for method in METHODS}
    assert {method: fingerprint(TRAIN, {"spl.methods.methods:METHODS": method}) for method in METHODS} == cold
    assert len(set(cold.values())) == len(METHODS)


def test_an_entry_set_below_its_table_counts(package):
    before = training()
    with (package / "methods.py").open("a") as file:
        file.write('\nMETHODS["fixmatch"] = METHODS["flexmatch"]\n')
    assert training() != before


def test_what_trains_imports_nothing_that_shows_or_vouches():
    forget()
    modules = {name.split(":")[0] for name in reach(TRAIN, {"spl.methods.methods:METHODS": "fixmatch"})}
    imported = {origin for name in modules for bound in parse(name).imports.values() for origin, _ in bound}
    assert "spl.training.loop" in modules | imported
    rooms = ("spl.provenance", "spl.figures", "spl.tables", "spl.paper")
    assert [name for name in sorted(modules | imported) if name.startswith(rooms)] == []


SURROUNDINGS = [
    ("cli.py", "instructions.limit(content", "instructions.limit(not content", {"train"}),
    ("attempt.py", "position.stop(signal", "print(signal", {"train"}),
    ("checkpoints.py", 'raise ValueError("its content is not what was written")', "pass", {"train"}),
    ("distributed.py", 'else "gloo"', 'else "mpi"', {"train"}),
    ("instructions.py", '"ONEDNN_MAX_CPU_ISA": "AVX2"', '"ONEDNN_MAX_CPU_ISA": "AVX512"', {"train"}),
    ("cli.py", "write_dataset(content", "write_dataset(not content", {"data"}),
    ("datasets.py", "read(*files, **options), folder)", "read(*files), folder)", {"data"}),
    ("datasets.py", "DIGITS_COUNTS = (128,", "DIGITS_COUNTS = (129,", {"data"}),
    ("cli.py", "write_fold(content", "write_fold(not content", {"split"}),
    ("cli.py", "Folder for this run's checkpoints", "Where this run's checkpoints go", set()),
    ("cli.py", "Train one run and", "Train a run and", set()),
    ("attempt.py", "raise FailedBeforeError(f", 'print("refused")\n            raise FailedBeforeError(f', set()),
    ("published.py", "Fashion", "Old-fashion", set()),
]


@pytest.mark.parametrize(("file", "old", "new", "stale"), SURROUNDINGS)
def test_of_what_surrounds_a_job_its_own_text_counts(package, file, old, new, stale):
    before = codes()
    edit(package / file, old, new)
    after = codes()
    assert {subcommand for subcommand in before if before[subcommand] != after[subcommand]} == stale


def codes():
    forget()
    entries._fingerprint.cache_clear()
    jobs = {"data": {"source": "digits"}, "split": {}, "train": {"method": "fixmatch"}, "analyse": {}}
    return {subcommand: entries.present_code(subcommand, content) for subcommand, content in jobs.items()}


IMPORTING = """    from spl.data.ranking import other

    other()
    method = METHODS[method_name]"""


def test_an_import_inside_a_function_is_followed(package):
    edit(package / "ranking.py", "def ranked(", "def other():\n    return 1\n\n\ndef ranked(")
    edit(
        package / "training.py",
        "    method = METHODS[method_name]",
        IMPORTING,
    )
    before = training()
    edit(package / "ranking.py", "return 1", "return 2")
    assert training() != before


def test_a_name_passed_on_by_another_module_is_followed(package):
    edit(
        package / "training.py",
        "from spl.training.random_streams import generator",
        "from spl.training.batches import generator",
    )
    before = training()
    edit(package / "random_streams.py", "digest_size=8", "digest_size=4")
    assert training() != before


def test_a_relative_import_is_refused(package):
    edit(package / "training.py", "from spl.data.splits import Split", "from .splits import Split")
    with pytest.raises(ValueError, match="relative import"):
        training()


def test_what_formats_a_summary_counts_for_the_analysis(package):
    def analysis():
        forget()
        return fingerprint(["spl.analysis.confusion:write_summary"], {})

    before = analysis()
    edit(package / "confusion.py", '"%.10g"', '"%.2g"')
    assert analysis() != before


@pytest.mark.parametrize(
    ("file", "old", "new", "stale"),
    [
        ("datasets.py", "transpose(0, 3, 1, 2)", "transpose(0, 3, 2, 1)", {"read_cifar_10", "read_cifar_100"}),
        ("datasets.py", "removesuffix", "removeprefix", {"read_fashion_mnist"}),
        ("published.py", "if found != md5:", "if False:", {"read_cifar_10", "read_cifar_100", "read_fashion_mnist"}),
        ("image_folder.py", ".jpeg", ".gif", {"read_image_folder"}),
        ("published.py", "/usr/share/datasets", "/opt/datasets", set()),
        ("published.py", "PATIENCE = 60", "PATIENCE = 61", set()),
        ("datasets.py", "(5_000,) * 10, 32", "(5_001,) * 10, 32", set()),
    ],
)
def test_how_a_data_set_is_read_counts_and_where_it_is_looked_for_does_not(package, file, old, new, stale):
    def codes():
        forget()
        return {
            name: fingerprint([f"spl.data.datasets:{name}", "spl.data.datasets:save_dataset"], {})
            for name in ("read_digits", "read_cifar_10", "read_cifar_100", "read_fashion_mnist", "read_image_folder")
        }

    before = codes()
    edit(package / file, old, new)
    after = codes()
    assert {name for name in before if before[name] != after[name]} == stale


def test_training_reaches_nothing_that_shows_or_plans():
    modules = {name.split(":")[0] for name in reach(TRAIN, {"spl.methods.methods:METHODS": "fixmatch"})}
    assert {
        "spl.training.loop",
        "spl.training.networks",
        "spl.training.augment",
        "spl.training.batches",
        "spl.methods.methods",
        "spl.training.thresholds",
    } <= modules
    assert not {name for name in modules if name.split(".")[-1] in ("plan", "study", "settings", "cli", "statistics")}


def test_an_entry_that_does_not_exist_is_an_error():
    with pytest.raises(KeyError, match="spl.training.loop:trian"):
        fingerprint(["spl.training.loop:trian"], {})
    with pytest.raises(KeyError, match="no entry nomatch"):
        fingerprint(TRAIN, {"spl.methods.methods:METHODS": "nomatch"})
