// The matrix as a table of which only what is in view is in the page, so that 200 by 200 cells scroll like ten by ten.
import { cut } from "./cut.js";
import { el, replace } from "./dom.js";
import { isNowhere, reaches, register } from "./keyboard.js";
import { clamp } from "./numbers.js";

/** Sizes of a cell in CSS pixels: usually, on a small screen, and among many. */
const WIDE = { width: 104, height: 54 };
const ON_PHONES = { width: 92, height: 54 };
const NARROW = { width: 70, height: 32 };
/** More columns than this are narrow. */
const MANY_COLUMNS = 40;
const HEAD_HEIGHT = 46;
/** Rows and columns beyond the edge that are there before they are seen. */
const BEYOND = 3;
const LETTER = 8;
const MOVES = {
  ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
};

/**
 * Rows and columns count from 0, the headings.
 * @typedef {{label: string, short?: string, name: string, title?: string, big?: string, small?: string, colour?: string, bar?: number|null,
 *   sorted?: "ascending"|"descending"|null, total?: boolean, empty?: boolean}} Cell
 * @param {{activate(row: number, column: number): void}} actions
 * @returns {{element: HTMLElement, update(table: {rows: number, columns: number, longest: number, name: string,
 *   cell(row: number, column: number): Cell}): void, layout(): void, focus(): void}}
 */
