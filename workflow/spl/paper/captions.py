"""What was run, in words: the captions, each a function of the study alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from spl.methods.methods import METHODS
from spl.paper.parameters import curve_runs, settings_columns
from spl.study.labels import SYMBOLS, network_name
from spl.study.plan import Plan, Run, SplitJob
from spl.study.resolve import is_assumed, run_settings, setting_origins


def _what_was_run(plan: Plan, experiment: str) -> str:
    """Data, labels, network, length and weight of the unlabelled loss of an experiment's trainings."""
    return _described(plan, [plan.runs[path] for path in plan.experiments[experiment]])


def _described(plan: Plan, runs: list[Run]) -> str:
    """The same of some runs on one data set."""
    mu = [run.settings["mu"] for run in runs if "mu" in run.settings]
    network = network_name(_each(runs, "network"))
    times = "as many" if set(mu) == {1} else f"{_each(runs, 'mu')} times as many"
    unlabelled = f" and {times} unlabelled" if mu else ""
    text = (
        f"{_data(plan, runs[0].dataset)}, {_labels(plan, runs)}; {network}, "
        f"{_each(runs, 'steps')} steps of {_each(runs, 'batch')} labelled{unlabelled} images; "
        f"{_numbered('fold', {run.fold for run in runs})}, "
        f"{_numbered('training seed', {run.seed for run in runs})}; "
        f"{len(runs)} run{'s' if len(runs) > 1 else ''}."
    )
    return text + _weights(runs)


def _weights(runs: list[Run]) -> str:
    """What lambda_u the runs have, and which of them were calibrated."""
    fixed = _each([run for run in runs if not run.calibration], "lambda_u")
    text = f" λ_u = {fixed}" if fixed else ""
    measured = dict.fromkeys(_title(run.method) for run in runs if run.calibration)
    if measured:
        text += f"{';' if text else ' λ_u'} calibrated for {_listed(measured)} (equation 25)"
    elif any(METHODS[run.method].calibration for run in runs):
        text += ": fixed, not calibrated (equation 25)"
    return text and f"{text}."


def _title(method: str) -> str:
    """A method's title in running text, where a comma would begin the next method."""
    return METHODS[method].title.replace(", ", " with the ")


def _listed(names: Iterable[str]) -> str:
    *before, last = names
    return f"{', '.join(before)} and {last}" if before else last


def _each(runs: list[Run], setting: str) -> str:
    """The values of a setting over the runs that use it."""
    values = dict.fromkeys(run.settings[setting] for run in runs if setting in run.settings)
    return " or ".join(value if isinstance(value, str) else f"{value:,}".removesuffix(".0") for value in values)


def _labels(plan: Plan, runs: list[Run]) -> str:
    return " or ".join(dict.fromkeys(_drawn(plan.splits[run.split]) for run in runs))


def _drawn(split: SplitJob) -> str:
    if split.part is not None:
        return f"{100 * split.part:g} % of the labels of each class"
    if split.labels is None:
        return "all labels"
    return f"{split.labels} label{'' if split.labels == 1 else 's'}" + " a class" * (split.scheme == "balanced")


def _own(plan: Plan, experiment: str) -> str:
    """The settings that single methods have of their own in all variants, and whether they are assumed."""
    study, given, named = plan.study, plan.study.experiments[experiment], []
    for method in given.methods:
        resolved = run_settings(study, experiment, method, given.variants[0])
        first, *others = (setting_origins(study, experiment, method, variant) for variant in range(len(given.variants)))
        for key, origin in first.items():
            of_method = origin in (f"methods.{method}.{key}", f"experiments.{experiment}.methods.{method}.{key}")
            if of_method and all(other[key] == origin for other in others):
                note = " (assumed)" if is_assumed(study, origin) else ""
                named.append(f"{SYMBOLS.get(key, key)} = {getattr(resolved, key)} of {_title(method)}{note}")
    return f" {'; '.join(named)}." if named else ""


def _data(plan: Plan, dataset: str) -> str:
    stands_in_for = plan.study.datasets[dataset].stands_in_for
    return f"{dataset.capitalize()} (standing in for {stands_in_for})" if stands_in_for else dataset


def _numbered(what: str, values: Iterable[int]) -> str:
    ordered = sorted(values)
    return f"{what}{'s' if len(ordered) > 1 else ''} {_span(ordered)}"


def _span(values: list[int]) -> str:
    whole = len(values) > 2 and values == list(range(values[0], values[-1] + 1))
    return f"{values[0]}–{values[-1]}" if whole else ", ".join(map(str, values))


ERROR = "Error of the last checkpoint in percent of the test images"


def errors(plan: Plan, experiment: str, *references: str) -> str:
    """Tables of errors."""
    return (
        f"{ERROR}. "
        + _what_was_run(plan, experiment)
        + _compared(plan, experiment)
        + _own(plan, experiment)
        + _referred_to(plan, references)
    )


