// Which keys the matrix is made of, and the values, or bins, along each of its sides.
import { isFlag } from "./facts.js";
import { momentNames, spanName, timeNames } from "./moments.js";
import { areNumbers, extentOf } from "./numbers.js";
import { quoted, termOf } from "./query.js";
import { isDirectoryKey } from "./runs.js";
import { compareValues } from "./sort.js";
import { DAY, leastStep, linearTicks, numberLabel, timeLabel, timeTicks } from "./ticks.js";
import { folded, momentParts } from "./values.js";

/** Along one side; of a key with more values the most frequent ones are shown. */
export const MOST_VALUES = 200;
/** A number with more values than this is shown in bins. */
const MOST_NUMBERS = 24;
const BINS = 10;
/** The heading of jobs that lack a key. */
export const NO_VALUE = "no value";
const LONGEST_SIDE = 60;

/** What people compare, by the last part of the key; those first that are a better side. */
export const ROWS = [
  "task", "task_name", "env", "environment", "env_id", "env_name", "game", "scene", "level", "instruction", "benchmark",
  "suite", "dataset",
];
export const COLUMNS = [
  "policy", "policy_name", "algorithm", "algo", "agent", "model", "method", "variant", "checkpoint", "run", "experiment",
  "seed", "step",
];
const STEPS = ["step", "global_step", "training_step"];
/** With more runs than this a directory above them is the better side. */
const FEW_RUNS = 12;
export const SUCCESS = ["success", "is_success", "succeeded", "successful", "solved", "info.success", "info.is_success"];
const TRUE = /^(?:true|yes|y|1|success|succeeded|solved|ok|pass|passed)$/i;

/**
 * @typedef {{label: string, short?: string, query: string, value: number|string|boolean|null}} Entry one value, or bin, of
 *   a key; `short` is not to be cut: a bin's label, or so much of a date as tells it from the others
 */

/**
 * The two keys that people most likely mean, of those that divide the jobs.
 * @param {{name: string, kind: string, count: number}[]} keys see facts.keysOf
 * @param {(key: string) => Map<unknown, number>} valuesOf the values of a key with their counts
 * @returns {{rows: string, columns: string}} "" where there is none
 */
export function defaultAxes(keys, valuesOf) {
  const most = Math.max(0, ...keys.map((key) => key.count));
  const able = keys.filter(({ name, count }) => !UNLIKELY.includes(name) && count >= most / 4 && valuesOf(name).size > 1);
  const few = able.filter(({ name, kind }) => kind === "text" && !isFlag(valuesOf(name)) && valuesOf(name).size <= LONGEST_SIDE);
  const last = (name) => name.slice(name.lastIndexOf(".") + 1).toLowerCase();
  const fewestOf = (some) => some.sort((one, next) => valuesOf(one.name).size - valuesOf(next.name).size)[0];
  const fewest = (other) => fewestOf(few.filter(({ name }) => name !== other && !isDirectoryKey(name)));
  const named = (wanted, other) => able.find(({ name }) => last(name) === wanted && name !== other);
  const runOf = (other) => {
    const run = named("run", other);
    const above = run && valuesOf("run").size > FEW_RUNS ? fewestOf(few.filter(({ name }) => isDirectoryKey(name))) : undefined;
    return above || run;
  };
  const first = (wanted, other) =>
    wanted.map((one) => (one === "run" ? runOf(other) : named(one, other))).find((key) => key !== undefined);
  const name = (key) => (key === undefined ? "" : key.name);
  const columns = name(first(COLUMNS, ""));
  const rows = name(first(ROWS, columns) || fewest(columns) || first([...STEPS, ...COLUMNS], columns) || able.find((key) => key.name !== columns));
  return { rows, columns: columns || name(fewest(rows) || able.find((key) => key.name !== rows)) };
}

const UNLIKELY = ["name", "error", "host", "bytes", "state", "fps"];

/**
 * @param {{name: string, kind: string}[]} keys
 * @returns {string} the key that says whether a rollout succeeded; "" where there is none
 */
export function defaultSuccess(keys) {
  return SUCCESS.find((name) => keys.some((key) => key.name === name)) || "";
}

/**
 * What counts as a success: "success", or a number and the least that is one, "return>=200".
 * @param {string} text
 * @returns {{key: string, least: number|null}}
 */
export function readSuccess(text) {
  const found = /^([^]*)>=([^>=]+)$/.exec(text);
  const least = found === null || found[2].trim() === "" ? NaN : Number(found[2]);
  return Number.isFinite(least) ? { key: found[1], least } : { key: text, least: null };
}

/**
 * @param {Map<string, number|string|boolean>} facts
 * @param {{key: string, least: number|null}} rule
 * @returns {boolean|null} null where it is not known
 */
