"""The captions of figures and tables: each states what was run, and is a function of the study alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from spl.methods.registry import METHODS
from spl.paper.parameters import curve_runs, kept_share, measured_calibrations, settings_columns
from spl.study.checks import BASELINE
from spl.study.labels import SYMBOLS, network_name
from spl.study.plan import Plan, Run, SplitJob
from spl.study.resolve import is_assumed, run_settings, setting_origins

# Data sets as papers write them; others are called by their name in the study.
DATA_SETS = {"cifar-10": "CIFAR-10", "cifar-100": "CIFAR-100", "fashion-mnist": "Fashion-MNIST", "imagenet": "ImageNet"}


def _what_was_run(plan: Plan, experiment: str) -> str:
    """Data, labels, network, length and weight of the unlabelled loss of an experiment's runs."""
    return _described(plan, [plan.runs[path] for path in plan.experiments[experiment]])


def _described(plan: Plan, runs: list[Run]) -> str:
    """The same for any runs on one data set."""
    mu = [run.settings["mu"] for run in runs if "mu" in run.settings]
    network = network_name(_values(runs, "network"))
    times = "as many" if set(mu) == {1} else f"{_values(runs, 'mu')} times as many"
    unlabelled = f" and {times} unlabelled" if mu else ""
    text = (
        f"{_data(plan, runs[0].dataset)}, {_labels(plan, runs)}; {network}, "
        f"{_listed(dict.fromkeys(map(_length, runs)), 'or')} with batches of {_values(runs, 'batch')} "
        f"labelled{unlabelled} images; "
        f"{_numbered('fold', {run.fold for run in runs})}, "
        f"{_numbered('training seed', {run.seed for run in runs})}; "
        f"{len(runs)} run{'s' if len(runs) > 1 else ''}."
    )
    return text + _weights(runs)


def _length(run: Run) -> str:
    steps, stop = run.settings["steps"], run.settings["stop"]
    return f"the first {stop:,} of {steps:,} steps" if stop else f"{steps:,} steps"


def _weights(runs: list[Run]) -> str:
    """The runs' values of lambda_u, and the methods for which it was calibrated."""
    fixed = _values([run for run in runs if not run.calibration], "lambda_u")
    text = f" λ_u = {fixed}" if fixed else ""
    measured = dict.fromkeys(_title(run.method) for run in runs if run.calibration)
    if measured:
        text += f"{';' if text else ' λ_u'} calibrated for {_listed(measured)} (equation 25)"
    elif any(METHODS[run.method].calibration for run in runs):
        text += ", fixed rather than calibrated (equation 25)"
    return text and f"{text}."


def _title(method: str) -> str:
    """A method's title in running text, where a comma would begin the next method."""
    return METHODS[method].title.replace(", ", " with the ")


def _listed(names: Iterable[str], last: str = "and") -> str:
    """The names as a list in a sentence: "a, b and c"."""
    *before, final = names
    return f"{', '.join(before)} {last} {final}" if before else final


def _values(runs: list[Run], setting: str) -> str:
    """The values of a setting over the runs that use it: "a, b or c"; empty if none does."""
    values = dict.fromkeys(run.settings[setting] for run in runs if setting in run.settings)
    texts = [value if isinstance(value, str) else f"{value:,}".removesuffix(".0") for value in values]
    return _listed(texts, "or") if texts else ""


def _labels(plan: Plan, runs: list[Run]) -> str:
    """How many labels the runs see; labelled sets that differ in size alone share the noun: "20, 40 or 80 labels"."""
    splits = [plan.splits[run.split] for run in runs]
    if {split.scheme for split in splits} == {"random"}:
        sizes = dict.fromkeys(str(split.labels) for split in splits)
        return _listed(sizes, "or") + (" label" if list(sizes) == ["1"] else " labels")
    return _listed(dict.fromkeys(map(_drawn, splits)), "or")


def _drawn(split: SplitJob) -> str:
    if split.part is not None:
        return f"{100 * split.part:g} % of the labels of each class"
    if split.labels is None:
        return "all labels"
    return f"{split.labels} label{'' if split.labels == 1 else 's'}" + " per class" * (split.scheme == "balanced")


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
                named.append(f"{SYMBOLS.get(key, key)} = {getattr(resolved, key)} for {_title(method)}{note}")
    return f" {'; '.join(named)}." if named else ""


def _data(plan: Plan, dataset: str) -> str:
    stands_in_for = plan.study.datasets[dataset].stands_in_for
    name = DATA_SETS.get(dataset, dataset.capitalize())
    return f"{name} (standing in for {stands_in_for})" if stands_in_for else name