def _compared(plan: Plan, experiment: str) -> str:
    """How methods are compared with one of them, in words that the table needs."""
    given = plan.study.experiments[experiment]
    if _single(plan, experiment):
        return " Gain: baseline minus method, in points; a single pair of runs allows no test."
    sizes = {plan.runs[path].labels for path in plan.experiments[experiment]}
    several = (len(given.methods) - 1) * len(given.variants) * len(sizes) > 1
    return (
        " Gain: baseline minus method, run for run, mean ± std in points; p: exact one-sided Wilcoxon test"
        + "; Holm: corrected for the comparisons of this table" * several
        + "."
    )


def _single(plan: Plan, experiment: str) -> bool:
    """Whether an experiment compares methods by one run each."""
    given = plan.study.experiments[experiment]
    return len(given.folds) * len(given.seeds) == 1


def _referred_to(plan: Plan, experiments: tuple[str, ...]) -> str:
    return "".join(f" For reference: {_what_was_run(plan, experiment)}" for experiment in experiments)


def losses(plan: Plan) -> str:
    """Figure 1."""
    return (
        f"Unlabelled loss as a function of the score of the pseudo-label, τ = {plan.study.training.threshold:g}: "
        "(a) Pseudo-Labeling, shifted to be continuous, (b) smooth Pseudo-Labeling, equation 17. The derivative of the "
        "first jumps at τ, that of the second does not. Formulas; nothing was trained."
    )


def factors(plan: Plan) -> str:
    """Figure 6."""
    return (
        f"The smoothness factor for τ = {plan.study.training.threshold:g}: linear, quadratic and square root, beside "
        "the indicator that it replaces. Formulas; nothing was trained."
    )


def frequencies(plan: Plan, experiment: str) -> str:
    """Figure 4."""
    folds = plan.study.experiments[experiment].folds
    return (
        "Standard deviation of the class counts of a labelled set over their mean, against the number of labels: one "
        f"dot for each of folds {_span(folds)}, their mean, and what uniform draws lead one to expect. "
        f"{_data(plan, plan.study.experiments[experiment].dataset)}; labels drawn uniformly from all training images, "
        f"each fold contained in the next larger one; {len(plan.experiment_splits[experiment])} labelled "
        "sets."
        + (
            " Orange: the mean of the folds of which a run, of whatever method, ended in the low basin; sizes at which "
            "none did leave a gap."
            if plan.experiments[experiment]
            else " Nothing was trained on them here, so the curve of the folds that had trouble converging is missing."
        )
    )


def matrices(plan: Plan, experiment: str) -> str:
    """The confusion matrices of two runs."""
    basins = plan.study.basins
    return (
        "Confusion matrices of the runs with the lowest and the highest error at the last checkpoint; the number below "
        "a class is its column's sum. Framed: classes predicted less often than "
        f"{100 * basins.partly_collapsed:g} % of their test images, wholly (below {100 * basins.collapsed:g} %) or "
        "partly collapsed; the limits are assumed. " + _what_was_run(plan, experiment)
    )


def imbalance(plan: Plan, experiment: str, balanced: str) -> str:
    """Class imbalance."""
    keep = getattr(plan.study.experiments[experiment].split, "keep", None) or 1.0
    return (
        f"One class of each fold, drawn at random, keeps {100 * keep:g} % of its unlabelled images. "
        + errors(plan, experiment)
        + f" Drop: error with the imbalance minus that without ({balanced}), fold by fold, mean ± std in points"
        + ("." if _single(plan, experiment) else "; its p: exact one-sided Wilcoxon test that the error rises.")
    )


def initial_condition(plan: Plan, experiment: str, folds: str) -> str:
    """Spread over training seeds."""
    return (
        f"The spread over training seeds of one fold beside that over the folds of {folds}; last column: the "
        "baseline's best seed minus the method's worst, positive if even the worst is better. "
        f"{ERROR}. " + _what_was_run(plan, experiment)
    )


def transitions(plan: Plan, experiment: str) -> str:
    """Probabilistic monotonicity."""
    limits = plan.study.stability
    return (
        "p-value of the exact one-sided Wilcoxon test over folds that the error of the last checkpoint falls from one "
        "number of random labels to the next, in percent; each labelled set contains the smaller one. High: above "
        f"{100 * limits.level:g} %; stable: mean error below {100 * limits.mean_below:g} % and its std below "
        f"{100 * limits.std_below:g} points from there on. " + _what_was_run(plan, experiment)
    )


def grid(plan: Plan, experiment: str) -> str:
    """Errors over the values of one setting."""
    return (
        f"{ERROR}; the lowest of a line is bold; (n): from n runs where other cells have more. "
        + _what_was_run(plan, experiment)
        + _own(plan, experiment)
    )


def beside_none(plan: Plan, experiment: str, *references: str) -> str:
    """Errors over the weights of the factor as loss."""
    without = f" 0: the runs of Smooth FixMatch itself, from {', '.join(references)}." if references else ""
    return grid(plan, experiment) + without