export function isSuccess(facts, { key, least }) {
  const value = facts.get(key);
  if (value === undefined) return null;
  if (least !== null) return typeof value === "number" ? value >= least : null;
  if (typeof value === "number") return value > 0;
  return value === true || TRUE.test(String(value));
}

/**
 * The values of a key along one side: each by itself, or a number of many in bins.
 * @param {object[]} jobs
 * @param {Map<string, Map<string, number|string|boolean>>} factsById
 * @param {string} key "" for a single entry, all jobs
 * @param {number} [most] more different numbers than this are in bins
 * @param {number} [bins] about how many
 * @returns {{entries: Entry[], placeOf(value: unknown): number}} -1 for a value that is not shown
 */
export function sideOf(jobs, factsById, key, most = MOST_NUMBERS, bins = BINS) {
  if (key === "") return { entries: [{ label: "all", query: "", value: null }], placeOf: () => 0 };
  const counts = new Map();
  let lacking = 0;
  for (const { id } of jobs) {
    const value = factsById.get(id).get(key);
    if (value === undefined) lacking += 1;
    else counts.set(value, (counts.get(value) || 0) + 1);
  }
  const numbers = [...counts.keys()].filter((value) => typeof value === "number");
  const isNumeric = areNumbers(sum(counts, numbers), sum(counts, [...counts.keys()]));
  const side = isNumeric && numbers.length > most ? mixed(counts, numbers, key, bins) : single(counts, key);
  if (lacking === 0) return side;
  const none = { label: NO_VALUE, query: termOf(key), value: null };
  const last = side.entries.length;
  return { entries: [...side.entries, none], placeOf: (value) => (value === undefined ? last : side.placeOf(value)) };
}

const spelled = (value) => folded(String(value));

const sum = (counts, values) => values.reduce((all, value) => all + counts.get(value), 0);

// Numbers in bins, and each by itself what is none.
function mixed(counts, numbers, key, bins) {
  const inBins = binned(numbers, key, bins);
  const others = single(new Map([...counts].filter(([value]) => typeof value !== "number")), key);
  const after = (place) => (place < 0 ? place : inBins.entries.length + place);
  return {
    entries: [...inBins.entries, ...others.entries],
    placeOf: (value) => (typeof value === "number" ? inBins.placeOf(value) : after(others.placeOf(value))),
  };
}

function single(counts, key) {
  // What a search finds together is one entry: 1 and "1", true and "True". A number stands for both.
  const alike = new Map();
  for (const [value, count] of counts) {
    const known = alike.get(spelled(value));
    const isFirst = known === undefined || (typeof value === "number" && typeof known.value !== "number");
    alike.set(spelled(value), { value: isFirst ? value : known.value, count: count + (known?.count ?? 0) });
  }
  const frequent = [...alike.values()].sort((one, other) => other.count - one.count).slice(0, MOST_VALUES);
  const values = frequent.map(({ value }) => value).sort(compareValues);
  const places = new Map(values.map((value, place) => [spelled(value), place]));
  const step = leastStep(values.filter((value) => typeof value === "number"));
  const times = key === "finished" ? timeNames(values) : null;
  const moments = values.filter((value) => momentParts(value) !== null);
  const short = new Map((momentNames(moments) ?? []).map((name, place) => [moments[place], name]));
  const entries = values.map((value, place) => ({
    label: times !== null ? times[place] : typeof value === "number" ? numberLabel(value, step) : String(value),
    short: short.get(value),
    query: termOf(key, value),
    value,
  }));
  return { entries, placeOf: (value) => places.get(spelled(value)) ?? -1 };
}

function binned(values, key, count) {
  const [least, most] = extentOf(values);
  const ticks = (key === "finished" ? timeTicks : linearTicks)(least, most, count);
  const inner = ticks.filter((tick) => tick > least && tick <= most);
  const step = inner.length > 1 ? inner[1] - inner[0] : most - least;
  // Only days and longer are told apart by themselves, wherever a heading stands.
  const names = key !== "finished" ? inner.map((value) => numberLabel(value, step))
    : step < DAY ? timeNames(inner) : inner.map((value) => timeLabel(value, step));
  const entries = [];
  for (let place = 0; place <= inner.length; place += 1) {
    const [from, to] = [inner[place - 1], inner[place]];
    const name = quoted(key);
    const terms = [...(from === undefined ? [] : [`${name}>=${from}`]), ...(to === undefined ? [] : [`${name}<${to}`])];
    const [first, last] = [names[place - 1], names[place]];
    const label = from === undefined ? `< ${last}` : to === undefined ? `≥ ${first}` : key === "finished" ? spanName(first, last) : `${first} – ${last}`;
    entries.push({ label, short: label, query: terms.join(" "), value: null });
  }
  return { entries, placeOf: (value) => inner.filter((edge) => value >= edge).length };
}
