// Round numbers and times along an axis, at least two of any range, and how they are written. Pure.
import { clamp } from "./numbers.js";

const MINUTE = 60;
const HOUR = 3600;
export const DAY = 86_400;
const MONTH = 30 * DAY;
const YEAR = 365 * DAY;
const SHARES = [1, 2, 5];
/** Distances of ticks in time: about how many seconds, and how many of which unit. */
const TIME_STEPS = [
  ...[1, 5, 15, 30, MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR].map((every) => ({ length: every, unit: "second", every })),
  ...[1, 2, 7, 14].map((every) => ({ length: every * DAY, unit: "day", every })),
  ...[1, 3, 6].map((every) => ({ length: every * MONTH, unit: "month", every })),
  ...[0, 1, 2, 3, 4, 5].flatMap((power) => SHARES.map((share) => share * 10 ** power)).map((every) => ({ length: every * YEAR, unit: "year", every })),
];
/** What a Date can hold, in seconds. */
const MOST_TIME = 8.64e12;
const MOST_TICKS = 1000;

/** Digits before a power of ten, as text: only so is 3e-7 the number that is written so. */
const decimal = (digits, power) => Number(`${digits}e${power}`);

/**
 * @param {number} least
 * @param {number} most
 * @param {number} count about how many
 * @returns {number[]} share and power: 1, 2 or 5 times that power of ten is the distance
 */
function roundStep(least, most, count) {
  const parts = Math.max(1, count);
  // Of the largest numbers the difference would be infinite, of the smallest ones a part is none.
  const rough = most / parts - least / parts || most - least;
  const power = Math.floor(Math.log10(rough));
  const share = SHARES.find((one) => decimal(one, power) >= rough * (1 - 1e-9));
  return share === undefined ? [1, power + 1] : [share, power];
}

/**
 * @param {number} least
 * @param {number} most more than that
 * @param {number} count about how many; two are more than one, whatever it is
 * @returns {number[]} round numbers from least to most; both themselves where there are no numbers between them
 */
export function linearTicks(least, most, count) {
  if (!(most > least)) return Number.isFinite(least) ? [least] : [];
  let [share, power] = roundStep(least, most, count);
  for (;;) {
    const step = decimal(share, power);
    // By whole multiples: sums of a step drift.
    const [first, last] = [Math.ceil(least / step - 1e-9), Math.floor(most / step + 1e-9)];
    if (!(Math.abs(first) < 2 ** 50 && Math.abs(last) < 2 ** 50)) return [least, most];
    if (last > first) return Array.from({ length: last - first + 1 }, (_, place) => decimal((first + place) * share, power));
    if (share === 1) power -= 1;
    share = { 1: 5, 2: 1, 5: 2 }[share];
  }
}

/**
 * @param {number} least more than 0
 * @param {number} most more than that
 * @param {number} count about how many
 * @returns {number[]} powers of ten, or between them 2 and 5 times one where there are few
 */
export function logTicks(least, most, count) {
  if (!(most > least)) return Number.isFinite(least) ? [least] : [];
  const from = Math.floor(Math.log10(least) + 1e-9);
  const to = Math.ceil(Math.log10(most) - 1e-9);
  const ticksOf = (every, shares) => {
    const powers = Array.from({ length: to - from + 1 }, (_, place) => from + place).filter((power) => power % every === 0);
    const ticks = powers.flatMap((power) => shares.map((share) => decimal(share, power)));
    return ticks.filter((tick) => tick >= least * (1 - 1e-9) && tick <= most * (1 + 1e-9) && tick > 0 && tick < Infinity);
  };
  const isShort = to - from <= count / 2;
  for (let every = Math.ceil((to - from) / Math.max(1, count)); every >= 1 && !isShort; every = Math.floor(every / 2)) {
    const ticks = ticksOf(every, [1]);
    if (ticks.length >= 2) return ticks;
  }
  const ticks = ticksOf(1, SHARES);
  return ticks.length >= 2 ? ticks : linearTicks(least, most, count);
}

/**
 * @param {number} least in seconds since 1970
 * @param {number} most more than that
 * @param {number} count about how many
 * @returns {number[]} round times in this browser's time zone; below a second, round numbers of seconds
 */
