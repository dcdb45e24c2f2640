"use strict";

// Every number is a link to "#cell=TABLE:ROW,COLUMN", every run one to "#run=PATH". The address says what the dialog shows.

const index = read("index");
const trainings = onDemand(() => read("trainings"));
const labelled = onDemand(() => read("labelled"));
const figures = onDemand(() => read("figures"));
const circumstances = window.circumstances; // from the file beside the page, if it is there
const NOT_HERE = "The circumstances of the runs (machines, times, commits) are not here: they are in a file beside the page, paper.records.js.";
const runs = new Map(index.runs.map((run) => [run.run, run]));
const dialog = document.querySelector("dialog");
const view = document.getElementById("view");

// ---- data

function read(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

function onDemand(make) {
  let made;
  return () => (made ??= make());
}

async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).json();
}

// ---- elements

function make(name, properties, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

function draw(name, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function link(kind, value, text, rest = "") {
  return make("a", { href: `#${kind}=${encodeURIComponent(value)}${rest}` }, text);
}

function table(headings, rows) {
  const head = make("tr", {}, ...headings.map((text) => make("th", { scope: "col" }, text)));
  const body = rows.map(([first, ...others]) =>
    make("tr", {}, make("th", { scope: "row" }, first), ...others.map((cell) => make("td", {}, cell))));
  return make("table", {}, make("thead", {}, head), make("tbody", {}, ...body));
}

function scrolling(content, name) {
  const frame = make("div", { className: "scroll", tabIndex: 0, role: "group", ariaLabel: name }, content);
  return frame;
}

function facts(content) {
  const pairs = Object.entries(content).filter(([, value]) => value !== null && value !== "");
  const said = (value) => (typeof value === "object" ? JSON.stringify(value) : String(value));
  return make("dl", { className: "facts" },
    ...pairs.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, said(value))]));
}

const command = (text) => make("pre", {}, make("code", {}, text));
const heading = (text) => make("h3", {}, text);
const percent = (share, digits = 2) => (share === null ? "–" : `${(100 * share).toFixed(digits)} %`);
const spaced = (place) => place.replace(/,(?=\S)/g, ", ");
const counted = (count, what) => `${count} ${what}${count === 1 ? "" : "s"}`;

// ---- the address and the dialog

function asked() {
  const parts = location.hash.slice(1).split("&").filter((part) => part.includes("="));
  return Object.fromEntries(parts.map((part) => [part.slice(0, part.indexOf("=")), decoded(part.slice(part.indexOf("=") + 1))]));
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // somebody's own percent sign
  }
}

async function show() {
  const { run, cell: given } = asked();
  if (run === undefined && given === undefined) return dialog.close();
  const cell = given && inFull(given);
  const address = location.hash;
  const content = await (run === undefined ? cellView(cell) : runView(run, cell));
  if (location.hash !== address) return; // another one was asked for meanwhile
  const title = make("h2", { id: "view-title", tabIndex: -1 }, content.title);
  view.replaceChildren(title, ...content.parts.filter(Boolean));
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  title.focus();
  content.begin?.();
}

function closed() {
  view.replaceChildren();
  const { run, cell } = asked();
  if (run !== undefined || cell !== undefined) history.pushState(null, "", "#");
}

// ---- a number

