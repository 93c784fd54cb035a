"use strict";
const $ = (selector, within = document) => within.querySelector(selector);
const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];

/** An element; text is only ever set as text, whatever a framework printed into a report. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A number of the report: what JSON does not have is spelled out there. */
const number = (value) => (value === null || value === undefined ? NaN : Number(value));

function short(value) {
  if (value === null || value === undefined) return "none";
  if (!Number.isFinite(value)) return String(value).replace("Infinity", "∞");
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size >= 1e5 || size < 1e-3 ? value.toExponential(1).replace(".0e", "e").replace("e+", "e") : String(Number(value.toPrecision(3)));
}

async function load() {
  const text = $("#data").textContent;
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).json();
}

// ---------------------------------------------------------------------------------- theme

$("#theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});

// --------------------------------------------------------------------------------- matrix

const FAILED = new Set(["failed"]);
const CRASHED = new Set(["error", "timeout", "crashed", "unusable"]);

function look(status, level) {
  if (status === "ok") return `q${level}`;
  if (FAILED.has(status)) return "failed";
  if (CRASHED.has(status)) return "crashed";
  return status === "unsupported" ? "unsupported" : "absent";
}

/** Which of the nine shades: the first for an exact result, then by the steps of the measure. */
function level(value, steps) {
  if (Number.isNaN(value) || value === 0) return 0;
  const at = steps.findIndex((step) => value <= step);
  return at < 0 ? 8 : at + 1;
}

class Matrix {
  constructor(data) {
    this.data = data;
    this.rows = $$("#panels tbody tr").map((row) => ({
      row,
      loss: row.dataset.loss,
      dialect: row.closest("table").dataset.dialect,
      cells: $$("button.c", row).map((button) => ({ button, ...data.cells[button.dataset.i] })),
    }));
    this.cells = this.rows.flatMap((row) => row.cells);
    this.controls = ["search", "dialect", "backend", "status", "mode", "measure"]
      .map((id) => document.getElementById(id)).filter(Boolean);
    for (const control of this.controls) control.addEventListener("input", () => this.update());
    $("#reset").addEventListener("click", () => this.reset());
    for (const square of $$(".sum")) square.addEventListener("click", () => this.choose(square.dataset));
    $("#panels").addEventListener("click", (event) => this.clicked(event));
    $("#panels").addEventListener("keydown", (event) => this.moved(event));
    $("#panels").addEventListener("mouseover", (event) => this.pointed(event));
    $("#panels").addEventListener("mouseleave", () => { $("#tip").hidden = true; });
    this.update();
  }

  value(id) {
    const control = document.getElementById(id);
    return control ? control.value.trim() : "";
  }

  reset() {
    for (const control of this.controls) {
      if (control.tagName === "SELECT") control.selectedIndex = 0;
      else control.value = "";
    }
    this.update();
  }

  choose({ dialect, backend }) {
    $("#dialect").value = dialect;
    $("#backend").value = backend;
    this.update();
    $("#matrix").scrollIntoView();
  }

  /** What a cell is in the chosen mode. */
  in(cell, mode) {
    if (!mode) return cell;
    return { oracle: cell.oracle, ...(cell.modes[mode] || { status: "not run", ulps: null, error: null }) };
  }

  update() {
    const chosen = Object.fromEntries(["search", "dialect", "backend", "status", "mode"].map((id) => [id, this.value(id)]));
    const measure = this.data.measures.find((m) => m.key === this.value("measure"));
    const words = chosen.search.toLowerCase().split(/\s+/).filter(Boolean);
    let losses = 0, shown = 0;
    for (const { row, loss, dialect, cells } of this.rows) {
      const named = words.every((word) => loss.toLowerCase().includes(word));
      let any = false;
      for (const cell of cells) {
        const { status, ...sizes } = this.in(cell, chosen.mode);
        const fits = (!chosen.backend || cell.backend === chosen.backend) && this.has(status, chosen.status);
        const open = cell.button.classList.contains("open") ? " open" : "";
        const size = number(sizes[measure.key]);
        const unknown = status === "ok" && measure.sparse && Number.isNaN(size);
        cell.button.className = `c ${unknown ? "absent" : look(status, level(size, measure.steps))}${open}${fits ? "" : " dim"}`;
        cell.fits = fits;
        any = any || fits;
      }
      const visible = named && any && (!chosen.dialect || dialect === chosen.dialect);
      row.hidden = !visible;
      if (visible) {
        losses += 1;
        shown += cells.filter((cell) => cell.fits).length;
      }
    }
    for (const panel of $$(".panel")) panel.hidden = !$("tbody tr:not([hidden])", panel);
    $("#none").hidden = losses > 0;
    $("#count").textContent = `${losses} of ${this.rows.length} losses, ${shown.toLocaleString("en")} cells`;
    this.legend(measure);
    this.rove();
  }

  has(status, wanted) {
    if (!wanted) return true;
    return wanted === "short" ? FAILED.has(status) || CRASHED.has(status) || status === "unsupported" : status === wanted;
  }

  legend(measure) {
    const labels = ["exact", ...measure.steps.map((step) => `≤ ${short(step)}`)];
    labels.push(`> ${short(measure.steps.at(-1))}`);
    $("#legend").replaceChildren(...labels.map((label, i) => make("div", {}, make("i", { class: `q${i}` }), label)));
  }

  // One cell is in the tab order; the arrow keys go to the others.
  rove(cell) {
    const visible = this.visible();
    for (const row of visible) for (const other of row) if (other.button.tabIndex === 0) other.button.tabIndex = -1;
    for (const other of this.cells) if (other.button.tabIndex === 0) other.button.tabIndex = -1;
    const chosen = cell || (visible[0] && visible[0][0]);
    if (chosen) chosen.button.tabIndex = 0;
  }

  visible() {
    return this.rows.filter(({ row }) => !row.hidden).map(({ cells }) => cells);
  }

  of(button) {
    return this.cells.find((cell) => cell.button === button);
  }

  moved(event) {
    const button = event.target.closest("button.c");
    if (!button) return;
    const rows = this.visible();
    let r = rows.findIndex((row) => row.some((cell) => cell.button === button));
    let c = rows[r].findIndex((cell) => cell.button === button);
    if (event.key === "ArrowRight") c += 1;
    else if (event.key === "ArrowLeft") c -= 1;
    else if (event.key === "ArrowDown") r += 1;
    else if (event.key === "ArrowUp") r -= 1;
    else if (event.key === "Home") c = 0;
    else if (event.key === "End") c = rows[r].length - 1;
    else return;
    event.preventDefault();
    const next = rows[r] && rows[r][c];
    if (!next) return;
    this.rove(next);
    next.button.focus();
    this.tip(next);
  }

  clicked(event) {
    const button = event.target.closest("button.c");
    if (button) detail.open(this.of(button));
  }

  pointed(event) {
    const button = event.target.closest("button.c");
    if (button) this.tip(this.of(button));
    else $("#tip").hidden = true;
  }

  tip(cell) {
    const tip = $("#tip");
    tip.textContent = cell.button.getAttribute("aria-label");
    tip.hidden = false;
    const at = cell.button.getBoundingClientRect(), size = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(8, Math.min(at.left + at.width / 2 - size.width / 2, innerWidth - size.width - 8))}px`;
    tip.style.top = `${at.top > size.height + 12 ? at.top - size.height - 8 : at.bottom + 8}px`;
  }

  next(cell, by) {
    const all = this.visible().flat().filter((other) => other.fits);
    return all[all.indexOf(cell) + by];
  }
}

// --------------------------------------------------------------------------------- detail

class Detail {
  constructor(matrix) {
    this.matrix = matrix;
    this.panel = $("#detail");
    this.cell = null;
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") this.close(); });
    addEventListener("hashchange", () => this.fromHash());
    this.fromHash();
  }

  fromHash() {
    const [loss, backend] = decodeURIComponent(location.hash.slice(1)).split("@");
    const cell = backend && this.matrix.cells.find((c) => c.loss === loss && c.backend === backend);
    if (cell && cell !== this.cell) this.open(cell);
  }

  close() {
    if (!this.cell) return;
    const { button } = this.cell;
    button.classList.remove("open");
    button.closest("tr").classList.remove("here");
    this.cell = null;
    this.panel.hidden = true;
    history.replaceState(null, "", location.pathname + location.search);
    button.focus();
  }

  open(cell) {
    if (this.cell) {
      this.cell.button.classList.remove("open");
      this.cell.button.closest("tr").classList.remove("here");
    }
    this.cell = cell;
    $("#tip").hidden = true;
    cell.button.classList.add("open");
    cell.button.closest("tr").classList.add("here");
    this.matrix.rove(cell);
    history.replaceState(null, "", `#${encodeURIComponent(`${cell.loss}@${cell.backend}`)}`);
    this.panel.replaceChildren(...this.content(cell));
    this.panel.hidden = false;
    this.panel.scrollTop = 0;
    $("h2", this.panel).focus({ preventScroll: true });
  }

  content(cell) {
    const heading = make("h2", { id: "detail-title", tabindex: "-1" }, cell.loss, make("small", {}, `on ${cell.backend} ${this.matrix.data.versions[cell.backend] || ""}`));
    const go = (by, label, sign) => {
      const next = this.matrix.next(cell, by);
      return make("button", { type: "button", "aria-label": label, disabled: next ? null : "", onclick: () => next && this.open(next) }, sign);
    };
    const tools = make("span", { class: "tools" }, go(-1, "Previous cell", "‹"), " ", go(1, "Next cell", "›"), " ",
      make("button", { type: "button", "aria-label": "Close", onclick: () => this.close() }, "✕"));
    const parts = [make("header", {}, heading, tools)];
    parts.push(make("p", {}, pill(cell.status), ` ${cell.cases - cell.fell_short} of ${cell.cases} cases hold`, cell.values_only ? "; values only, no gradients" : ""));
    if (cell.reason && !cell.failures.length) parts.push(make("p", {}, cell.reason));
    const modes = Object.entries(cell.modes);
    if (modes.length > 1) {
      parts.push(make("h3", {}, "Modes"), make("p", { class: "modes" },
        ...modes.map(([mode, found]) => make("span", { class: `pill ${found.status}` }, `${mode}: ${found.status === "ok" ? `${short(found.ulps)} ulps` : found.status}`))));
    }
    if (cell.failures.length) {
      cell.failures.forEach((failure, i) => {
        const body = explained(failure);
        if (i === 0) parts.push(...body);
        else parts.push(make("details", { class: "card" }, make("summary", {}, pill(failure.status), " ", failure.case), ...body));
      });
      if (cell.fell_short > cell.failures.length) parts.push(make("p", {}, `… and ${cell.fell_short - cell.failures.length} more, which the JSON has.`));
    } else if (cell.worst) parts.push(...explained(cell.worst));
    const accuracy = this.matrix.data.accuracy.filter((a) => a.loss === cell.loss && a.backend === cell.backend);
    if (accuracy.length) parts.push(make("h3", {}, "Against the oracle, ulps"), accuracyTable(accuracy));
    return parts;
  }
}

