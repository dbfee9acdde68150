// The matrix on paper, where nothing scrolls: all rows, and the columns in as many tables below each other as they take.
import { el, replace } from "./dom.js";

/** Columns of one table, beside that of the headings: as many as are read on the narrowest paper. */
export const COLUMNS = 8;
/** Widths in percent of the paper's; so a table of fewer columns has such of the same width. */
const HEADINGS = 20;
const COLUMN = (100 - HEADINGS) / COLUMNS;

/**
 * @returns {{element: HTMLElement, print(table: {rows: number, columns: number,
 *   cell(row: number, column: number): import("./matrix_grid.js").Cell}): void, clear(): void}}
 */
export function createMatrixPaper() {
  const element = el("div", { class: "matrix-paper", "aria-hidden": "true" });

  function print({ rows, columns, cell }) {
    const tables = blocksOf(columns).map((block) => {
      const places = [0, ...block];
      const lines = Array.from({ length: rows }, (_, row) => el("tr", {}, places.map((column) => createCell(cell(row, column), row, column))));
      const table = el("table", {}, el("thead", {}, lines[0]), el("tbody", {}, lines.slice(1)));
      table.style.width = `${HEADINGS + block.length * COLUMN}%`;
      lines[0].firstChild.style.width = `${(100 * HEADINGS) / (HEADINGS + block.length * COLUMN)}%`;
      return table;
    });
    replace(element, tables);
  }

  return { element, print, clear: () => replace(element) };
}

function createCell({ label, short, big, small, colour, total }, row, column) {
  const isHead = row === 0 || column === 0;
  const cell = el(isHead ? "th" : "td", { class: total && "total" }, isHead ? short ?? label : [big && el("b", {}, big), small && el("small", {}, small)]);
  if (colour) cell.style.background = colour;
  return cell;
}

/**
 * @param {number} columns  with that of the headings, which is 0
 * @returns {number[][]} which are in each table
 */
export function blocksOf(columns) {
  const blocks = [];
  for (let column = 1; column < columns; column += 1) {
    if (column % COLUMNS === 1) blocks.push([]);
    blocks[blocks.length - 1].push(column);
  }
  return blocks;
}
