"""Errors from the logs of TorchSSL and USB, in the form in which these print them."""

import pytest

from spl.analysis.compare import compare_methods
from spl.analysis.error_files import read_errors
from spl.errors import InputError

TORCHSSL = (
    "[2021-12-05 06:50:26,826 INFO] {at} iteration, USE_EMA: True, {{'train/sup_loss': tensor(9.1400e-05, "
    "device='cuda:0'), 'lr': 0.005874884396511934, 'eval/loss': tensor(0.6446, device='cuda:0'), 'eval/top-1-acc': "
    "{accuracy}, 'eval/top-5-acc': 0.9944}}, BEST_EVAL_ACC: {best}, at {best_at} iters"
)
USB = (
    "[2022-08-16 01:02:03,045 INFO] {at} iteration, USE_EMA: True, train/sup_loss: 0.0012, train/util_ratio: 0.9955, "
    "lr: 0.0059, eval/loss: 0.2371, eval/top-1-acc: {accuracy}, eval/balanced_acc: 0.9301, BEST_EVAL_ACC: {best}, at "
    "{best_at} iters"
)
ARGUMENTS = {
    TORCHSSL: "[2021-12-05 00:00:00,000 INFO] Arguments: Namespace(alg='{method}', data_dir='./data', "
    "dataset='{dataset}', num_labels={labels}, save_name='x', seed={seed}, uratio=7)",
    USB: "[2022-08-16 00:00:00,000 INFO] Arguments: Namespace(algorithm='{method}', c='', dataset='{dataset}', "
    "imb_algorithm=None, lb_dest_len=40, num_labels={labels}, seed={seed}, ulb_num_labels=None)",
}
NOISE = (
    "[2022-08-16 01:02:03,001 INFO] validating...",
    "[2022-08-16 01:02:03,002 INFO] confusion matrix:\n[[0.9 0.1]\n [0.2 0.8]]",
    "[2022-08-16 01:02:03,003 INFO] 4864 iteration USE_EMA: True, train/sup_loss: 0.0012, lr: 0.0059 ",
    "[2022-08-16 01:02:03,004 INFO] model saved: ./saved_models/x/latest_model.pth",
)


def write_log(folder, accuracies, line=TORCHSSL, every=1000, name="", arguments=None):
    """The log of a run with these accuracies, one for each evaluation."""
    run = folder / name
    run.mkdir(parents=True, exist_ok=True)
    lines = [ARGUMENTS[line].format(**arguments)] if arguments else []
    for number, accuracy in enumerate(accuracies, 1):
        so_far = list(map(float, accuracies[:number]))
        best = max(so_far)
        lines += [
            *NOISE,
            line.format(at=number * every, accuracy=accuracy, best=best, best_at=every * (1 + so_far.index(best))),
        ]
    (run / "log.txt").write_text("\n".join(lines) + "\n")


def errors_of(found):
    return {
        setting: {(method, fold): error for method, fold, error in runs[["method", "fold", "error_last"]].to_numpy()}
        for setting, runs in found.settings.items()
    }


@pytest.mark.parametrize("line", [TORCHSSL, USB])
def test_last_and_best_error_of_each_run_by_method_data_set_and_seed(tmp_path, line):
    for method, accuracies in {"fixmatch": ["0.8", "0.93", "0.91"], "flexmatch": ["0.9", "0.95", "0.94"]}.items():
        for seed in (0, 1):
            write_log(tmp_path, accuracies, line, name=f"{method}_cifar10_40_{seed}")
            write_log(tmp_path, accuracies[:2], line, name=f"classic_cv/{method}_svhn_250_{seed}")
    last = errors_of(read_errors(tmp_path))
    assert last["cifar10, 40 labels"] == {
        ("fixmatch", 0): 0.09, ("fixmatch", 1): 0.09, ("flexmatch", 0): 0.06, ("flexmatch", 1): 0.06
    }  # fmt: skip
    assert last["svhn, 250 labels"]["fixmatch", 0] == 0.07
    assert errors_of(read_errors(tmp_path, best=True))["cifar10, 40 labels"]["flexmatch", 1] == 0.05


def test_it_is_said_what_was_read(tmp_path):
    write_log(tmp_path, ["0.9", "0.8"], name="fixmatch_cifar10_40_0")
    assert read_errors(tmp_path).description == "last evaluation of each run (eval/top-1-acc in log.txt)"
    assert read_errors(tmp_path, best=True).description == "best evaluation of each run (eval/top-1-acc in log.txt)"