const pill = (status) => make("span", { class: `pill ${status}` }, status === "ok" ? "holds" : status);

function explained(result) {
  const parts = [];
  for (const check of result.checks) parts.push(...comparison(check));
  if (!result.checks.length && result.reason) parts.push(make("h3", {}, "What happened"), make("pre", {}, result.reason));
  parts.push(make("h3", {}, "Where it is from"));
  const facts = [["case", result.case], ["source", result.source], ["kind", result.kind], ["mode", result.mode],
    ["version", result.version], ["defect", result.finding], ["judged by", result.corrected_by]];
  parts.push(make("dl", { class: "facts" }, ...facts.filter(([, value]) => value).flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)])));
  const given = [...Object.entries(result.kwargs).map(([name, value]) => ({ name, ...value })), ...result.inputs];
  if (given.length) parts.push(make("h3", {}, "Inputs"), make("pre", { tabindex: "0" }, given.map(argument).join("\n")));
  parts.push(make("h3", {}, "See it again"), snippet(result.reproduce));
  return parts;
}

function comparison(check) {
  const at = check.where.length ? ` at [${check.where.join(", ")}]` : "";
  const parts = [make("h3", {}, check.holds ? `Worst: ${check.quantity}${at}` : `${check.quantity} differs${at}`)];
  const there = check.expected_there !== null && check.expected_there !== undefined;
  const sides = there ? [["expected", check.expected_there], ["got", check.got_there]] : [["expected", check.expected], ["got", check.got]];
  parts.push(make("dl", { class: "facts big" }, ...sides.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, written(value))])));
  if (check.error !== null && check.tolerance !== null) {
    parts.push(gauge(check), make("p", {},
      `Error ${short(check.error)}${check.ulps === null ? "" : `, ${short(check.ulps)} ulps of ${check.precision}`}; allowed ${short(check.tolerance)}: ${check.reason}.`));
  } else if (check.reason) parts.push(make("p", {}, check.reason));
  if (there && !check.holds && Array.isArray(check.expected)) {
    parts.push(make("details", {}, make("summary", {}, "whole arrays"), make("pre", { tabindex: "0" }, `expected = ${written(check.expected)}\ngot = ${written(check.got)}`)));
  }
  return parts;
}