def _numbered(noun: str, values: Iterable[int]) -> str:
    ordered = sorted(values)
    return f"{noun}{'s' if len(ordered) > 1 else ''} {_span(ordered)}"


def _span(values: list[int]) -> str:
    consecutive = len(values) > 2 and values == list(range(values[0], values[-1] + 1))
    return f"{values[0]}–{values[-1]}" if consecutive else _listed(map(str, values))


ERROR = "Error of the last checkpoint, in percent of the test images"


def _partly_collapsed(plan: Plan) -> str:
    """How few predictions, and how few of them right, make a class count as collapsed, at least partly."""
    column, recall = plan.study.basins.partly_collapsed, plan.study.basins.recall
    return (
        f"fewer predictions than {100 * column:g} % of its test images, and less than {100 * recall:g} % of these "
        "recognised (assumed limits)"
    )


def claims(plan: Plan, *experiments: str) -> str:
    """The table of claims."""
    gate, margin = plan.study.gate, 100 * plan.study.no_effect.margin
    regime = (
        "Out of regime: the runs do not meet the condition of the gate, under which the paper makes the claim. This is "
        "no refutation, and the numbers of such a claim only describe these runs. "
        if gate
        else "The study has no gate, so it does not check whether its runs are in the regime of few labels and high "
        "performance, for which the paper makes most of these claims. "
    )
    return (
        "Claims of the paper in our words, with their section and a computed verdict; the primary one is bold. Effect: "
        "Hodges–Lehmann estimate of the paired difference in favour of the claim, over n folds, in points for errors "
        "and shares, with its interval at the smallest level from 95 % on, or at the highest that n allows; for basins "
        "and wins over FixMatch, the difference of two shares of folds. p, and p, opposite: exact one-sided "
        "signed-rank tests (for runs that switch, McNemar's) that the claim, and that its opposite, holds, corrected "
        "by Holm's method within each group of claims that answer one question. Equally good: both one-sided tests "
        f"that the difference lies within {margin:g} points (assumed margin); a difference that is not significant is "
        f"never taken for equality. Supported, contradicted: the one or the other p is at most {_levels(plan)}; this "
        "holds for the data and the network of the study, not beyond. Undecided: neither; folds to decide: about how "
        "many would do so with a power of 80 % (Noether's approximation), for the effect seen and for half of it, "
        f"since an effect seen in few folds is uncertain. {regime}Not run: the study lacks the experiment, or its "
        "runs, or those that the regime is measured on, are not done. Exploratory: the test was not registered before "
        "the runs."
    )


def _levels(plan: Plan) -> str:
    """The level of the tests in each direction."""
    if (registered := plan.study.registered) is None:
        return "5 %"
    pairs = zip(registered.looks, registered.levels, strict=True)
    looks = ", ".join(f"{100 * level:g} % at {folds} folds" for folds, level in pairs)
    return f"5 %, or, for registered claims about {' and '.join(registered.experiments)}, {looks}, and not between"


def regime(plan: Plan, *experiments: str) -> str:
    """The figure of the gate."""
    gate = plan.study.gate
    if gate is None:
        return ""
    least, largest = (100 * share for share in gate.low_basin)
    return (
        "Coverage and purity of FixMatch's pseudo-labels (equation 5) and its test error, at every evaluation of each "
        "run. The gate (assumed limits), measured on FixMatch and full supervision alone: mean coverage over the last "
        f"fifth of the steps of at least {100 * gate.coverage:g} %; median error of the runs that end in the high "
        f"basin at most {100 * gate.distance:g} points above full supervision (distance); between {least:g} "
        f"and {largest:g} % of the runs in the low basin. {_what_was_run(plan, experiments[0])}"
        + _referred_to(plan, experiments[1:])
    )


def errors(plan: Plan, experiment: str, *references: str) -> str:
    """Tables of errors."""
    return (
        f"{ERROR}. "
        + _what_was_run(plan, experiment)
        + _compared(plan, experiment)
        + _own(plan, experiment)
        + _referred_to(plan, references)
    )


def no_effect(plan: Plan, experiment: str, *references: str) -> str:
    """Errors of methods that are to do no harm (section 4.2)."""
    if _single(plan, experiment):
        return errors(plan, experiment, *references)
    return (
        f"{errors(plan, experiment, *references)} Equivalent: both exact one-sided Wilcoxon tests, that the gain is "
        f"above −{100 * plan.study.no_effect.margin:g} and below {100 * plan.study.no_effect.margin:g} points (assumed "
        "margin); p: the larger of their two p-values."
    )


