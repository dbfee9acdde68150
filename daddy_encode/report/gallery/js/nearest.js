// The rollouts of every run that are nearest to one step of the training. Pure.

/** Names that say how far a training was, the most telling first. */
export const STEP_NAMES = [
  "global_step", "training_step", "train_step", "step", "start_step", "env_step", "env_steps", "total_timesteps",
  "num_timesteps", "timesteps", "timestep", "iteration", "update", "checkpoint", "epoch", "total_steps", "steps",
];
/** The fact that is always there: when a video was made. */
export const DATE = "finished";

/** @typedef {{id: string, run: string, at: number, shows?: boolean}} Rollout  shows: whether it has a video */

/** A key's last part, as others spell it: "train.global-step" is "global_step". @param {string} name */
function plainName(name) {
  return name.split(/[./]/).pop().replace(/([a-z])([A-Z])/g, "$1_$2").toLowerCase().replace(/[- ]/g, "_");
}

/** Whether a key may say how far a training was. @param {string} name */
export function isStepKey(name) {
  return STEP_NAMES.includes(plainName(name));
}

/**
 * The key by which rollouts are placed along the training: the one of `STEP_NAMES` that most of them have as a number,
 * the more telling one of two; when they were made if none has any.
 * @param {{name: string, kind: string, numbers: number}[]} keys  see facts.keysOf
 */
export function stepKeyOf(keys) {
  let best = {name: DATE, count: 0, rank: STEP_NAMES.length};
  for (const {name, kind, numbers: count} of keys) {
    const rank = STEP_NAMES.indexOf(plainName(name));
    if (kind !== "number" || rank < 0) continue;
    if (count > best.count || (count === best.count && rank < best.rank)) best = {name, count, rank};
  }
  return best.name;
}

/**
 * The rollouts that have a place along the training, by it.
 * @param {string[]} ids
 * @param {Map<string, Map<string, number|string|boolean>>} facts
 * @param {string} key  of the place
 * @param {string} runKey  of the run
 * @param {(id: string) => boolean} [shows]  whether it has a video
 * @returns {Rollout[]}
 */
export function rolloutsAlong(ids, facts, key, runKey, shows = () => true) {
  const placed = [];
  for (const id of ids) {
    const of = facts.get(id);
    const at = of?.get(key);
    if (typeof at === "number" && Number.isFinite(at)) placed.push({id, run: String(of.get(runKey) ?? ""), at, shows: shows(id)});
  }
  return placed.sort((a, b) => a.at - b.at);
}

/** The places that there are, each once, in order. @param {Rollout[]} rollouts  in order */
export function placesOf(rollouts) {
  return rollouts.filter((rollout, i) => i === 0 || rollout.at !== rollouts[i - 1].at).map((rollout) => rollout.at);
}

/** The index of the place nearest to a step; of two as near, the earlier. @param {number[]} places @param {number} step */
export function nearestPlace(places, step) {
  let low = 0;
  let high = places.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (places[middle] < step) low = middle + 1;
    else high = middle;
  }
  return low > 0 && step - places[low - 1] <= places[low] - step ? low - 1 : low;
}

/**
 * For every run the rollout nearest to a step, of those that have a video where any has, runs by name; of two as near,
 * the earlier; of several there, the first.
 * @param {Rollout[]} rollouts  in order
 * @param {number} step
 * @returns {{run: string, id: string, at: number, count: number, same: number}[]}  count: how many rollouts the run has, and
 *   how many of them at the same place
 */
export function nearestOfRuns(rollouts, step) {
  const runs = new Map();
  for (const rollout of rollouts) {
    const best = runs.get(rollout.run);
    if (best === undefined) runs.set(rollout.run, {...rollout, count: 1, same: 0});
    else {
      best.count += 1;
      const isBetter = rollout.shows === best.shows ? Math.abs(rollout.at - step) < Math.abs(best.at - step) : rollout.shows;
      if (isBetter) Object.assign(best, {id: rollout.id, at: rollout.at, shows: rollout.shows});
    }
  }
  for (const {run, at} of rollouts) {
    const best = runs.get(run);
    if (at === best.at) best.same += 1;
  }
  const order = new Intl.Collator("en", {numeric: true});
  const told = ({run, id, at, count, same}) => ({run, id, at, count, same});
  return [...runs.values()].map(told).sort((a, b) => order.compare(a.run, b.run));
}