/** Error and tolerance on one logarithmic scale. */
function gauge(check) {
  const low = -18, high = 1, width = 500;
  const place = (x) => 8 + ((Math.min(Math.max(Math.log10(x), low), high) - low) / (high - low)) * (width - 16);
  const error = number(check.error), allowed = check.tolerance;
  const x = error > 0 ? place(error) : 8, limit = allowed > 0 ? place(allowed) : 8;
  const ticks = [-16, -12, -8, -4, 0].flatMap((e) => [
    draw("line", { x1: place(10 ** e), x2: place(10 ** e), y1: 22, y2: 30, stroke: "var(--line)" }),
    draw("text", { x: place(10 ** e), y: 46, "text-anchor": "middle" }, e ? `1e${e}` : "1")]);
  const label = `error ${short(check.error)}, allowed ${short(allowed)}`;
  return draw("svg", { class: "gauge", viewBox: `0 0 ${width} 52`, role: "img", "aria-label": label },
    draw("rect", { x: 8, y: 22, width: Math.max(limit - 8, 0), height: 8, rx: 4, fill: "var(--good-soft)" }),
    draw("rect", { x: limit, y: 22, width: width - 8 - limit, height: 8, rx: 4, fill: "var(--bad-soft)" }),
    ...ticks,
    draw("line", { x1: limit, x2: limit, y1: 14, y2: 34, stroke: "var(--soft)", "stroke-width": 2 }),
    draw("text", { x: limit, y: 10, "text-anchor": limit > width - 60 ? "end" : "middle" }, "allowed"),
    draw("circle", { cx: x, cy: 26, r: 6.5, fill: check.holds ? "var(--good)" : "var(--bad)" }));
}

