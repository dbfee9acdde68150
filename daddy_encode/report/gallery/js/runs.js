// Which run a job belongs to, and the directories above it, by the paths of all jobs. Pure.
import { DATE, isStepKey, stepKeyOf } from "./nearest.js";

/** Levels of directories that are keys; of deeper paths the first ones. */
const MOST_LEVELS = 6;
/** What the name of a directory says that holds what was recorded at one step. */
const STEP_WORDS = /step|ckpt|checkpoint|iter|epoch|update/i;
const OWN_KEY = /^dir\d+(?:\/\d+)*$/;

/** @typedef {{name: string, run: string, directories: [string, string][]}} Place */

/**
 * Where each job is. Its run is the directory above it; where such directories hold the rollouts of one step of a training
 * each, as in run/step_1000/episode_0, the nearest one above that holds several steps.
 * @param {object[]} jobs
 * @param {string} root the name of the directory that all paths are relative to: the run of jobs directly in it
 * @returns {Map<string, Place>} by the jobs' ids; `name` is what follows the run in the path, `directories` has the keys
 *   that its directories are and their values
 */
export function placesInRuns(jobs, root) {
  const parts = new Map(jobs.map((job) => [job.id, job.job.split("/")]));
  const levelOf = levelsOfRuns(jobs, parts);
  const levels = new Map(jobs.map((job) => [job.id, levelOf(job)]));
  const isRun = ({ from, to }) => from === 1 && jobs.every(({ id }) => levels.get(id) === Math.min(to, parts.get(id).length - 1));
  const keys = directoryKeys([...parts.values()]).filter((key) => !isRun(key));
  const places = new Map();
  for (const job of jobs) {
    const path = parts.get(job.id);
    const level = levels.get(job.id);
    places.set(job.id, {
      name: path.slice(level).join("/"),
      run: path.slice(0, level).join("/") || root,
      directories: keys.filter(({ to }) => path.length > to).map(({ key, from, to }) => [key, path.slice(from - 1, to).join("/")]),
    });
  }
  return places;
}

/** Whether a key is one that directories have; one of a job's own of such a name has "meta." in front. @param {string} key */
export function isDirectoryKey(key) {
  return OWN_KEY.test(key);
}

// "dir1", "dir2", … the directory of that level, and "dir1/2", "dir1/2/3", … the path of the first ones: of more than one
// level, and such as tell jobs apart; without what is the run.
function directoryKeys(paths) {
  const deepest = Math.min(MOST_LEVELS, Math.max(0, ...paths.map((path) => path.length - 1)));
  if (deepest < 2) return [];
  const levels = Array.from({ length: deepest }, (_, place) => place + 1);
  const divides = (from, to) => new Set(paths.map((path) => (path.length > to ? path.slice(from - 1, to).join("/") : ""))).size > 1;
  const single = levels.map((level) => ({ key: `dir${level}`, from: level, to: level }));
  const whole = levels.slice(1).map((level) => ({ key: `dir${levels.slice(0, level).join("/")}`, from: 1, to: level }));
  return [...single, ...whole].filter(({ from, to }) => divides(from, to));
}

/**
 * How many directories of a job's path are its run: decided for all jobs together that are equally deep below the same
 * first directory, since a run that has only begun has one step too; where these do not tell, for all of that depth.
 */
function levelsOfRuns(jobs, parts) {
  const groups = new Map();
  for (const job of jobs) {
    const path = parts.get(job.id);
    for (const group of [String(path.length), `${path.length} ${path[0]}`]) {
      if (!groups.has(group)) groups.set(group, []);
      groups.get(group).push(job);
    }
  }
  const stepKeys = [...new Set(jobs.flatMap(({ meta }) => Object.keys(meta || {})))].filter(isStepKey);
  const levels = new Map();
  const decided = (group, least) => {
    if (!levels.has(group)) levels.set(group, levelOfRuns(groups.get(group), parts, stepKeys, least));
    return levels.get(group);
  };
  return (job) => {
    const path = parts.get(job.id);
    if (path.length === 1) return 0;
    const near = decided(`${path.length} ${path[0]}`, 1);
    if (near.level !== null) return near.level;
    const far = near.hasSteps ? decided(String(path.length), 0).level : null;
    return far ?? path.length - 1;
  };
}

// The deepest level at which directories hold more than one step; null where there is none. The last rollouts of several
// runs are of several steps too: those below must hold several rollouts of one step, or be called so. That all is one run
// is believed of directories that are called so alone.
function levelOfRuns(jobs, parts, stepKeys, least) {
  const stepOf = stepsOf(jobs, stepKeys);
  const known = jobs.filter((job) => stepOf(job) !== undefined);
  const deepest = parts.get(jobs[0].id).length - 1;
  let isBelieved = true;
  for (let level = deepest; known.length > 0 && level >= least; level -= 1) {
    const directories = new Map();
    for (const job of known) {
      const path = parts.get(job.id).slice(0, level);
      const held = directories.get(path.join("/")) || { name: path[level - 1] ?? "", steps: new Set(), count: 0 };
      held.steps.add(stepOf(job));
      held.count += 1;
      directories.set(path.join("/"), held);
    }
    const all = [...directories.values()];
    const several = all.filter(({ steps }) => steps.size > 1).length;
    // One that was mixed up does not outvote the others.
    const same = all.filter(({ steps, count }) => steps.size === 1 && count > 1).length;
    if (several > 0 && several >= same) return { level: isBelieved ? level : null, hasSteps: true };
    isBelieved = (isBelieved && level < deepest) || (same > 0 && level > 1) || all.every(isCalledByStep);
  }
  return { level: null, hasSteps: known.length > 0 };
}

function isCalledByStep({ name, steps }) {
  return STEP_WORDS.test(name) || [...steps].some((step) => name.match(/\d+/g)?.some((digits) => Number(digits) === step));
}

function stepsOf(jobs, stepKeys) {
  const countOf = (name) => jobs.filter(({ meta }) => typeof meta?.[name] === "number").length;
  const keys = stepKeys.map((name) => ({ name, kind: "number", numbers: countOf(name) }));
  const key = stepKeyOf(keys.filter(({ numbers }) => numbers > 0));
  return key === DATE ? () => undefined : ({ meta }) => (typeof meta?.[key] === "number" ? meta[key] : undefined);
}
