// From numbers to places on an axis and back: nice ticks, logarithms, dates. Draws nothing.

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;
/** Distances of ticks in time up to a day, in seconds. */
const TIME_STEPS = [1, 5, 15, 30, MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR];

/**
 * @param {number} least
 * @param {number} most
 * @param {number} count about how many
 * @returns {number} 1, 2 or 5 times a power of ten
 */
export function niceStep(least, most, count) {
  const rough = Math.abs(most - least) / Math.max(1, count);
  if (!(rough > 0) || !Number.isFinite(rough)) return 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const share = rough / power;
  return power * (share <= 1 ? 1 : share <= 2 ? 2 : share <= 5 ? 5 : 10);
}

/**
 * @param {number} least
 * @param {number} most
 * @param {number} count about how many
 * @returns {number[]} round numbers from least to most
 */
export function linearTicks(least, most, count) {
  if (!(most > least)) return Number.isFinite(least) ? [least] : [];
  const step = niceStep(least, most, count);
  const ticks = [];
  // By whole multiples: sums of a step drift.
  for (let number = Math.ceil(least / step - 1e-9); number * step <= most + step * 1e-9 && ticks.length < 1000; number += 1) {
    ticks.push(tidy(number * step, step));
  }
  return ticks;
}

function tidy(value, step) {
  const digits = Math.max(0, 1 - Math.floor(Math.log10(step)));
  const text = digits > 100 ? value : Number(value.toFixed(Math.min(100, digits)));
  return text === 0 ? 0 : text;
}

/**
 * @param {number} least more than 0
 * @param {number} most
 * @param {number} count about how many
 * @returns {number[]} powers of ten, or between them 2 and 5 times one where there are few
 */
export function logTicks(least, most, count) {
  const from = Math.floor(Math.log10(least) + 1e-9);
  const to = Math.ceil(Math.log10(most) - 1e-9);
  const every = Math.max(1, Math.ceil((to - from) / Math.max(1, count)));
  const factors = every > 1 || to - from > count / 2 ? [1] : [1, 2, 5];
  const ticks = [];
  for (let power = from; power <= to; power += 1) {
    if ((power - from) % every !== 0) continue;
    for (const factor of factors) {
      const value = factor * 10 ** power;
      if (value >= least * (1 - 1e-9) && value <= most * (1 + 1e-9)) ticks.push(Number(value.toPrecision(12)));
    }
  }
  return ticks.length >= 2 ? ticks : linearTicks(least, most, count).filter((tick) => tick > 0);
}

/**
 * @param {number} least in seconds since 1970
 * @param {number} most
 * @param {number} count about how many
 * @returns {number[]} round times in this browser's time zone
 */
export function timeTicks(least, most, count) {
  if (!(most > least)) return Number.isFinite(least) ? [least] : [];
  const rough = (most - least) / Math.max(1, count);
  const step = TIME_STEPS.find((one) => one >= rough);
  const ticks = [];
  if (step !== undefined) {
    const zone = new Date(least * 1000).getTimezoneOffset() * MINUTE;
    for (let time = Math.ceil((least - zone) / step) * step + zone; time <= most; time += step) ticks.push(time);
    return ticks;
  }
  const days = [1, 2, 7, 14, 30, 90, 180, 365].find((one) => one * DAY >= rough) || 365 * Math.ceil(rough / DAY / 365);
  const day = new Date(least * 1000);
  day.setHours(0, 0, 0, 0);
  if (days >= 30) day.setDate(1);
  if (days >= 365) day.setMonth(0);
  for (; day.getTime() / 1000 <= most && ticks.length < 1000; ) {
    if (day.getTime() / 1000 >= least) ticks.push(day.getTime() / 1000);
    if (days >= 365) day.setFullYear(day.getFullYear() + Math.round(days / 365));
    else if (days >= 30) day.setMonth(day.getMonth() + Math.round(days / 30));
    else day.setDate(day.getDate() + days);
  }
  return ticks;
}

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
  if (kind === "log") return most > least ? padded(Math.log10(least), Math.log10(most)).map((edge) => Math.min(1.7e308, 10 ** edge)) : [least / 2, most * 2];
  if (most > least) return padded(least, most);
  const room = kind === "time" ? HOUR : Math.abs(least) * 0.1 || 1;
  return [least - room, most + room];
}

function padded(least, most) {
  const room = most * 0.04 - least * 0.04;
  return [least - room, most + room];
}

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
      step = ticks.length > 1 ? Math.abs(ticks[1] - ticks[0]) : 0;
      return ticks;
    },
    format: (value) => (kind === "time" ? timeLabel(value, step || most - least) : numberLabel(value)),
  };
}

/**
 * @param {number} value
 * @returns {string} short: "2.5M", "-300", "0.05", "1e-7"
 */
export function numberLabel(value) {
  const size = Math.abs(value);
  if (size >= 1e15 || (size > 0 && size < 1e-4)) return value.toExponential().replace(/(\.\d{3})\d*/, "$1").replace("e+", "e");
  for (const [power, letter] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e4, "k"]]) {
    if (size >= power) return `${short(value / (letter === "k" ? 1e3 : power))}${letter}`;
  }
  return short(value);
}

const short = (value) => String(Number(value.toPrecision(6)));

/**
 * @param {number} time in seconds since 1970
 * @param {number} step to the next tick, in seconds
 * @returns {string} "14:05", "11-26" or "2026-11", by what the step tells apart
 */
export function timeLabel(time, step) {
  const date = new Date(time * 1000);
  if (Number.isNaN(date.getTime())) return "";
  const two = (number) => String(number).padStart(2, "0");
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}`;
  const day = `${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  if (step < MINUTE) return `${clock}:${two(date.getSeconds())}`;
  if (step < DAY) return date.getHours() === 0 && date.getMinutes() === 0 ? day : clock;
  return step < 28 * DAY ? day : `${date.getFullYear()}-${two(date.getMonth() + 1)}`;
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

/**
 * The mean of each number's neighbours: of those at equal places together, and of a share of all on both sides.
 * @param {number[][]} points [x, y]
 * @param {number} [share] of the points that each mean is of
 * @returns {number[][]} by x, without both ends; one for all points of one x
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
    // As many on both sides, so that the ends do not lean; a mean of too few there is none.
    const reach = Math.min(half, first, sorted.length - 1 - last);
    const [from, to] = [first - reach, last + reach + 1];
    if (to - from > half) means.push([sorted[first][0], (sums[to] - sums[from]) / (to - from)]);
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