def hyperparameters(plan: Plan, *experiments: str) -> str:
    """Settings, and the marks that they have."""
    columns = settings_columns(plan, *experiments)["columns"]
    marks = ["* assumed"] if any(column["assumed"] for column in columns) else []
    marks += ["† calibrated (equation 25)"] if any(column["calibration"] for column in columns) else []
    return f"Settings of Smooth FixMatch{'; ' if marks else ''}{', '.join(marks)}."


def aggregate(plan: Plan, *experiments: str) -> str:
    """All pairs of runs."""
    return (
        "All runs under equal conditions (same data, labelled set, seed and settings but λ_u and the factor's shape), "
        f"run for run, over the experiments {', '.join(experiments)}; last − best: mean and largest difference of "
        "last and best error over all of a method's runs; max, min: largest and smallest gain of a pair; better: pairs "
        "in which the method errs less. Points. Pairs of one labelled set depend on each other, which the test does "
        "not know: p describes, it decides nothing."
    )


def collapses(plan: Plan, experiment: str) -> str:
    """When classes collapsed."""
    return (
        "Steps between which a class was predicted for less than "
        f"{100 * plan.study.basins.collapsed:g} % of its test images (assumed limit), classes not yet learnt at the "
        "start included; recovered: not so in the last evaluation, of classes that had been learnt before they "
        f"collapsed (at least {100 * plan.study.basins.partly_collapsed:g} % of their test images found and of their "
        "predictions right, assumed). " + _what_was_run(plan, experiment)
    )


def against(plan: Plan, experiment: str) -> str:
    """Errors against one setting."""
    return (
        "Error of the last checkpoint; a dot for each run, a line through the mean of the runs of each value. "
        + _what_was_run(plan, experiment)
        + _own(plan, experiment)
    )


def hardest_fold(plan: Plan, experiment: str, *references: str) -> str:
    """Figure 5."""
    return (
        "Error of the last checkpoint against the number of random labels, on the fold where FixMatch's error, "
        "averaged over all numbers of labels, is largest. "
        + _what_was_run(plan, experiment)
        + _referred_to(plan, references)
    )


def collapse(plan: Plan, experiment: str) -> str:
    """Confusion matrices over a training."""
    return (
        "Confusion matrices over the training of the run with the highest last error, at evaluations evenly spread "
        f"over its steps; framed: classes predicted less often than {100 * plan.study.basins.partly_collapsed:g} % of "
        "their test images (assumed limit). " + _what_was_run(plan, experiment)
    )


def basins(plan: Plan, experiment: str) -> str:
    """Distribution of errors."""
    return (
        "Each run's error at the last checkpoint (left), and the smallest column sum of its confusion matrix as a "
        "share of that class's test images (right). Filled: high basin; hollow, crossed out: low basin, a class partly "
        "or wholly collapsed, by limits that are assumed. Dots lie where they were measured and are stacked where they "
        "would overlap. " + _what_was_run(plan, experiment)
    )


def curves(*methods: str) -> Callable[..., str]:
    """Figures 7, 8 and 9."""

    def caption(plan: Plan, *experiments: str) -> str:
        shown = ([run for run, _ in curve_runs(plan, methods, [one])] for one in experiments)
        described = " ".join(_described(plan, runs) for runs in shown if runs)
        return f"Measured at every evaluation, in the first run of {_listed(map(_title, methods))}. {described}"

    return caption


def spreadsheet(plan: Plan, experiment: str) -> str:
    """Appendix A.4."""
    return (
        "Last error, basin and collapsed classes of every run: a row for each method and fold, a column for each "
        "number of labels. " + _what_was_run(plan, experiment)
    )


def basin_switches(plan: Plan, experiment: str) -> str:
    """Section 4.2: runs that a shape brings to another basin."""
    return (
        "Runs that end in another basin than FixMatch's run of the same fold and seed, whose limits are assumed; p: "
        "McNemar's exact two-sided test that switches to the low basin are as likely as to the high one. "
        + _what_was_run(plan, experiment)
        + _own(plan, experiment)
    )


def populated(plan: Plan, experiment: str) -> str:
    """Section 4.5.2."""
    return (
        "Classes of which the last checkpoint finds at least "
        f"{100 * plan.study.basins.partly_collapsed:g} % of the test images (assumed limit): populated diagonal "
        "entries of the confusion matrix, for each fold and number of random labels; (n): mean over n folds where "
        "others have more. " + _what_was_run(plan, experiment)
    )


def done(plan: Plan, *experiments: str) -> str:
    """How much of these experiments a partial paper shows; nothing of a whole one."""
    runs = {run for experiment in experiments for run in plan.experiments[experiment]}
    if not plan.missing & runs:
        return ""
    return (
        f" Partial: {len(runs - plan.missing)} of {len(runs)} runs are done; (n) or a hollow mean: made from fewer "
        "runs or pairs than planned; –: from none."
    )