export function createMatrixGrid({ activate }) {
  const body = el("div", { class: "matrix-body", role: "presentation" });
  const element = el("div", { class: "matrix-grid", role: "grid", "aria-readonly": "true" }, body);
  /** Row -> {element, cells: Map of column -> element}. */
  const shown = new Map();
  let table = { rows: 0, columns: 0, longest: 0, name: "", cell: () => ({}) };
  let size = WIDE;
  let headWidth = 120;
  let active = [0, 0];
  let waiting = false;

  element.addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      layout();
    });
  });
  element.addEventListener("click", (event) => {
    const place = placeOf(event.target);
    if (place === null) return;
    active = place;
    focusActive();
    activate(...place);
  });
  new ResizeObserver(() => layout()).observe(element);
  const hasFocus = () => reaches(element) && table.rows > 0;
  register(Object.keys(MOVES), "Go to the cell beside, above, below", ({ key }) => {
    const [down, right] = isNowhere() ? [0, 0] : MOVES[key];
    goTo(active[0] + down, active[1] + right);
  }, hasFocus, "Matrix");
  register(["Home", "End"], "First, last column", ({ key }) => goTo(active[0], key === "Home" ? 0 : table.columns - 1), hasFocus, "Matrix");
  register(["PageUp", "PageDown"], "A screen up, down", ({ key }) => {
    const screen = Math.max(1, Math.floor((element.clientHeight - HEAD_HEIGHT) / size.height) - 1);
    goTo(active[0] + (key === "PageUp" ? -screen : screen), active[1]);
  }, hasFocus, "Matrix");
  register(["Enter", "Space"], "Open the rollouts of a cell; sort by a heading", () => activate(...active), hasFocus, "Matrix");

  function placeOf(target) {
    const cell = target instanceof Element ? target.closest("[data-place]") : null;
    return cell === null ? null : cell.dataset.place.split(",").map(Number);
  }

  function goTo(row, column) {
    active = [clamp(row, 0, table.rows - 1), clamp(column, 0, table.columns - 1)];
    scrollToActive();
    layout();
    focusActive();
  }

  function scrollToActive() {
    const [row, column] = active;
    if (row > 0) {
      const top = (row - 1) * size.height;
      const room = element.clientHeight - HEAD_HEIGHT - size.height;
      element.scrollTop = clamp(element.scrollTop, top - room, top);
    }
    if (column > 0) {
      const left = (column - 1) * size.width;
      const room = element.clientWidth - headWidth - size.width;
      element.scrollLeft = clamp(element.scrollLeft, left - room, left);
    }
  }

  function focusActive() {
    for (const [row, { cells }] of shown) {
      for (const [column, cell] of cells) cell.tabIndex = row === active[0] && column === active[1] ? 0 : -1;
    }
    shown.get(active[0])?.cells.get(active[1])?.focus({ preventScroll: true });
  }

  function update(next) {
    table = next;
    size = table.columns > MANY_COLUMNS ? NARROW : element.clientWidth < 500 ? ON_PHONES : WIDE;
    element.classList.toggle("narrow", size === NARROW);
    element.setAttribute("aria-label", table.name);
    element.setAttribute("aria-rowcount", String(table.rows));
    element.setAttribute("aria-colcount", String(table.columns));
    active = [Math.min(active[0], table.rows - 1), Math.min(active[1], table.columns - 1)];
    draw(true);
  }

  function layout() {
    draw(false);
  }

  // What had the focus has it again.
  function draw(isAnew) {
    const had = element.contains(document.activeElement);
    const wide = element.clientWidth;
    const most = wide < 600 ? wide * 0.38 : 260;
    const head = Math.round(clamp(table.longest * LETTER + 30, 84, most));
    const clears = isAnew || head !== headWidth;
    headWidth = head;
    if (clears) {
      shown.clear();
      replace(body);
    }
    body.style.width = `${headWidth + (table.columns - 1) * size.width}px`;
    body.style.height = `${HEAD_HEIGHT + (table.rows - 1) * size.height}px`;
    const [top, left] = [Math.floor(element.scrollTop / size.height), Math.floor(element.scrollLeft / size.width)];
    const down = Math.ceil((element.clientHeight || 600) / size.height);
    const right = Math.ceil((wide || 600) / size.width);
    const rows = [0, ...range(top + 1 - BEYOND, top + 1 + down + BEYOND, table.rows)];
    const columns = [0, ...range(left + 1 - BEYOND, left + 1 + right + BEYOND, table.columns)];
    // What has the focus stays, or the focus would be lost.
    if (!rows.includes(active[0])) rows.push(active[0]);
    if (!columns.includes(active[1])) columns.push(active[1]);
    for (const [row, { element: line }] of shown) {
      if (rows.includes(row)) continue;
      line.remove();
      shown.delete(row);
    }
    for (const row of rows.sort((one, other) => one - other)) showRow(row, columns);
    if (had && clears) focusActive();
  }

  function showRow(row, columns) {
    if (!shown.has(row)) {
      const line = el("div", { role: "row", class: row === 0 ? "matrix-row head" : "matrix-row", "aria-rowindex": row + 1 });
      if (row > 0) {
        line.style.top = `${HEAD_HEIGHT + (row - 1) * size.height}px`;
        line.style.height = `${size.height}px`;
      } else {
        line.style.height = `${HEAD_HEIGHT}px`;
      }
      shown.set(row, { element: line, cells: new Map() });
      // In the order of the table, which is the one that is read.
      const after = [...shown.keys()].filter((other) => other > row).sort((one, other) => one - other)[0];
      body.insertBefore(line, after === undefined ? null : shown.get(after).element);
    }
    const { element: line, cells } = shown.get(row);
    for (const [column, cell] of cells) {
      if (columns.includes(column)) continue;
      cell.remove();
      cells.delete(column);
    }
    let before = null;
    for (const column of [...columns].sort((one, other) => one - other)) {
      if (!cells.has(column)) {
        const cell = createCell(row, column);
        cells.set(column, cell);
        line.insertBefore(cell, before === null ? line.firstChild : before.nextSibling);
      }
      before = cells.get(column);
    }
  }

  function createCell(row, column) {
    const { label, short, name, title, big, small, colour, bar, sorted, total, empty } = table.cell(row, column);
    const isHead = row === 0 || column === 0;
    const role = row === 0 ? "columnheader" : column === 0 ? "rowheader" : "gridcell";
    const cell = el("div", {
      role, class: `matrix-cell ${isHead ? "heading" : "value"}${total ? " total" : ""}${empty ? " empty" : ""}`,
      "data-place": `${row},${column}`, "aria-colindex": column + 1, title,
      "aria-sort": sorted || (row === 0 && column > 0 ? "none" : null),
      tabindex: row === active[0] && column === active[1] ? 0 : -1,
    },
    isHead && name === (short ?? label) ? null : el("span", { class: "visually-hidden" }, name),
    isHead ? el("span", { class: "label", "aria-hidden": name === (short ?? label) ? null : "true" }, short ?? (label && cut(label))) : null,
    sorted ? el("span", { class: "arrow", "aria-hidden": "true" }, sorted === "descending" ? "↓" : "↑") : null,
    big === undefined || big === "" ? null : el("span", { class: "big", "aria-hidden": "true" }, big),
    small && size !== NARROW ? el("span", { class: "small", "aria-hidden": "true" }, small) : null);
    if (typeof bar === "number") {
      const line = el("span", { class: "bar", "aria-hidden": "true" });
      line.style.transform = `scaleX(${bar})`;
      cell.append(line);
    }
    if (colour) cell.style.background = colour;
    cell.style.width = `${column === 0 ? headWidth : size.width}px`;
    if (column > 0) cell.style.left = `${headWidth + (column - 1) * size.width}px`;
    return cell;
  }

  return { element, update, layout, focus: focusActive };
}

function range(from, to, count) {
  const all = [];
  for (let place = Math.max(1, from); place < Math.min(count, to); place += 1) all.push(place);
  return all;
}
