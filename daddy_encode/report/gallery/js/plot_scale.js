// From numbers to places on an axis and back. Draws nothing.
import { leastStep, linearTicks, logTicks, numberLabel, timeLabel, timeTicks } from "./ticks.js";

const HOUR = 3600;
const [TINIEST, LARGEST] = [Number.MIN_VALUE, Number.MAX_VALUE];

/**
 * What an axis shows of some numbers: a little more than they span, so that no point lies on the frame.
 * @param {number[]} values
 * @param {"linear"|"log"|"time"} kind
 * @returns {number[]} least and most
 */
export function domainOf(values, kind) {
  let [least, most] = [Infinity, -Infinity];
  for (const value of values) {
    if (!Number.isFinite(value) || (kind === "log" && value <= 0)) continue;
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  if (least > most) return kind === "log" ? [1, 10] : [0, 1];
  if (kind === "log") {
    const edges = most > least ? padded(Math.log10(least), Math.log10(most)).map((edge) => 10 ** edge) : [least / 2, most * 2];
    return edges.map((edge) => Math.max(TINIEST, Math.min(LARGEST, edge)));
  }
  if (most > least) return padded(least, most);
  const room = kind === "time" ? Math.max(HOUR, Math.abs(least) * 1e-9) : Math.abs(least) * 0.1 || 1;
  return bounded(least - room, most + room);
}

function padded(least, most) {
  const room = most * 0.04 - least * 0.04;
  return bounded(least - room, most + room);
}

const bounded = (...edges) => edges.map((edge) => Math.max(-LARGEST, Math.min(LARGEST, edge)));

/**
 * @param {number[]} domain
 * @param {number[]} range places of both ends; the first may be larger
 * @param {"linear"|"log"|"time"} kind
 * @returns {{to(value: number): number, from(place: number): number, ticks(count: number): number[],
 *   format(value: number): string}}
 */
export function createScale([least, most], [start, end], kind) {
  const forth = kind === "log" ? Math.log10 : Number;
  const back = kind === "log" ? (value) => 10 ** value : Number;
  const [low, high] = [forth(least), forth(most)];
  // Of the largest numbers the difference would be infinite.
  const span = high / 2 - low / 2 || 1;
  const ticksOf = { linear: linearTicks, log: logTicks, time: timeTicks }[kind];
  let step = 0;
  return {
    to: (value) => start + ((forth(value) / 2 - low / 2) / span) * (end - start),
    from: (place) => back(low + ((place - start) / (end - start)) * span * 2),
    ticks(count) {
      const ticks = ticksOf(least, most, count);
      step = leastStep(ticks);
      return ticks;
    },
    format: (value) => (kind === "time" ? timeLabel(value, step || most - least) : numberLabel(value, kind === "log" ? 0 : step)),
  };
}

/**
 * Whether numbers are better seen on a logarithmic axis: over three powers of ten, most of them near the least.
 * @param {number[]} values
 * @returns {boolean}
 */
export function isLogarithmic(values) {
  const sorted = values.filter(Number.isFinite).sort((one, other) => one - other);
  if (sorted.length < 3 || sorted[0] <= 0) return false;
  const most = sorted[sorted.length - 1];
  return most / sorted[0] >= 1000 && sorted[Math.floor(sorted.length / 2)] < most / 20;
}

/** So few places are too few to be smoothed: a line goes through the mean of each. */
const FEW_MEANS = 12;
/** Places up to which it does so where most have several points: of more it would be a scribble. */
const MOST_MEANS = 200;

/**
 * The line of means through points, from the first x to the last: where there are few, or where at least half of them have
 * several points, as several evaluations of each step, the means at these; otherwise running means.
 * @param {number[][]} points [x, y]
 * @returns {number[][]} [x, mean] by x, of which those that are the means at one x have the standard deviation of the points
 *   there (as of a sample) as the third, null of a single point, which says nothing of it; none where all have the same x
 */
export function meanLine(points) {
  const at = new Map();
  for (const [x, y] of points) {
    if (!at.has(x)) at.set(x, []);
    at.get(x).push(y);
  }
  if (at.size < 2) return [];
  const means = [...at].map(([x, values]) => [x, ...spreadOf(values)]).sort((one, other) => one[0] - other[0]);
  // Counted by places: a point that is lacking changes its own, and not the line.
  const repeats = means.filter(([, , deviation]) => deviation !== null).length * 2 >= means.length;
  if (means.length < FEW_MEANS || (repeats && means.length <= MOST_MEANS)) return means;
  return runningMean(repeats ? means : points, 0.1);
}

function spreadOf(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length < 2) return [mean, null];
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return [mean, Math.sqrt(squares / (values.length - 1))];
}

/**
 * One standard deviation on both sides of a line of means.
 * @param {number[][]} means see meanLine
 * @returns {number[][][]} [x, lower, upper] of neighbours for which it is known, together; nothing lies between others
 */
export function bandsOf(means) {
  const bands = [];
  let isOpen = false;
  for (const [x, mean, deviation] of means) {
    const isKnown = Number.isFinite(deviation);
    if (isKnown && !isOpen) bands.push([]);
    if (isKnown) bands[bands.length - 1].push([x, mean - deviation, mean + deviation]);
    isOpen = isKnown;
  }
  return bands;
}

/**
 * The mean of each number's neighbours: of those at equal places together, and of a share of all on both sides, of fewer
 * towards the ends.
 * @param {number[][]} points [x, y]
 * @param {number} [share] of the points that each mean is of
 * @returns {number[][]} by x; one for all points of one x
 */
export function runningMean(points, share = 0.1) {
  const sorted = [...points].sort((one, other) => one[0] - other[0]);
  const half = Math.max(1, Math.round((sorted.length * share) / 2));
  const sums = [0];
  for (const [, y] of sorted) sums.push(sums[sums.length - 1] + y);
  const means = [];
  for (let first = 0; first < sorted.length; ) {
    let last = first;
    while (last + 1 < sorted.length && sorted[last + 1][0] === sorted[first][0]) last += 1;
    // As many on both sides, so that the ends do not lean.
    const reach = Math.min(half, first, sorted.length - 1 - last);
    const [from, to] = [first - reach, last + reach + 1];
    means.push([sorted[first][0], (sums[to] - sums[from]) / (to - from)]);
    first = last + 1;
  }
  return means;
}

/**
 * Finds the point nearest to a place, among thousands, quickly.
 * @param {number[][]} points [x, y] in pixels
 * @param {number} [reach] in pixels
 * @returns {(x: number, y: number) => number} the index of the nearest one within reach; -1 where none is
 */
export function createNearest(points, reach = 24) {
  const cells = new Map();
  const cellOf = (x, y) => `${Math.floor(x / reach)},${Math.floor(y / reach)}`;
  points.forEach(([x, y], index) => {
    const cell = cellOf(x, y);
    if (!cells.has(cell)) cells.set(cell, []);
    cells.get(cell).push(index);
  });
  return (x, y) => {
    let nearest = -1;
    let least = reach * reach;
    for (let dx = -1; dx <= 1; dx += 1) {
      for (let dy = -1; dy <= 1; dy += 1) {
        for (const index of cells.get(cellOf(x + dx * reach, y + dy * reach)) || []) {
          const distance = (points[index][0] - x) ** 2 + (points[index][1] - y) ** 2;
          if (distance <= least) [nearest, least] = [index, distance];
        }
      }
    }
    return nearest;
  };
}