function argument(entry) {
  const dtype = entry.dtype ? `  # ${entry.dtype}` : "";
  if (entry.callable) return `${entry.name} = ${entry.callable}`;
  if (entry.sparse) return `${entry.name} = sparse ${written(entry.sparse)}`;
  if (entry.shape) return `${entry.name}: ${entry.dtype}, shape (${entry.shape.join(", ")}), see the case`;
  const data = typeof entry.data === "string" && !entry.dtype ? `"${entry.data}"` : written(entry.data);
  return `${entry.name} = ${data}${dtype}`;
}

/** A value as text, the rows of an array in lines. */
function written(value, indent = 0) {
  if (value === null || value === undefined) return "None";
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return value ? "True" : "False";
  if (!Array.isArray(value)) return typeof value === "object" ? JSON.stringify(value) : String(value);
  if (!value.some(Array.isArray)) return `[${value.map((x) => written(x)).join(", ")}]`;
  const gap = `,\n${" ".repeat(indent + 1)}`;
  return `[${value.map((x) => written(x, indent + 1)).join(gap)}]`;
}

function snippet(text) {
  const code = make("pre", { tabindex: "0" }, make("code", {}, text));
  const copy = make("button", { type: "button", onclick: async () => {
    copy.textContent = (await copied(text, code)) ? "Copied" : "Selected: press Ctrl+C";
    setTimeout(() => { copy.textContent = "Copy"; }, 2000);
  } }, "Copy");
  return make("div", { class: "code" }, copy, code);
}

async function copied(text, element) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Where a page may not write to the clipboard, its text can be selected.
    getSelection().selectAllChildren(element);
    return document.execCommand("copy");
  }
}

function accuracyTable(entries) {
  const rows = entries.map((e) => make("tr", { class: e.holds ? null : "bad" },
    ...[e.subject, e.dtype, e.quantity, short(e.median), short(e.worst)].map((text) => make("td", {}, text))));
  return make("table", { class: "list" },
    make("thead", {}, make("tr", {}, ...["whose", "dtype", "of the", "median", "worst"].map((text) => make("th", {}, text)))),
    make("tbody", {}, ...rows));
}

// ------------------------------------------------------------------------------- accuracy

const FEW = 40;

class Plot {
  constructor(entries) {
    this.entries = entries;
    this.all = false;
    for (const [id, field] of [["backend", "backend"], ["dtype", "dtype"], ["quantity", "quantity"]]) {
      const values = [...new Set(entries.map((e) => e[field]))];
      const select = $(`#plot-${id}`);
      if (id === "backend") select.append(make("option", { value: "" }, "all natives"));
      select.append(...values.map((value) => make("option", {}, value)));
      if (id === "dtype" && values.includes("float32")) select.value = "float32";
    }
    for (const select of $$("#accuracy select")) select.addEventListener("input", () => this.update());
    $("#plot-all").addEventListener("click", () => { this.all = !this.all; this.update(); });
    addEventListener("resize", () => this.update());
    this.update();
  }

