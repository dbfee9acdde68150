// What the plot shows: which keys, the points, and the groups that have a colour and a form each.
import { isFlag, keyFor } from "./facts.js";
import { NO_VALUE, sideOf } from "./matrix_sides.js";
import { isLogarithmic } from "./plot_scale.js";
import { isDirectoryKey } from "./runs.js";
import { counted } from "./values.js";

/** As many colours and forms as can be told apart. */
export const MOST_GROUPS = 8;
/** A number with more values than there are colours is in bins along a ramp. */
const RAMP = 6;
/** Texts that tell nothing of a training. */
const UNTOLD = ["name", "run", "state", "host", "error"];
const UNLIKELY = ["finished", "frames", "fps", "width", "height", "bytes", "seconds"];

/**
 * @typedef {{id: string, x: number, y: number, group: number}} Point
 * @typedef {{label: string, query: string, count: number, colour: string, form: number}} Group `count` is how many points
 *   it has, `colour` the name of a CSS variable
 */

/**
 * The return over the training step, or what comes nearest to that.
 * @param {{name: string, kind: string, count: number}[]} keys see facts.keysOf
 * @returns {{x: string, y: string}} "" where there is no number
 */
export function defaultPlot(keys) {
  const numbers = new Map(keys.filter(({ kind }) => kind === "number").map((key) => [key.name, key]));
  const others = [...numbers.values()].filter(({ name }) => !UNLIKELY.includes(name));
  const y = keyFor(numbers, "return") || keyFor(numbers, "length") || others.map(({ name }) => name)[0] || "seconds";
  const x = keyFor(numbers, "step") || (numbers.has("finished") ? "finished" : "");
  return { x: x === y ? "finished" : x, y: numbers.has(y) ? y : "" };
}

/**
 * The key whose values get a colour each: the run where there are several, and not more than colours; otherwise the first
 * key of no more values than colours that is not within runs, nor what x shows.
 * @param {{name: string, kind: string, count: number}[]} keys
 * @param {(key: string) => Map<unknown, number>} valuesOf
 * @param {Map<string, Map<string, number|string|boolean>>} factsById
 * @param {string} x the key of that axis
 * @returns {string} "" for one colour
 */
export function defaultColour(keys, valuesOf, factsById, x) {
  const isFew = ({ name, kind }) => kind === "text" && valuesOf(name).size > 1 && valuesOf(name).size <= MOST_GROUPS;
  if (keys.some((key) => key.name === "run" && isFew(key))) return "run";
  const jobs = [...factsById.values()];
  const isMeant = ({ name }) => !UNTOLD.includes(name) && !isFlag(valuesOf(name)) && !isBelowRuns(name, jobs) && !isAlike(name, x, jobs);
  return (keys.find((key) => isFew(key) && isMeant(key)) || { name: "" }).name;
}

// A directory that is the run's own, or deeper: of one run, several. Runs have it in common where it is above them.
function isBelowRuns(key, jobs) {
  if (!isDirectoryKey(key)) return false;
  const level = Number(/\d+$/.exec(key)[0]);
  return jobs.some((facts) => facts.has(key) && facts.get("run").split("/").length <= level);
}

// Whether two keys divide jobs in the same way, as "step_1000" and 1000: each colour would be one vertical strip.
function isAlike(key, x, jobs) {
  const pairs = jobs.map((facts) => [facts.get(key), facts.get(x)]).filter((pair) => !pair.includes(undefined));
  const count = (valueOf) => new Set(pairs.map(valueOf)).size;
  const together = count((pair) => JSON.stringify(pair));
  return together > 1 && count(([value]) => value) === together && count(([, across]) => across) === together;
}

/**
 * @param {object[]} jobs
 * @param {Map<string, Map<string, number|string|boolean>>} factsById
 * @param {string} key "" for one group
 * @returns {{groups: Omit<Group, "count">[], placeOf(value: unknown): number}} of more values than colours the most frequent
 *   ones, and the others together
 */