def _compared(plan: Plan, experiment: str) -> str:
    """The comparison with the baseline: gain, test and correction, as far as the table has them."""
    gain = " Gain: error of the baseline minus error of the method"
    if _single(plan, experiment):
        return f"{gain}, in points; a single pair of runs allows no test."
    sizes = {plan.runs[path].labels for path in plan.experiments[experiment]}
    several = _arms(plan, experiment) * len(sizes) > 1
    return (
        f"{gain}, paired run by run, mean ± std in points; p: exact one-sided Wilcoxon test that the gain is positive"
        + "; Holm: p corrected for the comparisons in this table" * several
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
        f"Unlabelled loss as a function of the pseudo-label's score, for τ = {plan.study.training.threshold:g}: "
        "(a) Pseudo-Labeling, shifted to be continuous; (b) smooth Pseudo-Labeling (equation 17). At τ the derivative "
        "jumps in (a) but not in (b). Computed from the formulas, without training."
    )


def factors(plan: Plan) -> str:
    """Figure 6."""
    return (
        f"The smoothness factor for τ = {plan.study.training.threshold:g} in its linear, quadratic and square-root "
        "shapes, and the indicator that it replaces. Computed from the formulas, without training."
    )


def frequencies(plan: Plan, experiment: str) -> str:
    """Figure 4."""
    folds, dataset = plan.study.experiments[experiment].folds, plan.study.experiments[experiment].dataset
    return (
        "Standard deviation of the class counts of a labelled set, divided by their mean, against the number of "
        f"labels: a dot for each labelled set, its mean over {_numbered('fold', folds)}, and its expectation under "
        f"uniform draws. {_data(plan, dataset)}; labels drawn uniformly from all training images, each labelled set "
        f"contained in the next larger one of its fold; {len(plan.experiment_splits[experiment])} labelled sets."
        + (
            " Orange: mean over the folds on which at least one run, of any method, ended in the low basin (a class "
            "at least partly collapsed); the line has gaps where no run did."
            if plan.experiments[experiment]
            else " No run was trained on these sets, so the curve of folds with trouble converging is missing."
        )
    )


def matrices(plan: Plan, experiment: str) -> str:
    """The confusion matrices of two runs."""
    return (
        "Confusion matrices of the runs with the lowest and the highest error at the last checkpoint. The number below "
        f"a class is its column sum. A frame marks a class with {_partly_collapsed(plan)}. The two runs were chosen "
        f"among all runs of {experiment}: " + _what_was_run(plan, experiment)
    )


def imbalance(plan: Plan, experiment: str, balanced: str, *others: str) -> str:
    """Class imbalance, perhaps of several strengths."""
    shares = {name: f"{100 * kept_share(plan, name):g} %" for name in (experiment, *others)}
    return (
        f"In each fold, one class drawn at random keeps {_listed(shares.values(), 'or')} of its unlabelled images. "
        + errors(plan, experiment)
        + "".join(f" With {shares[other]}: {_what_was_run(plan, other)}" for other in others)
        + (" Worse: p of the exact one-sided test that the gain is negative." * (not _single(plan, experiment)))
        + f" Drop: error with imbalance minus error without ({balanced}), paired by fold, mean ± std in points"
        + (
            "."
            if _single(plan, experiment)
            else "; its p: exact one-sided Wilcoxon test that the imbalance raises the error."
        )
    )


def initial_condition(plan: Plan, experiment: str, folds: str) -> str:
    """Spread over training seeds."""
    return (
        f"{ERROR}: its spread over the training seeds of one fold, and over the folds of {folds}. Last column: error "
        "of the baseline's best seed minus error of the method's worst seed, positive if even the worst is better. "
        + _what_was_run(plan, experiment)
    )


def transitions(plan: Plan, experiment: str) -> str:
    """Probabilistic monotonicity."""
    limits = plan.study.stability
    return (
        "p-value, in percent, of the exact one-sided Wilcoxon test over folds that the error of the last checkpoint "
        "falls from one number of random labels to the next; each labelled set contains the next smaller one. High: p "
        f"above {100 * limits.level:g} %; stable: from there on, the mean error is below {100 * limits.mean_below:g} % "
        f"and its std below {100 * limits.std_below:g} points. " + _what_was_run(plan, experiment)
    )


