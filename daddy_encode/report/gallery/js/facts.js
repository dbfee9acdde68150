// What can be said of a job as name and value: filters, sorting, groups, matrix and plot know nothing else of it.
import { areNumbers } from "./numbers.js";
import { SPECIAL } from "./query.js";
import { isDirectoryKey, placesInRuns } from "./runs.js";
import { counted, readMoment, writeDate, writeValue } from "./values.js";

/** Facts that every job may have, in the order in which people look for them; all else comes from its `meta`. */
export const BUILT_IN = Object.freeze([
  "name", "run", "state", "finished", "frames", "seconds", "fps", "width", "height", "bytes", "host", "error",
]);

/**
 * @param {object} job one job of the page's data
 * @param {import("./runs.js").Place} [place] see runs.placesInRuns; default: of a job alone
 * @returns {Map<string, number|string|boolean>} without what is not known
 */
export function factsOf(job, { name, run, directories } = placesInRuns([job], "").get(job.id)) {
  const fps = framesPerSecond(job);
  const known = {
    name,
    run,
    state: job.state,
    finished: job.finished,
    frames: job.frames,
    seconds: fps > 0 && job.frames > 0 ? job.frames / fps : undefined,
    fps: fps > 0 ? fps : undefined,
    width: job.width,
    height: job.height,
    bytes: job.bytes,
    host: job.host,
    // Of a rollout that died, also what it died of.
    error: [job.error, job.rollout_error].filter(Boolean).join("; "),
  };
  const facts = new Map();
  for (const key of BUILT_IN) {
    if (known[key] !== undefined && known[key] !== null && known[key] !== "") facts.set(key, known[key]);
    if (key === "run") for (const [level, directory] of directories) facts.set(level, directory);
  }
  // Of several environments in one recording, the mean of their returns is the number.
  const means = Object.entries(job.means || {}).map(([key, [mean]]) => [key, mean]);
  for (const [key, value] of [...Object.entries(job.meta || {}), ...means]) {
    if (value !== null && value !== "") facts.set(isOurs(key) ? `meta.${key}` : key, value);
  }
  return facts;
}

// A key of meta that is called so is asked for with "meta." before it.
const isOurs = (key) => BUILT_IN.includes(key) || SPECIAL.includes(key) || isDirectoryKey(key);

/**
 * @param {Map<string, unknown>} facts
 * @returns {{name: string, run: string}} what a job is called
 */
export function label(facts) {
  return { name: facts.get("name"), run: facts.get("run") || "" };
}

/**
 * @param {object} job
 * @returns {number} 0 where it is not known
 */
export function framesPerSecond(job) {
  const [numerator, denominator] = job.fps || [0, 1];
  return denominator > 0 ? numerator / denominator : 0;
}

/**
 * The keys of these jobs: the built-in ones first, then those of meta, the most frequent first.
 * @param {object[]} jobs
 * @param {Map<string, Map<string, number|string|boolean>>} [factsById] spares making them again
 * @returns {{name: string, kind: "number"|"text", count: number, numbers: number, dates: number}[]} a key is a number
 *   where at least half of its values are. `numbers` of the `count` jobs that have it have a number, `dates` a text that
 *   is a date
 */
export function keysOf(jobs, factsById) {
  const keys = new Map();
  for (const job of jobs) {
    for (const [name, value] of (factsById && factsById.get(job.id)) || factsOf(job)) {
      const key = keys.get(name) || { name, kind: "text", count: 0, numbers: 0, dates: 0 };
      key.count += 1;
      if (typeof value === "number") key.numbers += 1;
      else if (readMoment(value) !== null) key.dates += 1;
      keys.set(name, key);
    }
  }
  for (const key of keys.values()) if (areNumbers(key.numbers, key.count)) key.kind = "number";
  const place = ({ name }) => (isDirectoryKey(name) ? BUILT_IN.indexOf("run") + 0.5 : BUILT_IN.includes(name) ? BUILT_IN.indexOf(name) : BUILT_IN.length);
  return [...keys.values()].sort(
    (one, other) => place(one) - place(other) || other.count - one.count || (one.name < other.name ? -1 : 1),
  );
}

/** A key with more values than this is no heading for groups. */
const MOST_GROUPS = 400;

/**
 * The keys by which jobs are put together, the run first.
 * @param {{name: string}[]} keys see keysOf
 * @param {(key: string) => Map<unknown, number>} valuesOf the values of a key with their counts
 * @returns {string[]}
 */
export function groupKeys(keys, valuesOf) {
  const names = keys.map(({ name }) => name).filter((name) => !["name", "finished", "seconds", "bytes"].includes(name));
  return names.filter((name) => name === "run" || valuesOf(name).size <= MOST_GROUPS);
}

/**
 * Whether a key only says yes or no, which tells less than a word.
 * @param {Map<unknown, number>} values of it
 */
export function isFlag(values) {
  return [...values.keys()].every((value) => typeof value === "boolean");
}

/**
 * @param {string} key
 * @param {number|string|boolean} value of that key
 * @returns {string} as it is read: when a video was made is a date
 */
export function writeFact(key, value) {
  return key === "finished" ? writeDate(value) : writeValue(value);
}

/**
 * What a job's meta says, as it is read.
 * @param {object} job
 * @returns {[string, string][]} names and texts
 */
export function metaLines(job) {
  // A Map: any name may be a key, "constructor" too.
  const means = new Map(Object.entries(job.means || {}));
  const lines = Object.entries(job.meta || {}).map(([name, value]) => {
    const mean = means.get(name);
    means.delete(name);
    return [name, mean === undefined ? writeValue(value) : `${value}; ${meanOf(mean)}`];
  });
  // Of lists that are too long to be read.
  lines.unshift(...[...means].map(([name, mean]) => [name, meanOf(mean)]));
  if (job.meta_left_out > 0) lines.push(["not shown", `${counted(job.meta_left_out, "more value")}, in its receipt or manifest`]);
  return lines;
}

const meanOf = ([mean, count]) => `mean of ${count}: ${writeValue(mean)}`;

/**
 * Which key of a job is meant by a well-known thing: libraries spell it in several ways.
 * @param {Map<string, unknown>} facts
 * @param {"return"|"length"|"seed"|"step"|"environment"} thing
 * @returns {string|undefined} the key
 */
export function keyFor(facts, thing) {
  return SPELLINGS[thing].find((key) => facts.has(key));
}

/** The keys that may be meant, the first that there is. */
export const SPELLINGS = {
  return: ["return", "episode_return", "episode.return", "episode.r", "total_reward", "reward"],
  length: ["length", "episode_length", "episode.length", "episode.l", "steps"],
  seed: ["seed", "episode_seed"],
  environment: ["environment", "env", "env_id", "environment_id", "task"],
  step: ["step", "global_step", "training_step", "timestep", "timesteps", "num_timesteps"],
};
