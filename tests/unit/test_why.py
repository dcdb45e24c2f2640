"""What is said of the runs behind a number, also of results that somebody forged."""

from spl.audit.why import _rows

HEADER = "run,error_last,labels,split_seed,split,seed"


def test_of_a_summary_it_takes_what_can_be_read_and_no_more(tmp_path):
    summary = tmp_path / "all.csv"
    summary.write_text(f"{HEADER}\na,0.125,20,1,digits/balanced-20/fold1,0\n")
    expected = {"error": "12.50", "labels": "20", "split_seed": "1", "split": "digits/balanced-20/fold1", "seed": "0"}
    assert _rows([summary]) == {"a": expected}
    for forged in (
        f"{HEADER}\na,oops,20,1,digits/balanced-20/fold1,0\n",
        "run,error_last\na,0.125\n",
        f"{HEADER}\na\n",
        '"',
        "",
    ):
        summary.write_text(forged)
        assert _rows([summary, tmp_path / "absent.csv"]) == {}
