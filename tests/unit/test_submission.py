"""What SLURM refuses for good is refused once; what time mends waits, longer and longer; names arrive as written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spl.campaign.submission import LONGEST_PAUSE, TRIES, Patience, check_site_resources, refusal_words, why_stuck
from spl.errors import InputError

# As SLURM 22.05 and Snakemake's plugin print them.
FINAL = [
    "Batch job submission failed: Invalid account or account/partition combination specified",
    "Job submission failed with exception: The given account nope appears to be invalid. Available accounts: lab",
    "invalid partition specified: nope Batch job submission failed: Invalid partition name specified",
    "Batch job submission failed: Requested node configuration is not available",
    "Memory specification can not be satisfied Batch job submission failed: Requested node configuration is not "
    "available",
    "Invalid GRES specification (with and without type identification)",
    "Batch job submission failed: Invalid qos specification",
    "QOSMaxWallDurationPerJobLimit Batch job submission failed: Job violates accounting/QOS policy (job submit limit, "
    "user's size and/or time limits)",
    "/bin/sh: 1: sbatch: not found",
    "Job submission failed with exception: [Errno 2] No such file or directory: 'sinfo'",
    "Batch job submission failed: User's group not permitted to use this partition",
]
TEMPORARY = [
    "AssocMaxSubmitJobLimit Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's "
    "size and/or time limits)",
    "QOSMaxSubmitJobPerUserLimit Batch job submission failed: Job violates accounting/QOS policy (job submit limit, "
    "user's size and/or time limits)",
    "Batch job submission failed: Unable to contact slurm controller (connect failure)",
    "Batch job submission failed: Socket timed out on send/recv operation",
    "Batch job submission failed: Slurm temporarily unable to accept job, sleeping and retrying",
    "Batch job submission failed: Required partition not available (inactive or drain)",
    "Failed to run sinfo for retrieval of cluster partitions: slurm_load_partitions: Unable to contact slurm "
    "controller (connect failure)",
    "Batch job submission failed: Zero Bytes were transmitted or received",
    "Job submission failed with exception: [Errno 12] Cannot allocate memory",
]


@pytest.mark.parametrize("words", FINAL)
def test_what_will_be_refused_again_is_refused_once(words):
    assert Patience(40).pause(words) is None


@pytest.mark.parametrize("words", TEMPORARY)
def test_what_time_mends_is_tried_for_ever_with_growing_pauses(words):
    patience = Patience(40)
    pauses = [patience.pause(words) for _ in range(50)]
    assert pauses[:5] == [40, 80, 160, 320, 600]
    assert set(pauses[4:]) == {LONGEST_PAUSE}
    patience.accepted()
    assert patience.pause(words) == 40


def test_words_that_we_do_not_know_are_tried_for_some_time_and_once_only_for_all_jobs():
    patience = Patience(40)
    pauses = [patience.pause("a site's own refusal") for _ in range(TRIES + 2)]
    assert None not in pauses[:TRIES]
    assert pauses[TRIES:] == [None, None]
    assert patience.pause("another one") is not None


@given(st.text())
def test_whatever_slurm_says_fits_on_a_line_and_has_an_answer(words):
    assert "\n" not in refusal_words(f"SLURM sbatch failed. The error message was '{words}'.\n    sbatch call:\n   x\n")
    assert Patience(1).pause(refusal_words(words)) in (1, None)


def test_the_words_of_sbatch_are_found_in_the_message_of_the_plugin():
    message = (
        "SLURM sbatch failed. The error message was 'sbatch: error: AssocMaxSubmitJobLimit\nsbatch: error: Batch job "
        "submission failed: Job violates policy (user's size)'.\n    sbatch call:\n        sbatch --wrap='x'\n"
    )
    assert (
        refusal_words(message)
        == "AssocMaxSubmitJobLimit Batch job submission failed: Job violates policy (user's size)"
    )
    assert refusal_words("Job submission failed with exception: no") == "Job submission failed with exception: no"


@pytest.mark.parametrize("reason", ["PartitionTimeLimit", "QOSMaxWallDurationPerJobLimit"])
def test_a_job_whose_time_limit_is_too_long_says_where_to_read_on(reason):
    assert why_stuck(reason) == f"{reason}: its `runtime` is above a limit; see docs/cluster.md#time-limits"


@pytest.mark.parametrize(
    "reason", ["BadConstraints", "JobHeldAdmin", "AccountNotAllowed", "launch failed requeued held"]
)
def test_what_somebody_must_change_is_told(reason):
    assert why_stuck(reason) == reason


@pytest.mark.parametrize("reason", ["None", "Priority", "Resources", "BeginTime", "AssocMaxJobsLimit", "Dependency"])
def test_what_waits_for_its_turn_is_not(reason):
    assert why_stuck(reason) is None


@pytest.mark.parametrize(
    "stated",
    [
        {"slurm_partition": "gpu", "slurm_account": "lab-1", "gpu_model": "a100"},
        {"slurm_partition": "4090", "slurm_account": 12345},
        {"slurm_partition": "'all'", "gpu_model": '"4090"', "constraint": "'a100|h100'"},
        {"slurm_partition": "gpu,long", "mem_mb": "4 * 1000", "gpu_model": "a100_80gb.v2"},
        {},
    ],
)
def test_names_that_arrive_at_sbatch_as_they_are_written_are_accepted(stated):
    check_site_resources(stated)


@pytest.mark.parametrize(
    ("name", "text"),
    [("slurm_partition", text) for text in ("all", "max", "input", "None", "1e3", "0x10")] + [("gpu_model", "4090")],
)
def test_names_that_snakemake_reads_as_python_are_refused_with_how_to_write_them(name, text):
    with pytest.raises(InputError) as refused:
        check_site_resources({name: text, "slurm_account": "lab"})
    quoted = f"\"'{text}'\""
    assert str(refused.value).startswith(
        f"default-resources: {name}: {text}: expected quotes within quotes, {name}: {quoted}"
    )
    check_site_resources({name: f"'{text}'"})


@pytest.mark.parametrize("text", ["rtx-3090", "'a100-40gb'", "rtx 3090"])
def test_a_gpu_model_that_the_plugin_refuses_is_refused_before_with_another_way(text):
    with pytest.raises(InputError, match=r"gpu_model: .*in place of it write config: \[gpu_type="):
        check_site_resources({"gpu_model": text})
