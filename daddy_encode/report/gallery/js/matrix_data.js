// The matrix: jobs by the values of two keys, and of those in each cell how many, their mean, their share of successes.
import { isSuccess, readSuccess, sideOf } from "./matrix_sides.js";
import { readSort } from "./sort.js";

/**
 * @typedef {{n: number, mean: number|null, successes: number, tried: number, share: number|null}} Stats
 * @typedef {{rows: import("./matrix_sides.js").Entry[], columns: import("./matrix_sides.js").Entry[], at(row: number, column: number): Stats|null, rowTotals: Stats[],
 *   columnTotals: Stats[], total: Stats, left: number}} Matrix `left`: jobs with values that are not shown
 */

/**
 * @param {object[]} jobs
 * @param {Map<string, Map<string, number|string|boolean>>} factsById
 * @param {{rows: string, columns: string, mean: string, success: string}} of keys; see readSuccess
 * @returns {Matrix}
 */
export function buildMatrix(jobs, factsById, { rows, columns, mean, success }) {
  const down = sideOf(jobs, factsById, rows);
  const across = sideOf(jobs, factsById, columns);
  const rule = readSuccess(success);
  const width = across.entries.length;
  const cells = new Map();
  const rowTotals = down.entries.map(() => emptyStats());
  const columnTotals = across.entries.map(() => emptyStats());
  const total = emptyStats();
  let left = 0;
  for (const { id } of jobs) {
    const facts = factsById.get(id);
    const [row, column] = [down.placeOf(facts.get(rows)), across.placeOf(facts.get(columns))];
    if (row < 0 || column < 0) {
      left += 1;
      continue;
    }
    const place = row * width + column;
    if (!cells.has(place)) cells.set(place, emptyStats());
    const number = facts.get(mean);
    const succeeded = success === "" ? null : isSuccess(facts, rule);
    for (const stats of [cells.get(place), rowTotals[row], columnTotals[column], total]) {
      stats.n += 1;
      if (typeof number === "number") {
        stats.numbers += 1;
        stats.sum += number;
      }
      if (succeeded !== null) {
        stats.tried += 1;
        stats.successes += Number(succeeded);
      }
    }
  }
  const finished = new Map([...cells].map(([place, stats]) => [place, finish(stats)]));
  return {
    rows: down.entries,
    columns: across.entries,
    at: (row, column) => finished.get(row * width + column) || null,
    rowTotals: rowTotals.map(finish),
    columnTotals: columnTotals.map(finish),
    total: finish(total),
    left,
  };
}

const emptyStats = () => ({ n: 0, numbers: 0, sum: 0, tried: 0, successes: 0 });

function finish({ n, numbers, sum, tried, successes }) {
  return { n, mean: numbers > 0 ? sum / numbers : null, successes, tried, share: tried > 0 ? successes / tried : null };
}

/** What a cell is coloured and sorted by. */
export const MEASURES = Object.freeze(["share", "mean", "n"]);

/**
 * In which order rows and columns are shown.
 * @param {Matrix} matrix
 * @param {string} order "" by their names; "share", "mean" or "n" of the totals; "column NAME" or "row NAME" by the
 *   measure in that one; with "-" in front the largest first
 * @param {string} measure
 * @returns {{rows: number[], columns: number[]}} places in the matrix
 */
export function orderOf(matrix, order, measure) {
  const rows = matrix.rows.map((_, place) => place);
  const columns = matrix.columns.map((_, place) => place);
  const { key: wanted, descending } = readSort(order);
  const way = descending ? -1 : 1;
  const by = (value) => (one, other) => {
    const [first, second] = [value(one), value(other)];
    // What has no value comes last either way.
    if (first === null || second === null) return Number(first === null) - Number(second === null) || one - other;
    return way * (first - second) || one - other;
  };
  const of = (stats) => (stats === null ? null : stats[measure]);
  if (MEASURES.includes(wanted)) {
    rows.sort(by((row) => matrix.rowTotals[row][wanted]));
    columns.sort(by((column) => matrix.columnTotals[column][wanted]));
  } else if (wanted.startsWith("column ")) {
    const column = matrix.columns.findIndex(({ label }) => label === wanted.slice(7));
    if (column >= 0) rows.sort(by((row) => of(matrix.at(row, column))));
  } else if (wanted.startsWith("row ")) {
    const row = matrix.rows.findIndex(({ label }) => label === wanted.slice(4));
    if (row >= 0) columns.sort(by((column) => of(matrix.at(row, column))));
  } else if (wanted === "" && descending) {
    rows.reverse();
  }
  return { rows, columns };
}

/**
 * The least and the most of a measure in the cells, for their colours.
 * @param {Matrix} matrix
 * @param {string} measure
 * @returns {number[]|null} null where no cell has it
 */
export function spanOf(matrix, measure) {
  if (measure === "share") return matrix.total.tried > 0 ? [0, 1] : null;
  let [least, most] = [measure === "n" ? 0 : Infinity, -Infinity];
  matrix.rows.forEach((_, row) => {
    matrix.columns.forEach((__, column) => {
      const stats = matrix.at(row, column);
      if (stats === null || stats[measure] === null) return;
      least = Math.min(least, stats[measure]);
      most = Math.max(most, stats[measure]);
    });
  });
  return most === -Infinity ? null : [least, most];
}

/**
 * A query that also asks for what a cell shows.
 * @param {string} query
 * @param {...string} terms
 * @returns {string}
 */
export function narrowed(query, ...terms) {
  const more = terms.filter((term) => term !== "" && !` ${query} `.includes(` ${term} `));
  return [query.trim(), ...more].filter((part) => part !== "").join(" ");
}

/**
 * One line for each cell that has jobs, for csv.toCsv.
 * @param {Matrix} matrix
 * @param {{rows: string, columns: string, mean: string}} of
 * @param {{rows: number[], columns: number[]}} order
 */
export function matrixRows(matrix, { rows, columns, mean }, order) {
  const lines = [[rows || "rows", columns || "columns", "n", `mean ${mean || "value"}`, "successes", "of", "success rate"]];
  for (const row of order.rows) {
    for (const column of order.columns) {
      const stats = matrix.at(row, column);
      if (stats === null) continue;
      const { n, mean: average, successes, tried, share } = stats;
      lines.push([labelOf(matrix.rows[row]), labelOf(matrix.columns[column]), n, average, tried > 0 ? successes : null, tried, share]);
    }
  }
  return lines;
}

const labelOf = ({ label, value }) => (typeof value === "number" ? value : label);

/**
 * The table as it is shown, for the clipboard.
 * @param {Matrix} matrix
 * @param {string} measure
 * @param {{rows: number[], columns: number[]}} order
 * @param {string} corner
 */
export function shownRows(matrix, measure, order, corner) {
  const value = (stats) => (stats === null ? null : stats[measure]);
  return [
    [corner, ...order.columns.map((column) => labelOf(matrix.columns[column])), "all"],
    ...order.rows.map((row) => [
      labelOf(matrix.rows[row]), ...order.columns.map((column) => value(matrix.at(row, column))), value(matrix.rowTotals[row]),
    ]),
    ["all", ...order.columns.map((column) => value(matrix.columnTotals[column])), value(matrix.total)],
  ];
}