export function groupsOf(jobs, factsById, key) {
  const { entries, placeOf } = sideOf(jobs, factsById, key, MOST_GROUPS, RAMP - 1);
  const counts = new Map();
  for (const { id } of jobs) {
    const place = placeOf(factsById.get(id).get(key));
    counts.set(place, (counts.get(place) || 0) + 1);
  }
  // Only a bin, and the lack of a value, are of no single value.
  const isRamp = key !== "" && entries.some(({ value, label }) => value === null && label !== NO_VALUE);
  // Beside bins of numbers, what is no number is among the others.
  const shown = [...counts.keys()].filter((place) => place >= 0 && !(isRamp && entries[place].value !== null));
  if (!isRamp && shown.length > MOST_GROUPS) {
    shown.sort((one, other) => counts.get(other) - counts.get(one) || one - other).splice(MOST_GROUPS - 1);
  }
  shown.sort((one, other) => one - other);
  const groups = shown.map((place, group) => ({
    label: entries[place].label,
    query: entries[place].query,
    colour: isRamp && entries[place].label !== NO_VALUE ? `--ramp-${Math.min(RAMP - 1, group)}` : `--series-${group}`,
    form: isRamp ? 0 : group,
  }));
  const places = new Map(shown.map((place, group) => [place, group]));
  if (places.size < counts.size) groups.push({ label: "others", query: "", colour: `--series-${MOST_GROUPS - 1}`, form: MOST_GROUPS - 1 });
  return { groups, placeOf: (value) => places.get(placeOf(value)) ?? groups.length - 1 };
}

/**
 * @param {object[]} jobs
 * @param {Map<string, Map<string, number|string|boolean>>} factsById
 * @param {{x: string, y: string, colour: string, log: string}} of see state
 * @returns {{points: Point[], groups: Group[], kinds: {x: string, y: string}, lacking: number, below: number}} `lacking`
 *   jobs have no place; of these `below` have the numbers, but one that has no logarithm
 */
export function plotOf(jobs, factsById, { x, y, colour, log }) {
  const { groups, placeOf } = groupsOf(jobs, factsById, colour);
  const all = [];
  for (const { id } of jobs) {
    const facts = factsById.get(id);
    const [across, up] = [facts.get(x), facts.get(y)];
    if (typeof across === "number" && typeof up === "number") all.push({ id, x: across, y: up, group: placeOf(facts.get(colour)) });
  }
  const kinds = { x: kindOf(x, "x", all, log), y: kindOf(y, "y", all, log) };
  const points = all.filter((point) => (kinds.x !== "log" || point.x > 0) && (kinds.y !== "log" || point.y > 0));
  // Of all jobs, so that a group keeps its colour whatever is shown of it.
  const counts = groups.map(() => 0);
  for (const { group } of points) counts[group] += 1;
  return { points, groups: groups.map((group, place) => ({ ...group, count: counts[place] })), kinds, lacking: jobs.length - points.length, below: all.length - points.length };
}

/**
 * @param {{points: Point[], lacking: number, below: number}} plot
 * @returns {string} which jobs have no place in the plot, "" where all have one
 */
export function lackingText({ points, lacking, below }) {
  return [
    lacking > below ? `${counted(lacking - below, "job")} without these numbers` : "",
    below === 0 ? "" : points.length === 0 ? "no value above 0" : `${counted(below, "job")} not above 0`,
  ].filter(Boolean).join(", ");
}

function kindOf(key, axis, points, log) {
  if (key === "finished") return "time";
  if (log !== "") return log.includes(axis) ? "log" : "linear";
  return isLogarithmic(points.map((point) => point[axis])) ? "log" : "linear";
}

/**
 * Which axes are logarithmic, after one was chosen to be, or not to be.
 * @param {{x: string, y: string}} kinds
 * @param {"x"|"y"} axis
 * @returns {string} for the state
 */
export function toggleLog(kinds, axis) {
  const chosen = ["x", "y"].filter((one) => (kinds[one] === "log") !== (one === axis));
  return chosen.join("") || "none";
}

/**
 * @param {number[]|null} brush [x0, x1, y0, y1]; null: nothing is selected, which leaves all
 * @param {unknown} x
 * @param {unknown} y
 * @returns {boolean} whether a selection leaves these
 */
export function isWithin(brush, x, y) {
  if (brush === null) return true;
  // What is no number has no place in the plot.
  return typeof x === "number" && typeof y === "number" && x >= brush[0] && x <= brush[1] && y >= brush[2] && y <= brush[3];
}

/**
 * A selection as people would write its edges: with so many digits that it holds what it should.
 * @param {number[]} edges [x0, x1, y0, y1], either way round
 * @returns {number[]|null} null where there is none
 */
export function cleanBrush([left, right, bottom, top]) {
  if (![left, right, bottom, top].every(Number.isFinite)) return null;
  const span = (one, other) => {
    const [least, most] = [Math.min(one, other), Math.max(one, other)];
    // Four digits of its width.
    const unit = most > least ? 10 ** (Math.floor(Math.log10(most - least)) - 3) : 0;
    if (!(unit > 0) || !Number.isFinite(most / unit)) return [least, most];
    const round = (value) => Number((Math.round(value / unit) * unit).toPrecision(12));
    return [round(least), round(most)];
  };
  return [...span(left, right), ...span(bottom, top)];
}