def grid(plan: Plan, experiment: str) -> str:
    """Errors over the values of one setting."""
    return (
        f"{ERROR}; bold: the lowest of each row; (n): mean of n runs where other cells have more. "
        + _what_was_run(plan, experiment)
        + _own(plan, experiment)
    )


def beside_none(plan: Plan, experiment: str, *references: str) -> str:
    """Errors over the weights of the factor as loss."""
    without = f" 0: Smooth FixMatch itself, with the runs of {_listed(references)}." if references else ""
    return grid(plan, experiment) + without


def hyperparameters(plan: Plan, *experiments: str) -> str:
    """Settings, and the marks that occur among them."""
    columns = settings_columns(plan, *experiments)["columns"]
    marks = ["* assumed"] if any(column["assumed"] for column in columns) else []
    marks += ["† calibrated (equation 25)"] if any(column["calibration"] for column in columns) else []
    return f"Settings of Smooth FixMatch{'; ' if marks else ''}{', '.join(marks)}."


def calibration(plan: Plan) -> str:
    """Calibrated weights, their ratios on each fold, and the residual of equation 25 in the study's runs."""
    measured = measured_calibrations(plan).values()
    pairs = [(plan.runs[one.reference[0]], plan.runs[one.smooth[0]]) for one in measured]
    others = dict.fromkeys(_title(reference.method) for reference, _ in pairs)
    lengths = dict.fromkeys(_length(smooth) for _, smooth in pairs)
    apart = dict.fromkeys(
        f"{_title(smooth.method)} (τ = {smooth.settings['threshold']:g}) is compared with {_title(reference.method)} "
        f"at τ = {reference.settings['threshold']:g}."
        for reference, smooth in pairs
        if smooth.settings["threshold"] != reference.settings["threshold"]
    )
    return (
        "λ_u of the smooth methods from equation 25. Fold k: the unlabelled loss of a run of "
        f"{_listed(others, 'or')} over that of a run of the smooth method, both with λ_u = 1 and averaged over the "
        f"second half of {_listed(lengths, 'or')}. λ_u: ratio of the means over folds; range: largest minus smallest "
        "ratio of a fold. Residual: the same losses in the study's own runs on these folds, averaged over the last "
        f"fifth of their steps; λ_u times the smooth one, over the other: 1 if the magnitudes still agree. (n): over n "
        "folds where there are fewer. " + " ".join(apart)
    ).strip()


def aggregate(plan: Plan, *experiments: str) -> str:
    """All pairs of runs."""
    return (
        "All runs under equal conditions (same data, labelled set, seed and settings, except λ_u and the shape of the "
        f"factor), paired run by run, over the experiments {_listed(experiments)}. In points; last − best, largest: "
        "mean and largest difference between last and best error over all runs of a method; max, min: largest and "
        "smallest gain of a pair; better: pairs in which the method has the lower error. The test takes pairs for "
        "independent, although those with the same labelled set are not: p is descriptive only."
    )


def collapses(plan: Plan, experiment: str) -> str:
    """When classes collapsed."""
    basins = plan.study.basins
    return (
        "Smallest column, smallest recall: predictions of the least predicted class and correct predictions of the "
        "least recognised class at the last checkpoint, in percent of its test images. Steps between which a class was "
        "collapsed, that is, had fewer predictions than "
        f"{100 * basins.collapsed:g} % of its test images (assumed limit), including the time before it was learnt. "
        "Recovered: classes that had been learnt, then collapsed, and are not collapsed at the last evaluation; learnt "
        f"means that at least {100 * basins.partly_collapsed:g} % of a class's test images were recognised, and at "
        "least that share of its predictions correct (assumed limit). " + _what_was_run(plan, experiment)
    )


def against(plan: Plan, experiment: str) -> str:
    """Errors against one setting."""
    return (
        "Error of the last checkpoint: a dot for each run, and a line through the mean at each value. "
        + _what_was_run(plan, experiment)
        + _own(plan, experiment)
    )


def hardest_fold(plan: Plan, experiment: str, *references: str) -> str:
    """Figure 5."""
    return (
        "Error of the last checkpoint against the number of random labels, on a single fold: the one on which "
        "FixMatch's error, averaged over all numbers of labels, is largest. The fold was chosen among all runs of "
        f"{experiment}: " + _what_was_run(plan, experiment) + _referred_to(plan, references)
    )


