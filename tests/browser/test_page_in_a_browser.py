"""The page of a study in a browser: from a number to its runs, by mouse, keyboard and address, on any screen."""

import base64
import hashlib
import json
import re
import shutil
import zlib

import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from spl.analysis.predictions import read_predictions
from spl.data.splits import read_split
from spl.page.circumstances import circumstances_script
from spl.page.render import embedded, packed

RUN = "digits/balanced-40/fold1/smooth-fixmatch/seed0"
GAIN = "#cell=table1:Smooth%20FixMatch,gain_mean"
PHONE, DESK = {"width": 375, "height": 800}, {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def study(_finished, tmp_path_factory):
    return _finished.copied(tmp_path_factory.mktemp("shown") / "copy")


@pytest.fixture(scope="module")
def results(study):
    return study.results


@pytest.fixture
def paper(results):
    return results / "paper.html"


def dialog(page):
    return page.get_by_role("dialog")


def title(page):
    return dialog(page).get_by_role("heading", level=2)


def opened(page):
    """The run or number that the dialog shows."""
    expect(dialog(page)).to_be_visible()
    return title(page).inner_text()


def test_a_number_leads_to_its_runs(visit, paper, study):
    page = visit(paper)
    page.locator("#table1").get_by_role("link", name="±").click()
    expect(title(page)).to_have_text("Table 1: Smooth FixMatch, gain_mean")
    runs = dialog(page).locator("tbody th").all_inner_texts()
    methods = ("fixmatch", "smooth-fixmatch")
    assert sorted(runs) == [f"digits/balanced-40/fold{fold}/{method}/seed0" for fold in (0, 1) for method in methods]
    command = dialog(page).locator("pre").inner_text()
    assert command == 'spl audit --why "results/tiny/tables/table1.csv:Smooth FixMatch,gain_mean"'
    why = re.search('"(.*)"', command)[1]
    said = study.run("spl", "audit", "--study", str(study.study), "--why", why)
    assert said.returncode == 0, said.stderr
    assert all(run in said.stdout for run in runs), "the audit names the same runs"
    dialog(page).get_by_role("link", name=RUN).click()
    expect(title(page)).to_have_text(RUN)
    dialog(page).get_by_role("link", name="runs behind Table 1: Smooth FixMatch, gain_mean").click()
    expect(title(page)).to_have_text("Table 1: Smooth FixMatch, gain_mean")


def test_numbers_behind_a_fold_and_lines_of_one_run_are_doors_too(visit, paper):
    page = visit(paper)
    page.locator("#table1").get_by_text("Intervals, effect sizes").click()
    page.locator("#table1 details").get_by_role("link", name="2", exact=True).click()
    expect(title(page)).to_have_text("Table 1: Smooth FixMatch, pairs")
    page.keyboard.press("Escape")
    page.locator("details.more summary").first.click()
    page.locator("details.more").get_by_role("link", name="high", exact=True).first.click()
    expect(title(page)).to_have_text(re.compile("^digits/balanced-40/"))


def test_a_run_shows_what_was_measured_of_it(visit, paper, results):
    page = visit(paper, f"#run={RUN}")
    assert opened(page) == RUN
    folder = results / "runs" / RUN
    metrics = pd.read_csv(folder / "metrics.csv")
    confusion = read_predictions(folder / "predictions.safetensors").confusion_matrices()
    curve = dialog(page).get_by_role("img", name="Test error")
    assert f"{100 * metrics['test_error'].iloc[-1]:.2f} % at the end, step 150" in curve.get_attribute("aria-label")
    assert len(curve.locator("polyline.test_error").get_attribute("points").split()) == len(metrics)
    slider = dialog(page).get_by_role("slider", name="Evaluation")
    for place, (step, matrix) in enumerate(zip(metrics["step"], confusion, strict=True)):
        slider.fill(str(place))
        expect(dialog(page).locator("output")).to_have_text(re.compile(f"^step {step}, error "))
        rows = dialog(page).locator(".matrix tbody tr").all()
        found = [[int(cell or 0) for cell in row.locator("td").all_inner_texts()] for row in rows]
        assert found == matrix.tolist()


def test_a_run_says_why_the_purity_of_its_pseudo_labels_is_unknown(visit, paper):
    """On a page in whose pool 20 images without a class were put."""
    text, split = paper.read_text(), RUN.rsplit("/", 2)[0]
    given = {
        name: re.search(f'(?<=id="{name}">).*', text)[0].removesuffix("</script>") for name in ("labelled", "trainings")
    }
    labelled, trainings = map(json.loads, given.values())
    labelled["digits"]["sets"][split]["pool"].append(20)
    run = json.loads(zlib.decompress(base64.b64decode(trainings[RUN])))
    run["curve"]["purity"] = [None] * len(run["curve"]["step"])
    trainings[RUN] = packed(run)
    other = paper.with_name("other.html")
    other.write_text(
        text.replace(given["labelled"], embedded(labelled)).replace(given["trainings"], embedded(trainings))
    )
    reason = "Purity of pseudo-labels: unknown, since the pool has 20 images without a class."
    page = visit(other, f"#run={RUN}")
    expect(dialog(page)).to_contain_text(reason)
    expect(dialog(page)).to_contain_text("Besides, the pool has 20 images without a class.")
    page = visit(paper, f"#run={RUN}")
    assert opened(page) == RUN
    expect(dialog(page)).not_to_contain_text("unknown")


def test_a_run_shows_its_labelled_images(visit, paper, results):
    page = visit(paper, f"#run={RUN}")
    split = read_split(results / "splits/digits/balanced-40/fold1.json")
    for label in range(10):
        pictures = dialog(page).get_by_role("img", name=f"4 pictures of {label}", exact=True)
        assert pictures.locator("i").count() == split.labelled_counts[label] == 4
    counts = dialog(page).locator(".labelled .count").all_inner_texts()
    assert counts == [f"4 of {pool}" for pool in split.unlabelled_counts]
    expect(dialog(page)).to_contain_text("All 40 labelled images.")


def test_a_run_shows_its_parameters_record_and_audit(visit, paper, results):
    page = visit(paper, f"#run={RUN}")
    manifest = results / "runs" / f"{RUN}.manifest.json"
    recorded = json.loads(manifest.read_text())
    text = dialog(page).inner_text()
    assert hashlib.sha256(manifest.read_bytes()).hexdigest() in text
    for fact in (recorded["host"], recorded["ended"], recorded["hardware"]["processor"], "wrn-10-1", "(calibrated)"):
        assert fact in text
    assert dialog(page).locator("pre").all_inner_texts() == [
        f"spl audit results/tiny/runs/{RUN}",
        f"spl audit --rerun results/tiny/runs/{RUN}",
    ]
    dialog(page).get_by_text("Table 1: ").click()
    dialog(page).get_by_role("link", name="Smooth FixMatch, std").first.click()
    expect(title(page)).to_have_text("Table 1: Smooth FixMatch, std")


def test_runs_are_filtered(visit, paper):
    page = visit(paper)
    rows, filters = page.locator("#runs tbody tr:visible"), page.locator("#runs form")
    expect(rows).to_have_count(4)
    filters.get_by_label("method").select_option("Smooth FixMatch")
    expect(rows).to_have_count(2)
    filters.get_by_label("fold").select_option("1")
    expect(page.locator("#runs output")).to_have_text("1 of 4 runs")
    rows.get_by_role("link").click()
    expect(title(page)).to_have_text(RUN)
    page.keyboard.press("Escape")
    filters.get_by_label("experiment").select_option("scarce-labels")
    filters.get_by_label("method").select_option("all")
    filters.get_by_label("fold").select_option("all")
    expect(page.locator("#runs output")).to_have_text("4 runs")


def test_a_figure_has_its_numbers(visit, paper, results):
    page = visit(paper)
    page.locator("#fig6").get_by_text("Numbers of this figure").click()
    shown = pd.read_csv(results / "figures/fig6.csv")
    expect(page.locator("#fig6 thead th")).to_have_text(list(shown.columns))
    expect(page.locator("#fig6 tbody tr")).to_have_count(min(len(shown), 200))
    found = page.locator("#fig6 tbody tr").last.locator("th, td").all_inner_texts()
    assert [float(cell) for cell in found] == pytest.approx(shown.iloc[199].tolist(), rel=1e-3)
    expect(page.locator("#fig6")).to_contain_text("all digits are in results/tiny/figures/fig6.csv")
    page.locator("#confusion").get_by_text("Numbers of this figure").click()
    page.locator("#confusion tbody a").first.click()
    assert opened(page).startswith("digits/balanced-40/"), "a run leads to it"


def focused(page):
    return page.evaluate("document.activeElement.getAttribute('href') ?? document.activeElement.textContent")


def press(page, key, until, most=80):
    for _ in range(most):
        page.keyboard.press(key)
        if until in focused(page):
            return
    raise AssertionError(f"{key} never leads to {until}")


def test_all_of_it_without_a_mouse(visit, paper):
    page = visit(paper)
    press(page, "Tab", until="gain_mean")
    page.keyboard.press("Enter")
    expect(title(page)).to_be_focused()
    press(page, "Tab", until="fold1%2Fsmooth")
    page.keyboard.press("Enter")
    expect(title(page)).to_have_text(RUN)
    slider = dialog(page).get_by_role("slider")
    slider.focus()
    page.keyboard.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", re.compile("^step 50, "))
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", re.compile("^step 100, "))
    press(page, "Tab", until="Close")
    page.keyboard.press("Escape")
    expect(dialog(page)).to_be_hidden()
    assert "gain_mean" in focused(page), "back where it began"
    assert page.url.endswith("#")


def test_a_link_can_be_shared(visit, paper):
    page = visit(paper, GAIN)
    assert opened(page) == "Table 1: Smooth FixMatch, gain_mean"
    assert opened(visit(paper, f"#run={RUN}&cell=table1:FixMatch,mean")) == RUN
    assert opened(visit(paper, f"#run=runs/{RUN}")) == RUN, "as manifests and the audit call it"
    assert opened(visit(paper, f"#run=results/tiny/runs/{RUN}/")) == RUN
    assert opened(visit(paper, "#run=digits/none")) == "No such run"
    assert opened(visit(paper, "#cell=table1:100%")) == "No such number"


def test_an_address_may_be_shortened_as_for_the_audit(visit, paper):
    assert opened(visit(paper, "#cell=table1:smooth-fixmatch,gain_mean")) == "Table 1: Smooth FixMatch, gain_mean"
    page = visit(paper, "#cell=instability-scarce-labels:Smooth FixMatch,gain_mean")
    assert opened(page).endswith(": Smooth FixMatch, discrepancy, gain_mean")
    page = visit(paper, "#cell=weakest-classes-scarce-labels:Smooth FixMatch,gain_mean")
    assert opened(page) == "No such number", "two are called like this"


def test_the_back_button(visit, paper):
    page = visit(paper)
    page.evaluate(f"location.hash = '{GAIN}'")
    expect(title(page)).to_have_text(re.compile("^Table 1"))
    dialog(page).get_by_role("link", name=RUN).click()
    expect(title(page)).to_have_text(RUN)
    page.go_back()
    expect(title(page)).to_have_text(re.compile("^Table 1"))
    page.go_back()
    expect(dialog(page)).to_be_hidden()
    page.go_forward()
    expect(title(page)).to_have_text(re.compile("^Table 1"))
    dialog(page).get_by_role("button", name="Close").click()
    expect(dialog(page)).to_be_hidden()
    page.get_by_role("link", name="Table 7").click()
    assert page.url.endswith("#table7")
    expect(dialog(page)).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("address", ["", GAIN, f"#run={RUN}"])
@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_nothing_keeps_people_from_using_it(visit, paper, scheme, address, viewport):
    page = visit(paper, address, color_scheme=scheme, viewport=viewport)
    if address:
        opened(page)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (max(map(int, re.findall(r"\d+", background))) < 64) == (scheme == "dark")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("address", ["", GAIN, f"#run={RUN}"])
def test_it_fits_a_phone(visit, paper, address):
    page = visit(paper, address, viewport=PHONE)
    if address:
        opened(page)
    for part in ("document.documentElement", "document.querySelector('dialog')"):
        assert page.evaluate(f"{part}.scrollWidth <= {part}.clientWidth")


def test_a_wide_table_takes_the_room_beside_the_text_and_then_scrolls_in_its_own_box(visit, paper):
    widths = {}
    for viewport in (DESK, PHONE):
        page = visit(paper, viewport=viewport)
        page.evaluate("document.querySelectorAll('main details').forEach((one) => { one.open = true; })")
        wide = '<th style="min-width: 20rem">wide</th>'
        page.evaluate(f"document.querySelector('#flips tr').insertAdjacentHTML('beforeend', '{wide}')")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "never the page itself"
        box = page.locator("#flips .scroll").first
        inner, outer = box.evaluate("(box) => [box.clientWidth, box.scrollWidth]")
        widths[viewport["width"]] = inner, outer, page.locator("main").evaluate("(text) => text.clientWidth")
    inner, outer, text = widths[DESK["width"]]
    assert text < inner == outer
    inner, outer, text = widths[PHONE["width"]]
    assert text == inner < outer


def test_it_can_be_printed(visit, paper):
    page = visit(paper)
    document = page.pdf(format="A4")
    assert document.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", document)) > 3
    page.emulate_media(media="print", color_scheme="dark")
    expect(page.get_by_role("navigation")).to_be_hidden()
    expect(page.get_by_label("method")).to_be_hidden()
    expect(page.locator("#runs tbody tr").last).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(29, 33, 41)", "dark is for screens"


def test_without_scripts_it_is_the_paper_still(visit, paper):
    page = visit(paper, java_script_enabled=False)
    expect(page.locator("#table1 table").first.locator("tbody tr")).to_have_count(2)
    expect(page.locator("#runs tbody tr")).to_have_count(4)
    expect(page.get_by_label("method")).to_be_hidden()


def test_a_run_without_a_manifest_says_so(visit, paper, tmp_path):
    shutil.copy(paper, tmp_path)
    (tmp_path / "paper.records.js").write_text(circumstances_script({}))
    page = visit(tmp_path / "paper.html", f"#run={RUN}")
    expect(dialog(page)).to_contain_text("The run had no manifest when this page was built.")


def test_the_page_alone_works_and_says_that_the_circumstances_are_not_here(chromium, paper, results, tmp_path):
    shutil.copy(paper, tmp_path)
    page = chromium.new_page()
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto((tmp_path / "paper.html").as_uri())
    missing = "The circumstances of the runs (machines, times, commits) are not here"
    expect(page.locator("#runs")).to_contain_text(missing)
    expect(page.locator("#step-time")).to_have_count(0)
    page.goto(f"{(tmp_path / 'paper.html').as_uri()}#run={RUN}")
    assert opened(page) == RUN
    expect(dialog(page)).to_contain_text(missing)
    expect(dialog(page).get_by_role("img", name="Test error")).to_be_visible()
    host = json.loads((results / "runs" / f"{RUN}.manifest.json").read_text())["host"]
    assert f'"{host}"' not in paper.read_text()
    assert wrong == []
    page.close()
