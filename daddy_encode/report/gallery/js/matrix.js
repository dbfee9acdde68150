// The view of the matrix: its choices, its table, and what a cell leads to.
import { createChooser, showWay } from "./chooser.js";
import { toCsv, toTsv } from "./csv.js";
import { el, replace } from "./dom.js";
import { copyText, download } from "./download.js";
import { keyFor } from "./facts.js";
import { MEASURES, buildMatrix, matrixRows, narrowed, orderOf, shownRows, spanOf } from "./matrix_data.js";
import { createMatrixGrid } from "./matrix_grid.js";
import { createMatrixPaper } from "./matrix_paper.js";
import { NO_NUMBER, createNumberField, readField, showInField } from "./number_field.js";
import { MOST_VALUES, defaultAxes, defaultSuccess, readSuccess } from "./matrix_sides.js";
import { readSort } from "./sort.js";
import { numberLabel } from "./ticks.js";
import { counted, writeValue } from "./values.js";

/** Strongest share of the colour, in percent: text on it keeps a contrast of 4.5 in light and dark. */
const STRONGEST = 42;
const NOTHING = "-";
const MEASURE_NAMES = { share: "Success", mean: "Mean", n: "Count" };

/**
 * @param {object} app
 * @returns {{element: HTMLElement, update(visible: object[], state: object, changed: Set<string>): void,
 *   shown(is: boolean): void, focus(): void}}
 */