def collapse(plan: Plan, experiment: str) -> str:
    """Confusion matrices during training."""
    return (
        "Confusion matrices of the run with the highest last error, at evaluations spread evenly over its training. A "
        f"frame marks a class with {_partly_collapsed(plan)}. The run was chosen among all runs of {experiment}: "
        + _what_was_run(plan, experiment)
    )


def basins(plan: Plan, experiment: str) -> str:
    """Distribution of errors."""
    return (
        "Left: error of each run at the last checkpoint. Middle: smallest column sum of its confusion matrix, divided "
        "by the number of test images of that class. Right: smallest recall of a class. Filled: high basin; hollow or "
        "crossed out: low basin, in which a class is partly or wholly collapsed. Partly collapsed: "
        f"{_partly_collapsed(plan)}. Dots have their exact values and are stacked where they would overlap. "
        + _what_was_run(plan, experiment)
    )


def curves(*methods: str) -> Callable[..., str]:
    """Figures 7, 8 and 9."""

    def caption(plan: Plan, *experiments: str) -> str:
        shown = ([run for run, _ in curve_runs(plan, methods, [experiment])] for experiment in experiments)
        described = " ".join(_described(plan, runs) for runs in shown if runs)
        first = _listed(f"of {_title(method)}" for method in methods)
        return f"Measured at every evaluation, in the first run {first}. {described}"

    return caption


def spreadsheet(plan: Plan, experiment: str) -> str:
    """Appendix A.4."""
    return (
        "Last error, basin and collapsed classes of every run, with one row per method and fold and one column per "
        "number of labels. " + _what_was_run(plan, experiment)
    )


def basin_switches(plan: Plan, experiment: str) -> str:
    """Sections 4.1 and 4.3.1: runs that a shape brings to another basin."""
    return (
        "Runs that end in another basin than FixMatch's run of the same fold and seed. A run is in the low basin if a "
        f"class has {_partly_collapsed(plan)}; p: McNemar's exact two-sided test that switches to the low and to the "
        "high basin are equally likely. " + _what_was_run(plan, experiment) + _own(plan, experiment)
    )


def within_basins(plan: Plan, experiment: str) -> str:
    """Section 4.1: gains within a basin, and the distance of the basins."""
    return (
        "Gain: error of FixMatch minus error of the method, of the same fold and seed, mean ± std in points over the n "
        "pairs whose runs both end in the high or both in the low basin, or that switch from FixMatch's basin to the "
        "other. These groups are chosen by the outcome, so nothing is tested. Error, high and low: of the method's "
        "runs in each basin, in percent; low − high: the distance of its basins, in points. A run is in the low basin "
        f"if a class has {_partly_collapsed(plan)}. " + _what_was_run(plan, experiment) + _own(plan, experiment)
    )


def weakest_classes(plan: Plan, experiment: str) -> str:
    """Section 4.1: collapses without a limit."""
    return (
        "Smallest column: predictions of the class that the last checkpoint predicts least often; smallest recall: "
        "correct predictions of the class that it recognises least often; in percent of the class's test images. Gain: "
        f"that of the method minus that of FixMatch, {_tested(plan, experiment, _arms(plan, experiment))} "
        + _what_was_run(plan, experiment)
        + _own(plan, experiment)
    )


def instability(plan: Plan, experiment: str) -> str:
    """Sections 4.1 and 4.4: late best errors, and what runs lose since."""
    return (
        "Best in the last tenth: runs whose lowest error of all evaluations was first reached in the last tenth of the "
        f"training; unstable: runs whose last error is more than {100 * plan.study.basins.unstable:g} points (assumed "
        "limit) above their lowest; last − best, largest: mean and largest difference, in points. Gain: the "
        f"difference of FixMatch minus that of the method, {_tested(plan, experiment, _arms(plan, experiment))} "
        + _what_was_run(plan, experiment)
        + _own(plan, experiment)
    )


def sensitivity(setting: str, rise: bool = False) -> Callable[..., str]:
    """Sections 4.3.2 and 4.3.4: how much the error depends on a setting; ``rise``: the table has the rise too."""

    def caption(plan: Plan, experiment: str) -> str:
        methods = plan.study.experiments[experiment].methods
        values = _values([plan.runs[path] for path in plan.experiments[experiment]], setting)
        which = "range or rise" if rise else "range"
        gain = f" Gain: {which} of FixMatch minus that of the method, {_tested(plan, experiment, len(methods) - 1)}"
        return (
            f"Range: largest minus smallest error of a fold over {SYMBOLS.get(setting, setting)} = {values}"
            + "; rise: largest error of a fold below the default value minus its error at the default" * rise
            + (", in points." if _single(plan, experiment) else ", mean ± std in points.")
            + gain * (BASELINE in methods)
            + f" {_what_was_run(plan, experiment)}"
            + _own(plan, experiment)
        )

    return caption