// As `spl audit --why` takes them, addresses may leave out what stands between the ends, and be spelt otherwise.
function inFull(cell) {
  if (cell in index.cells) return cell;
  const spelt = (address) => address.split(/[:,]/).map((part) => part.trim().toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-"));
  const parts = spelt(cell);
  const fits = (full) => full.at(-1) === parts.at(-1) && parts.every((part, place) => (place < 2 ? full[place] === part : full.includes(part)));
  const found = Object.keys(index.cells).filter((address) => fits(spelt(address)));
  return found.length === 1 ? found[0] : cell;
}

function cellView(cell) {
  const behind = index.cells[cell];
  const [name, place] = [cell.slice(0, cell.indexOf(":")), cell.slice(cell.indexOf(":") + 1)];
  if (!behind) return { title: "No such number", parts: [make("p", {}, `No table on this page has the number ${cell}.`)] };
  const printed = [...document.querySelectorAll("main td a")].find((door) => decoded(door.hash) === `#cell=${cell}`);
  const rows = behind.map((number) => index.runs[number]).map((run) => [
    link("run", run.run, run.run, `&cell=${encodeURIComponent(cell)}`), percent(run.error_last), run.lost, String(run.fold), String(run.seed),
  ]);
  return {
    title: `${index.titles[name]}: ${spaced(place)}`,
    parts: [
      make("p", {}, make("strong", {}, printed.textContent), `, computed from ${counted(rows.length, "run")}:`),
      scrolling(table(["run", "last error", "collapsed classes", "fold", "seed"], rows), "Runs behind this number"),
      heading("Audit"),
      ...auditOfCell(name, place),
    ],
  };
}

function auditOfCell(name, place) {
  if (!index.audited) return [make("p", { className: "note" }, "Only runs of an unfinished study can be audited; its tables cannot.")];
  return [
    make("p", { className: "note" }, "This command lists the same runs and audits every file behind the number:"),
    command(`spl audit --why "${index.results}/tables/${name}.csv:${place}"`),
  ];
}

// ---- a run

async function runView(address, cell) {
  // Manifests and the audit call a run by its folder.
  const path = runs.has(address) ? address : address.replace(/^(.*\/)?runs\//, "").replace(/\/$/, "");
  const run = runs.get(path);
  if (!run || !(path in trainings())) return { title: "No such run", parts: [make("p", {}, `There is no run ${path} on this page.`)] };
  const training = await unpack(trainings()[path]);
  const classes = index.classes[path.split("/")[0]];
  const curve = learningCurve(training.curve);
  const confusion = confusionOverTime(training, classes, (step) => curve.mark(step));
  const [name, place] = cell ? [cell.slice(0, cell.indexOf(":")), cell.slice(cell.indexOf(":") + 1)] : [];
  const split = path.split("/").slice(0, 3).join("/");
  return {
    title: path,
    begin: () => { curve.fit(); confusion.begin(); },
    parts: [
      cell in index.cells && make("p", {}, "← ", link("cell", cell, `runs behind ${index.titles[name]}: ${spaced(place)}`)),
      make("p", {}, `${run.title}, ${counted(run.labels, "label")}, fold ${run.fold}, seed ${run.seed}: `,
        make("strong", {}, percent(run.error_last)), ` error at the end; collapsed classes: ${run.lost}.`),
      heading("Learning curve"),
      ...curve.parts,
      unknownPurity(training.curve, split, classes),
      heading("Confusion matrix"),
      ...confusion.parts,
      heading("Labelled images"),
      ...labelledSet(split, classes),
      heading("Audit"),
      command(`spl audit ${index.results}/runs/${path}`),
      command(`spl audit --rerun ${index.results}/runs/${path}`),
      ...(cell in index.cells ? auditOfCell(name, place) : []),
      heading("Circumstances"),
      ...circumstancesOf(path),
      heading("Parameters"),
      facts(parameters(training.parameters)),
      heading("Numbers computed from this run"),
      ...numbersOf(path),
    ],
  };
}

function circumstancesOf(path) {
  if (!circumstances) return [make("p", {}, NOT_HERE)];
  if (!(path in circumstances)) return [make("p", {}, "The run had no manifest when this page was built.")];
  return [make("p", { className: "note" }, "From the manifest when this page was built. No result depends on them."), facts(circumstances[path])];
}

function parameters({ settings, calibrated, ...others }) {
  const weights = Object.entries(calibrated).map(([name, value]) => [name, `${value} (calibrated)`]);
  return { ...others, ...settings, ...Object.fromEntries(weights) };
}

function numbersOf(path) {
  const number = index.runs.findIndex((run) => run.run === path);
  const cells = Object.keys(index.cells).filter((cell) => index.cells[cell].includes(number));
  const byTable = Map.groupBy(cells, (cell) => cell.slice(0, cell.indexOf(":")));
  return [...byTable].map(([name, own]) => make("details", {},
    make("summary", {}, `${index.titles[name]}: ${counted(own.length, "number")}`),
    make("ul", { className: "numbers" },
      ...own.map((cell) => make("li", {}, link("cell", cell, spaced(cell.slice(name.length + 1))))))));
}

// ---- learning curve

const CURVES = { test_error: "test error", coverage: "coverage of pseudo-labels", purity: "purity of pseudo-labels" };
const HEIGHT = 240;
const MARGIN = { left: 60, right: 12, top: 10, bottom: 44 };
const FEW = 12; // so few evaluations are marked on the curves

function learningCurve(curve) {
  const picture = draw("svg", { class: "curve", role: "img", "aria-label": inWords(curve) });
  const mark = draw("line", { class: "now" });
  const last = curve.step.at(-1);
  let across = () => 0;
  let at = last;
  function place(step) {
    at = step;
    for (const [key, value] of Object.entries({ x1: across(at), x2: across(at), y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom })) mark.setAttribute(key, value);
  }
  function fit() {
    const width = picture.clientWidth;
    const down = (share) => MARGIN.top + (1 - share) * (HEIGHT - MARGIN.top - MARGIN.bottom);
    across = (step) => MARGIN.left + (step / last) * (width - MARGIN.left - MARGIN.right);
    picture.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    picture.replaceChildren(...axes(last, width, across, down), ...lines(curve, across, down), mark);
    place(at);
  }
  const shown = Object.keys(CURVES).filter((name) => curve[name].some((value) => value !== null));
  const legend = make("p", { className: "legend" }, ...shown.map((name) => make("span", {}, sample(name), CURVES[name])));
  return { parts: [picture, legend], mark: place, fit };
}

function unknownPurity(curve, split, classes) {
  const others = withoutClass(split, classes);
  const measured = (name) => curve[name].some((value) => value !== null);
  return others && measured("coverage") && !measured("purity") &&
    make("p", { className: "note" }, `Purity of pseudo-labels: unknown, since the pool has ${others} without a class.`);
}

function inWords({ step, test_error: error }) {
  const best = error.indexOf(Math.min(...error));
  return `Test error: ${percent(error[0])} at step ${step[0]}, lowest ${percent(error[best])} at step ${step[best]}, ` +
    `${percent(error.at(-1))} at the end, step ${step.at(-1)}.`;
}

function axes(last, width, across, down) {
  const levels = [0, 0.25, 0.5, 0.75, 1].flatMap((share) => [
    draw("line", { x1: MARGIN.left, x2: width - MARGIN.right, y1: down(share), y2: down(share) }),
    draw("text", { x: MARGIN.left - 6, y: down(share) + 4, "text-anchor": "end" }, `${100 * share} %`),
  ]);
  const steps = [0, last / 2, last].map((step) =>
    draw("text", { x: across(step), y: HEIGHT - 28, "text-anchor": step === last ? "end" : "middle" }, Math.round(step).toLocaleString("en")));
  const middle = (HEIGHT + MARGIN.top - MARGIN.bottom) / 2;
  const titles = [
    draw("text", { x: across(last / 2), y: HEIGHT - 8, "text-anchor": "middle" }, "training step"),
    draw("text", { x: 12, y: middle, "text-anchor": "middle", transform: `rotate(-90 12 ${middle})` }, "share of images"),
  ];
  return [...levels, ...steps, ...titles];
}

function lines(curve, across, down) {
  return Object.keys(CURVES).reverse().flatMap((name) => {
    const known = curve[name].flatMap((value, place) => (value === null ? [] : [[across(curve.step[place]), down(value)]]));
    const marks = known.length > FEW ? [] : known.map(([cx, cy]) => draw("circle", { class: name, cx, cy, r: 3 }));
    return [draw("polyline", { class: name, points: known.join(" ") }), ...marks];
  });
}

function sample(name) {
  return draw("svg", { class: "curve", "aria-hidden": true }, draw("polyline", { class: name, points: "0,5 32,5" }));
}

// ---- confusion matrices over training

function confusionOverTime(training, classes, atStep) {
  const shown = training.matrices ?? training.recalls;
  const slider = make("input", { type: "range", min: 0, max: shown.length - 1, value: shown.length - 1, ariaLabel: "Evaluation" });
  const output = make("output");
  const place = make("div");
  const picture = training.matrices ? matrix : recalls;
  function update() {
    const step = training.steps[slider.value];
    const error = training.curve.test_error[training.curve.step.indexOf(step)];
    const text = `step ${step.toLocaleString("en")}, error ${percent(error)}`;
    output.textContent = text;
    slider.ariaValueText = text;
    place.replaceChildren(...picture(shown[slider.value], classes));
    atStep(step);
  }
  slider.addEventListener("input", update);
  const some = shown.length < training.evaluations ? ` ${shown.length} of ${training.evaluations} evaluations are shown, evenly spread` : ` All ${shown.length} evaluations are shown`;
  const points = training.curve.step.length;
  const curve = points < training.evaluations ? `; the curve has ${points} of them.` : ".";
  const what = training.matrices ? "Rows: true classes; columns: predicted classes; shade: share of the true class." :
    `With this many classes only the recall is shown.`;
  return {
    begin: update,
    parts: [make("div", { className: "slider" }, slider, output), place, make("p", { className: "note" }, what + some + curve)],
  };
}

const NAMED = 20; // with more classes, there is no room for counts

function matrix(counts, classes) {
  const total = (numbers) => numbers.reduce((sum, one) => sum + one, 0);
  const rows = counts.map(total);
  const columns = counts.map((_, column) => total(counts.map((row) => row[column])));
  const lost = (one) => counts[one][one] / rows[one] < index.basins.recall;
  const below = (limit) => classes.filter((_, one) => lost(one) && columns[one] / rows[one] < limit);
  const wholly = below(index.basins.collapsed);
  const partly = below(index.basins.partly_collapsed).filter((name) => !wholly.includes(name));
  const said = make("p", {}, `Collapsed: ${wholly.join(", ") || "none"}. Partly: ${partly.join(", ") || "none"}.`);
  const shares = counts.map((row, one) => row.map((count) => count / rows[one]));
  if (classes.length > NAMED) return [canvas(shares, `Confusion matrix of ${classes.length} classes. ${said.textContent}`), said];
  return [scrolling(matrixTable(counts, shares, classes, wholly), "Confusion matrix"), said];
}

function matrixTable(counts, shares, classes, collapsed) {
  const corner = make("td");
  const name = (scope) => (text) => make("th", { scope, className: collapsed.includes(text) ? "collapsed" : "" }, text);
  const body = counts.map((row, one) => make("tr", {}, name("row")(classes[one]), ...row.map((count, other) => {
    const cell = make("td", {}, count ? String(count) : "");
    cell.style.setProperty("--share", shares[one][other]);
    return cell;
  })));
  return make("table", { className: "matrix" },
    make("thead", {}, make("tr", {}, corner, ...classes.map(name("col")))), make("tbody", {}, ...body));
}

function recalls(shares, classes) {
  const order = shares.map((_, one) => one).sort((one, other) => shares[one] - shares[other]);
  const side = Math.ceil(Math.sqrt(shares.length));
  const rows = Array.from({ length: Math.ceil(shares.length / side) }, (_, row) => shares.slice(row * side, (row + 1) * side));
  const lowest = order.slice(0, 10).map((one) => `${classes[one]} ${percent(shares[one], 0)}`).join(", ");
  return [canvas(rows, `Recall of ${classes.length} classes, one square each.`), make("p", {}, `Lowest recall: ${lowest}.`)];
}

function canvas(shares, text) {
  const picture = make("canvas", { width: shares[0].length, height: shares.length, role: "img", ariaLabel: text });
  const brush = picture.getContext("2d");
  brush.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--accent");
  shares.forEach((row, y) => row.forEach((share, x) => {
    brush.globalAlpha = share;
    brush.fillRect(x, y, 1, 1);
  }));
  return picture;
}

// ---- labelled images

function withoutClass(split, classes) {
  const { pool } = labelled()[split.split("/")[0]].sets[split];
  return pool.length > classes.length ? counted(pool.at(-1), "image") : "";
}

function labelledSet(path, classes) {
  const { sheet, side, columns, sets } = labelled()[path.split("/")[0]];
  const set = sets[path];
  const [all, shown] = [set.labelled, set.pictures.map((own) => own.length)].map((numbers) => numbers.reduce((sum, one) => sum + one, 0));
  const many = classes.length > NAMED ? { className: "labelled many", tabIndex: 0, role: "group", ariaLabel: "Labelled images" } : {};
  const grid = make("div", { className: "labelled", ...many }, ...classes.flatMap((name, one) => [
    make("span", {}, name),
    make("span", { className: "count" }, `${set.labelled[one]} of ${set.pool[one]}`),
    pictures(set.pictures[one], name, side, columns),
  ]));
  grid.style.setProperty("--sheet", `url(${sheet})`);
  const some = shown < all ? `${shown} of ${all} labelled images are shown.` : `All ${counted(all, "labelled image")}.`;
  const unknown = withoutClass(path, classes);
  const others = unknown && ` Besides, the pool has ${unknown} without a class.`;
  return [make("p", { className: "note" }, `Labelled images of each class; n of m: n are labelled, and the unlabelled pool has m.${others} ${some}`), grid];
}

function pictures(places, name, side, columns) {
  const scale = 32 / side;
  return make("span", { className: "pictures", role: "img", ariaLabel: `${counted(places.length, "picture")} of ${name}` },
    ...places.map((place) => {
      const picture = make("i");
      picture.style.backgroundSize = `${columns * side * scale}px`;
      picture.style.backgroundPosition = `${-(place % columns) * 32}px ${-Math.floor(place / columns) * 32}px`;
      return picture;
    }));
}

// ---- figures and filters

async function fillNumbers(event) {
  const details = event.currentTarget;
  if (!details.open || details.children.length > 1) return;
  const { columns, rows, of } = await unpack(figures()[details.dataset.figure]);
  const some = rows.length < of ? `The first ${rows.length} of ${of} rows, rounded` : "Rounded";
  const note = `${some}; all digits are in ${index.results}/figures/${details.dataset.figure}.csv.`;
  const doors = rows.map((row) => row.map((cell) => (runs.has(cell) ? link("run", cell, cell) : cell)));
  details.append(scrolling(table(columns, doors), "Numbers of this figure"), make("p", { className: "note" }, note));
}

function filter(form) {
  const wanted = [...new FormData(form)].filter(([, value]) => value);
  const fits = (row) => wanted.every(([name, value]) => row.dataset[name].split(name === "experiments" ? " " : "\n").includes(value));
  const rows = [...document.querySelectorAll("#runs tbody tr")];
  for (const row of rows) row.hidden = !fits(row);
  const left = rows.filter((row) => !row.hidden).length;
  form.querySelector("output").textContent = left < rows.length ? `${left} of ${counted(rows.length, "run")}` : counted(left, "run");
}

// Times are no results: they are among the circumstances, and a page without manifests lacks them.
function stepTimes(times) {
  const relative = (number) => number.toFixed(2);
  const rows = times.map((one) => [one.method, String(one.runs), relative(one.median), `${relative(one.least)} to ${relative(one.most)}`]);
  return make("section", { id: "step-time" },
    make("h2", {}, "Step time ", make("span", {}, "· relative to FixMatch")),
    scrolling(table(["method", "runs", "median", "range"], rows), "Step time"),
    make("p", { className: "note" }, "Time of a run divided by its steps, with start, evaluations and checkpoints, relative to the median of FixMatch’s runs on the same machine with the same settings and as many unlabelled images in a step; methods that take more or fewer are left out. Measured when the runs were computed; not reproducible, and disturbed by other work on the machine."));
}

// ---- begin

for (const element of document.querySelectorAll(".script")) element.hidden = false;
if (!circumstances) document.getElementById("runs").append(make("p", { className: "note" }, NOT_HERE));
if (circumstances?.["step times"]?.length) document.getElementById("runs").after(stepTimes(circumstances["step times"]));
for (const details of document.querySelectorAll("[data-figure]")) details.addEventListener("toggle", fillNumbers);
document.querySelector(".filters").addEventListener("change", (event) => filter(event.currentTarget));
dialog.addEventListener("close", closed);
addEventListener("hashchange", show);
show();