export function createMatrix(app) {
  const numbers = app.keys.filter(({ kind }) => kind === "number").map(({ name }) => name);
  const sides = app.keys.filter(({ name }) => app.valuesOf(name).size > 0).map(({ name }) => name);
  const axes = defaultAxes(app.keys, app.valuesOf);
  const usualSuccess = defaultSuccess(app.keys);
  const grid = createMatrixGrid({ activate });
  const rows = createChooser("matrix-rows", "Rows", sides, (value) => app.state.set({ rows: value, order: "" }));
  const columns = createChooser("matrix-columns", "Columns", sides, (value) => app.state.set({ columns: value, order: "" }));
  const mean = createChooser("matrix-mean", "Mean of", numbers, (value) => app.state.set({ mean: value }));
  const success = createChooser("matrix-success", "Success", [NOTHING, ...app.keys.map(({ name }) => name)], chooseSuccess);
  success.select.options[0].textContent = "none";
  const least = createNumberField({ id: "matrix-least", onchange: setLeast });
  const wrong = el("span", { class: "wrong", role: "status" });
  const leastField = el("span", { class: "field" }, el("label", { for: "matrix-least" }, "at least"), least, wrong);
  const order = createChooser("matrix-order", "Sort by", ["", "share", "mean", "n"], setOrder);
  [...order.select.options].forEach((option, place) => {
    option.textContent = ["name", "success", "mean", "count"][place];
  });
  const way = el("button", { type: "button", class: "icon-button way", onclick: turn });
  const measures = MEASURES.map((measure) => el("button", {
    type: "button", class: "measure", "data-measure": measure, onclick: () => app.state.set({ measure }),
  }, MEASURE_NAMES[measure]));
  const copy = el("button", { type: "button", class: "button", onclick: copyTable, title: "As cells for a spreadsheet" }, "Copy");
  const save = el("button", { type: "button", class: "button", onclick: saveTable, title: "One line for each cell" }, "CSV");
  const summary = el("p", { class: "matrix-summary", role: "status" });
  const legend = el("div", { class: "matrix-legend", "aria-hidden": "true" });
  const empty = el("p", { class: "matrix-empty" }, "Nothing to compare: no key of these jobs has two values.");
  const swap = el("button", {
    type: "button", class: "icon-button", title: "Swap rows and columns", "aria-label": "Swap rows and columns",
    onclick: () => app.state.set({ rows: shown.of.columns, columns: shown.of.rows, order: "" }),
  }, "⇄");
  const paper = createMatrixPaper();
  const table = el("div", { class: "matrix-table" }, grid.element, paper.element);
  const element = el("div", { class: "matrix" },
    el("div", { class: "matrix-controls" },
      el("div", { class: "matrix-sides" }, rows.field, swap, columns.field),
      el("div", { class: "matrix-what" }, mean.field, success.field, leastField),
      el("div", { class: "measures", role: "group", "aria-label": "Colour by" }, measures),
      el("div", { class: "matrix-order" }, order.field, way),
      el("div", { class: "matrix-out" }, copy, save)),
    el("div", { class: "matrix-line" }, summary, legend), empty, table);
  let shown = { matrix: null, of: {}, order: null, measure: "n" };
  let content = null;

  addEventListener("beforeprint", () => content !== null && app.state.get().view === "matrix" && paper.print(content));
  addEventListener("afterprint", paper.clear);

  function activate(row, column) {
    const { matrix, of } = shown;
    if (row === 0 || column === 0) {
      sortBy(row, column);
      return;
    }
    const terms = [];
    if (row > 1) terms.push(matrix.rows[shown.order.rows[row - 2]].query);
    if (column > 1) terms.push(matrix.columns[shown.order.columns[column - 2]].query);
    if (statsAt(row, column) === null || of.rows === "") return;
    app.state.set(({ query }) => ({ query: narrowed(query, ...terms), view: "cards" }));
  }

  // A heading: by it, first the largest, then the smallest, then as it was.
  function sortBy(row, column) {
    const { matrix, measure } = shown;
    let by = "";
    if (row === 0 && column === 1) by = measure;
    else if (row === 0 && column > 1) by = `column ${matrix.columns[shown.order.columns[column - 2]].label}`;
    else if (column === 0 && row === 1) by = measure;
    else if (column === 0 && row > 1) by = `row ${matrix.rows[shown.order.rows[row - 2]].label}`;
    const now = app.state.get().order;
    if (by === "") app.state.set({ order: now === "" ? "-" : "" });
    else app.state.set({ order: now === `-${by}` ? by : now === by ? "" : `-${by}` });
  }

  function setOrder(value) {
    app.state.set({ order: value === "" ? "" : `-${value}` });
  }

  function turn() {
    const { key, descending } = readSort(app.state.get().order);
    app.state.set({ order: descending ? key : `-${key}` });
  }

  function chooseSuccess(key) {
    const isNumber = key !== usualSuccess && numbers.includes(key);
    app.state.set({ success: isNumber ? `${key}>=${medianOf(key)}` : key === usualSuccess ? "" : key });
  }

  function setLeast() {
    const number = readField(least);
    wrong.textContent = Number.isNaN(number) ? NO_NUMBER : "";
    if (Number.isFinite(number)) app.state.set({ success: `${success.select.value}>=${number}` });
  }

  function medianOf(key) {
    const all = app.jobs.map(({ id }) => app.facts.get(id).get(key)).filter((value) => typeof value === "number");
    return Number(all.sort((one, other) => one - other)[Math.floor(all.length / 2)].toPrecision(2));
  }

  function copyTable() {
    const { matrix, of, measure } = shown;
    const text = toTsv(shownRows(matrix, measure, shown.order, `${of.rows} by ${of.columns}`));
    void copyText(text, copy, element);
  }

  function saveTable() {
    const { matrix, of } = shown;
    download("matrix.csv", toCsv(matrixRows(matrix, of, shown.order)), "text/csv");
  }

  function statsAt(row, column) {
    const { matrix } = shown;
    if (row === 1) return column === 1 ? matrix.total : matrix.columnTotals[shown.order.columns[column - 2]];
    const down = shown.order.rows[row - 2];
    return column === 1 ? matrix.rowTotals[down] : matrix.at(down, shown.order.columns[column - 2]);
  }

  function headingAt(row, column, state) {
    const { matrix, of, measure } = shown;
    const sortedBy = (name) => (state.order === name ? "ascending" : state.order === `-${name}` ? "descending" : null);
    if (row === 0 && column === 0) return { label: `${of.rows || "all"}\u00a0↓ ${of.columns || "all"}\u00a0→`, name: `${of.rows} by ${of.columns}`, title: "Sort by name" };
    if (row === 0 || column === 0) {
      const place = row === 0 ? column : row;
      if (place === 1) return { label: "all", name: "all", total: true, sorted: row === 0 ? sortedBy(measure) : null };
      const { label, short } = row === 0 ? matrix.columns[shown.order.columns[place - 2]] : matrix.rows[shown.order.rows[place - 2]];
      // A row's has the room for the whole.
      return { label, short: row === 0 ? short : undefined, name: label, title: label, sorted: sortedBy(`${row === 0 ? "column" : "row"} ${label}`) };
    }
    return null;
  }

  function cellAt(row, column, state, span) {
    const heading = headingAt(row, column, state);
    if (heading !== null) return heading;
    const { of, measure } = shown;
    const stats = statsAt(row, column);
    const where = [headingAt(row, 0, state), headingAt(0, column, state)].map(({ label }) => label).join(", ");
    if (stats === null) return { label: "", name: `${where}: no rollouts`, empty: true };
    const { n, mean: average, share, successes, tried } = stats;
    const texts = { n: String(n), mean: average === null ? "–" : shortNumber(average), share: share === null ? "–" : percent(share) };
    const others = MEASURES.filter((one) => one !== measure && !(one === "share" && tried === 0) && !(one === "mean" && average === null));
    const said = [counted(n, "rollout")];
    if (average !== null) said.push(`mean ${of.mean} ${writeValue(average)}`);
    if (tried > 0) said.push(`${percent(share)} successful (${successes} of ${tried})`);
    const isTotal = row === 1 || column === 1;
    return {
      label: "", name: `${where}: ${said.join(", ")}`, title: said.join("\n"), big: texts[measure],
      small: others.map((one) => (one === "n" ? `n ${texts.n}` : texts[one])).join(" · "),
      total: isTotal, bar: tried > 0 ? share : null,
      colour: isTotal ? "" : colourOf(stats[measure], span),
    };
  }

  function update(visible, state, changed) {
    if (!["query", "brush", "x", "y", "rows", "columns", "mean", "success", "measure", "order", "view", "marks", "sort"].some((key) => changed.has(key))) return;
    const of = {
      rows: state.rows || axes.rows,
      columns: state.columns || axes.columns,
      mean: state.mean || meanKey(),
      success: state.success === NOTHING ? "" : state.success || usualSuccess,
    };
    const matrix = buildMatrix(visible, app.facts, of);
    const able = MEASURES.filter((one) => one === "n" || (one === "share" ? matrix.total.tried > 0 : matrix.total.mean !== null));
    const measure = able.includes(state.measure) ? state.measure : able[0];
    shown = { matrix, of, measure, order: orderOf(matrix, state.order, measure) };
    showChoices(state, able);
    const span = spanOf(matrix, measure);
    empty.hidden = of.rows !== "";
    table.hidden = of.rows === "" || visible.length === 0;
    showSummary(span);
    content = {
      rows: matrix.rows.length + 2,
      columns: matrix.columns.length + 2,
      longest: Math.max(8, ...matrix.rows.map(({ label }) => label.length)),
      name: `${of.rows} by ${of.columns}`,
      cell: (row, column) => cellAt(row, column, state, span),
    };
    grid.update(content);
  }

  function meanKey() {
    for (const facts of app.facts.values()) {
      const key = keyFor(facts, "return");
      if (key !== undefined && numbers.includes(key)) return key;
    }
    return numbers.find((name) => !["frames", "finished"].includes(name)) || "";
  }

  function showChoices(state, able) {
    const { of, measure } = shown;
    rows.show(of.rows);
    columns.show(of.columns);
    mean.show(of.mean);
    const rule = readSuccess(of.success);
    success.show(rule.key || NOTHING);
    leastField.hidden = rule.least === null;
    if (rule.least !== null) showInField(least, rule.least);
    wrong.textContent = "";
    const { key, descending } = readSort(state.order);
    order.show(MEASURES.includes(key) ? key : "");
    showWay(way, descending);
    for (const button of measures) {
      button.hidden = !able.includes(button.dataset.measure);
      button.setAttribute("aria-pressed", String(button.dataset.measure === measure));
    }
  }

  function showSummary(span) {
    const { matrix, of, measure } = shown;
    const { n, mean: average, share } = matrix.total;
    const parts = [counted(n, "rollout")];
    if (average !== null) parts.push(`mean ${of.mean} ${writeValue(average)}`);
    if (share !== null) parts.push(`${percent(share)} successful`);
    if (matrix.left > 0) parts.push(`${counted(matrix.left, "more rollout")} with other values than the ${MOST_VALUES} most frequent`);
    summary.textContent = parts.join(" · ");
    const write = (value) => (measure === "share" ? percent(value) : writeValue(value));
    legend.hidden = span === null || span[0] === span[1];
    if (span !== null) replace(legend, write(span[0]), el("span", { class: "ramp" }), write(span[1]));
  }

  return { element, update, shown: (is) => is && grid.layout(), focus: grid.focus };
}

function colourOf(value, span) {
  if (value === null || span === null) return "";
  const share = span[1] > span[0] ? (value - span[0]) / (span[1] - span[0]) : 1;
  return `color-mix(in srgb, var(--accent) ${Math.round(2 + share * (STRONGEST - 2))}%, var(--surface))`;
}

const percent = (share) => `${Math.round(share * 1000) / 10 >= 10 || share === 0 ? Math.round(share * 100) : (share * 100).toFixed(1)} %`;

// Three digits are what a cell has room for; its title has more.
function shortNumber(value) {
  const size = Math.abs(value);
  if (size >= 1e4 || (size > 0 && size < 0.01)) return numberLabel(Number(value.toPrecision(3)));
  return size >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