def _tested(plan: Plan, experiment: str, comparisons: int) -> str:
    """How a table of endpoints other than the error compares the methods with FixMatch."""
    if _single(plan, experiment):
        return "in points; a single pair allows no test."
    return (
        "paired by fold and seed, mean ± std in points; p: exact one-sided Wilcoxon test that the gain is positive"
        + "; Holm: p corrected for the methods compared" * (comparisons > 1)
        + "."
    )


def _arms(plan: Plan, experiment: str) -> int:
    """The number of comparisons with FixMatch."""
    chosen = plan.study.experiments[experiment]
    return (len(chosen.methods) - 1) * len(chosen.variants)


MEASURED_LATE = "Mean over the steps, and mean ± std over the runs, in percent."


def pseudo_labels(plan: Plan, experiment: str) -> str:
    """Equation 5 during training."""
    return (
        "Coverage, the mean weight of the pseudo-labels, which is the selected share of them if weights are 0 or 1; "
        "and purity, the part of this weight whose pseudo-label is right (equation 5). Measured over the steps since "
        "the evaluation before: mean over the runs, with a band of one standard deviation. "
        + _what_was_run(plan, experiment)
        + _own(plan, experiment)
    )


def coverage(plan: Plan, experiment: str) -> str:
    """Equation 5 at the end of the training."""
    return (
        "Coverage: mean weight of the pseudo-labels, which is the selected share of them if weights are 0 or 1. "
        "Purity: the part of this weight whose pseudo-label is right (equation 5). Over the evaluations in the last "
        f"fifth of the training. {MEASURED_LATE} {_what_was_run(plan, experiment)}{_own(plan, experiment)}"
    )


def flips(plan: Plan, experiment: str) -> str:
    """The mechanism of section 3.3."""
    return (
        "Flips: share of the visits to an unlabelled image at which its pseudo-label is another one than at the visit "
        "before. Movement of the weight: mean distance of the pseudo-label's weight from that at the visit before; the "
        "largest weight is 1. Over the evaluations in the last half of the training. "
        f"{MEASURED_LATE} Gain: that of FixMatch minus that of the method, "
        f"{_tested(plan, experiment, _arms(plan, experiment))} "
        + _what_was_run(plan, experiment)
        + _own(plan, experiment)
    )


def twins(plan: Plan, experiment: str) -> str:
    """The divergence of twins during training."""
    return (
        f"Share of the test images for which a run and its twin predict different classes. {_twins(plan, experiment)} "
        "Mean over the pairs of a method, with a band from the closest to the most distant pair. "
        + _what_was_run(plan, experiment)
    )


def twins_at_the_end(plan: Plan, experiment: str) -> str:
    """The divergence of twins at the last evaluation."""
    return (
        "Distance of a run and its twin at the last evaluation. Disagreement: share of the test images for which they "
        "predict different classes; error difference: distance of their errors; mean ± std over the pairs, in percent. "
        f"{_twins(plan, experiment)} Gain: that of FixMatch minus that of the method, "
        f"{_tested(plan, experiment, len(plan.study.experiments[experiment].methods) - 1)} "
        + _what_was_run(plan, experiment)
    )


def _twins(plan: Plan, experiment: str) -> str:
    noise = max(plan.runs[path].settings["initial_noise"] for path in plan.experiments[experiment])
    return f"Twins differ in a random disturbance of the initial weights alone, of relative size {noise:g}."


def populated(plan: Plan, experiment: str) -> str:
    """Section 4.5.2."""
    return (
        "Populated diagonal entries of the confusion matrix: number of classes for which the last checkpoint "
        f"recognises at least {100 * plan.study.basins.partly_collapsed:g} % of the test images (assumed limit), by "
        "fold and number of random labels; (n): mean over n folds where other cells have more. "
        + _what_was_run(plan, experiment)
    )


def done(plan: Plan, *experiments: str) -> str:
    """How many runs of these experiments a partial paper shows; empty if all of them are done."""
    runs = {run for experiment in experiments for run in plan.experiments[experiment]}
    if not plan.missing & runs:
        return ""
    return (
        f" Partial: {len(runs - plan.missing)} of {len(runs)} runs are done; (n) or a hollow mean: computed from fewer "
        "runs or pairs than planned; –: no run is done."
    )