def test_runs_are_paired_by_seed(tmp_path):
    for seed, (ours, theirs) in enumerate([("0.9", "0.8"), ("0.95", "0.9"), ("0.97", "0.96")]):
        write_log(tmp_path, [theirs], USB, name=f"fixmatch_cifar10_40_{seed}")
        write_log(tmp_path, [ours], USB, name=f"softmatch_cifar10_40_{seed}")
    [comparison] = compare_methods(tmp_path)
    assert comparison.gains["softmatch"].mean == pytest.approx((0.1 + 0.05 + 0.01) / 3)
    assert comparison.gains["softmatch"].p_value == 1 / 8


@pytest.mark.parametrize("line", [TORCHSSL, USB])
def test_the_arguments_in_the_log_tell_names_with_underscores_apart(tmp_path, line):
    arguments = {"method": "uda", "dataset": "ag_news", "labels": 40, "seed": 3}
    write_log(tmp_path, ["0.9"], line, name="uda_flex_ag_news_40_3", arguments=arguments)
    write_log(tmp_path, ["0.8"], line, name="my_first_try", arguments=arguments)
    assert errors_of(read_errors(tmp_path)) == {"": {("uda", 3): 0.2, ("uda_flex", 3): 0.1}}


def test_a_test_set_beside_the_evaluation_set_counts_and_the_evaluation_set_selects(tmp_path):
    line = USB.replace("eval/balanced_acc: 0.9301", "test/loss: 0.2, test/top-1-acc: {test}")
    run = tmp_path / "fixmatch_imdb_20_0"
    run.mkdir()
    steps = [("0.90", "0.70"), ("0.92", "0.60"), ("0.91", "0.80")]
    (run / "log.txt").write_text(
        "\n".join(line.format(at=n, accuracy=a, test=b, best=a, best_at=n) for n, (a, b) in enumerate(steps, 1))
    )
    assert errors_of(read_errors(tmp_path))[""]["fixmatch", 0] == 0.2
    assert errors_of(read_errors(tmp_path, best=True))[""]["fixmatch", 0] == 0.4


def test_an_evaluation_before_an_interruption_can_be_the_best(tmp_path):
    """TorchSSL forgets the best accuracy when a run is resumed."""
    run = tmp_path / "fixmatch_cifar10_40_0"
    write_log(run, ["0.95", "0.8"])
    first = (run / "log.txt").read_text()
    write_log(run, ["0.85", "0.9"])
    (run / "log.txt").write_text(first + (run / "log.txt").read_text())
    assert errors_of(read_errors(tmp_path, best=True))[""]["fixmatch", 0] == 0.05
    assert errors_of(read_errors(tmp_path))[""]["fixmatch", 0] == 0.1


def test_wrong_logs_give_one_line_with_file_and_expectation(tmp_path):
    (tmp_path / "folder/log.txt").mkdir(parents=True)
    with pytest.raises(InputError, match=r"expected folders of TorchSSL or USB, each with a log\.txt, or a CSV file"):
        read_errors(tmp_path)
    write_log(tmp_path, [], name="fixmatch_cifar10_40_0")
    with pytest.raises(
        InputError, match=r"40_0/log\.txt: expected lines of evaluations, with eval/top-1-acc and BEST_"
    ):
        read_errors(tmp_path)
    run = tmp_path / "fixmatch_cifar10_40_0/log.txt"
    run.write_text(TORCHSSL.format(at=1, accuracy="nan", best=0, best_at=1))
    with pytest.raises(InputError, match=r"log\.txt, line 1: expected eval/top-1-acc with a share from 0 to 1"):
        read_errors(tmp_path)
    write_log(tmp_path, ["0.9"], name="fixmatch_cifar10_40_0")
    write_log(tmp_path, ["0.9"], name="mine")
    with pytest.raises(InputError, match="METHOD_DATASET_LABELS_SEED, as in fixmatch_cifar10_40_0, got mine"):
        read_errors(tmp_path)


def test_lines_of_a_megabyte_and_numbers_of_thousands_of_digits_are_no_evaluations(tmp_path):
    """Each is read in time proportional to its length."""
    write_log(tmp_path, [], name="fixmatch_cifar10_40_0")
    run = tmp_path / "fixmatch_cifar10_40_0/log.txt"
    for line in ("1 iteration, " * 10**5, f"{'9' * 5000} iteration, BEST_EVAL_ACC: 0.5"):
        run.write_text(f"{line}\n")
        with pytest.raises(InputError, match="expected lines of evaluations"):
            read_errors(tmp_path)


def test_a_run_that_is_not_finished_is_named(tmp_path):
    write_log(tmp_path, ["0.9", "0.91"], name="fixmatch_cifar10_40_0")
    write_log(tmp_path, ["0.9"], name="flexmatch_cifar10_40_0")
    with pytest.raises(
        InputError,
        match=r"flexmatch_cifar10_40_0/log\.txt: expected a last evaluation after 2000 iterations, .* got 1000",
    ):
        read_errors(tmp_path)