  pairs() {
    const [backend, dtype, quantity, statistic] = ["backend", "dtype", "quantity", "statistic"].map((id) => $(`#plot-${id}`).value);
    const rows = new Map();
    for (const e of this.entries) {
      if (e.dtype !== dtype || e.quantity !== quantity || (backend && e.backend !== backend)) continue;
      const key = `${e.loss}@${e.backend}`;
      if (!rows.has(key)) rows.set(key, { loss: e.loss, backend: e.backend });
      rows.get(key)[e.subject] = number(e[statistic]);
    }
    // Without a backend chosen, each loss on its own framework, where there is a native to compare with.
    const kept = [...rows.values()].filter((row) => backend || row.native !== undefined);
    const size = (row) => row.native ?? row.ours;
    return kept.sort((a, b) => (size(b) === size(a) ? (b.ours ?? 0) - (a.ours ?? 0) : size(b) - size(a)));
  }

  update() {
    const ranked = this.pairs();
    const rows = this.all ? ranked : ranked.slice(0, FEW);
    const button = $("#plot-all");
    button.hidden = ranked.length <= FEW;
    button.textContent = this.all ? `Show the first ${FEW}` : `Show all ${ranked.length}`;
    $("#plot").replaceChildren(rows.length ? this.picture(rows) : make("p", {}, "Nothing was measured for this choice."));
  }

  picture(rows) {
    const width = Math.max(320, $("#plot").clientWidth || 900), narrow = width < 620;
    const left = narrow ? 8 : 300, right = 62, step = narrow ? 34 : 21, top = 26;
    const finite = rows.flatMap((r) => [r.native, r.ours]).filter((x) => Number.isFinite(x) && x > 0);
    const low = -1, high = Math.max(1, Math.ceil(Math.log10(Math.max(10, ...finite)) + 0.15));
    const place = (x) => left + ((Math.min(Math.max(x > 0 ? Math.log10(x) : low, low), high) - low) / (high - low)) * (width - left - right);
    const at = (x) => (Number.isFinite(x) ? place(x) : width - 14);
    const height = top + rows.length * step + 8;
    const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "img", "aria-label": `Errors of ${rows.length} losses in ulps, native against ours` });
    const every = Math.max(1, Math.ceil((high - low) / (narrow ? 5 : 12)));
    for (let e = low; e <= high; e += every) {
      const x = place(10 ** e);
      svg.append(draw("line", { class: "grid", x1: x, x2: x, y1: top - 6, y2: height }),
        draw("text", { x, y: 12, "text-anchor": x < 20 ? "start" : "middle" }, e < 0 ? "≤ 0.1" : e < 5 ? String(10 ** e) : `1e${e}`));
    }
    svg.append(draw("text", { x: width - 14, y: 12, "text-anchor": "middle" }, "∞"));
    rows.forEach((row, i) => {
      const y = top + i * step + step / 2 + (narrow ? 7 : 0);
      const line = draw("g", {});
      line.append(narrow
        ? draw("text", { class: "label", x: left, y: y - 10 }, row.loss)
        : draw("text", { class: "label", x: left - 12, y: y + 4, "text-anchor": "end" }, row.loss));
      const both = row.native !== undefined && row.ours !== undefined;
      if (both) line.append(draw("line", { class: row.ours > row.native ? "stem worse" : "stem", x1: at(row.native), x2: at(row.ours), y1: y, y2: y }));
      if (row.native !== undefined) line.append(draw("circle", { class: "native", cx: at(row.native), cy: y, r: 5.2 }));
      if (row.ours !== undefined) line.append(draw("circle", { class: "ours", cx: at(row.ours), cy: y, r: 4 }));
      const said = [row.native !== undefined && `native ${short(row.native)}`, row.ours !== undefined && `ours ${short(row.ours)}`].filter(Boolean);
      line.append(draw("title", {}, `${row.loss} on ${row.backend}: ${said.join(", ")} ulps`));
      svg.append(line);
    });
    return svg;
  }
}

let detail;
load().then((data) => {
  const matrix = new Matrix(data);
  detail = new Detail(matrix);
  if ($("#accuracy")) new Plot(data.accuracy);
  document.documentElement.dataset.ready = "true";
});