export function timeTicks(least, most, count) {
  if (!(most > least)) return Number.isFinite(least) ? [least] : [];
  const rough = (most - least) / Math.max(1, count);
  const longest = TIME_STEPS.length - 1;
  const isDate = Math.abs(least) < MOST_TIME && Math.abs(most) < MOST_TIME;
  let place = TIME_STEPS.findIndex(({ length }) => length >= rough);
  for (place = place < 0 ? longest : place; rough > 0.5 && isDate && place >= 0; place -= 1) {
    const ticks = timesBy(TIME_STEPS[place], least, most);
    if (ticks.length >= 2) return ticks;
  }
  return linearTicks(least, most, count);
}

/** The times of one step: of the clock from midnight on, weeks from Monday, months and years from January. */
function timesBy({ unit, every }, least, most) {
  const begin = new Date(least * 1000);
  const [year, month, day] = [begin.getFullYear(), begin.getMonth(), begin.getDate()];
  const monday = every % 7 === 0 ? (begin.getDay() + 6) % 7 : 0;
  const passed = least - new Date(year, month, day).getTime() / 1000;
  const [first, at] = {
    // Some hours before, since clocks are put forward and back.
    second: [Math.max(0, Math.floor((passed - 3 * HOUR) / every)), (number) => new Date(year, month, day, 0, 0, number * every)],
    day: [0, (number) => new Date(year, month, day - monday + number * every)],
    month: [Math.floor(month / every), (number) => new Date(year, number * every, 1)],
    year: [Math.floor(year / every), (number) => new Date(number * every, 0, 1)],
  }[unit];
  const ticks = [];
  for (let number = first; ticks.length < MOST_TICKS; number += 1) {
    const time = at(number).getTime() / 1000;
    if (!(time <= most)) break;
    // Of an hour that is left out, or comes twice, once.
    if (time >= least && !(time <= ticks[ticks.length - 1])) ticks.push(time);
  }
  return ticks;
}

/**
 * @param {number} value
 * @param {number} [step] the least difference that is to be seen
 * @returns {string} short: "2.5M", "-300", "0.05", "1e-7"
 */
export function numberLabel(value, step = 0) {
  const size = Math.abs(value);
  const needed = step > 0 && size > 0 ? clamp(Math.floor(Math.log10(size)) - Math.floor(Math.log10(step)) + 1, 1, 17) : 1;
  if (size >= 1e15 || (size > 0 && size < 1e-4)) return Number(value.toPrecision(Math.max(4, needed))).toExponential().replace("e+", "e");
  const short = (number) => String(Number(number.toPrecision(Math.max(6, needed))));
  for (const [power, unit, letter] of [[1e12, 1e12, "T"], [1e9, 1e9, "G"], [1e6, 1e6, "M"], [1e4, 1e3, "k"]]) {
    if (size >= power) return `${short(value / unit)}${letter}`;
  }
  return short(value);
}

/**
 * @param {number[]} values
 * @returns {number} the least difference between two of them that differ; 0 where there is none
 */
export function leastStep(values) {
  const sorted = [...values].sort((one, other) => one - other);
  const steps = sorted.slice(1).map((value, place) => value - sorted[place]).filter((step) => step > 0);
  return steps.length > 0 ? Math.min(...steps) : 0;
}

/**
 * @param {number} time in seconds since 1970
 * @param {number} step to the next tick, in seconds
 * @returns {string} "14:05", "11-26", "2026-11" or "2026", by what the step tells apart
 */
export function timeLabel(time, step) {
  const date = new Date(time * 1000);
  if (Number.isNaN(date.getTime())) return numberLabel(time, step);
  const two = (number) => String(number).padStart(2, "0");
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}`;
  const day = `${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  if (step < 1) {
    const digits = clamp(Math.ceil(-Math.log10(step) - 1e-9), 1, 6);
    return `${clock}:${(((time % MINUTE) + MINUTE) % MINUTE).toFixed(digits).padStart(3 + digits, "0")}`;
  }
  if (step < MINUTE) return `${clock}:${two(date.getSeconds())}`;
  if (step < DAY) return date.getHours() === 0 && date.getMinutes() === 0 ? day : clock;
  // February, and the clock put forward.
  if (step < 27 * DAY) return day;
  return step < 360 * DAY ? `${date.getFullYear()}-${two(date.getMonth() + 1)}` : String(date.getFullYear());
}
