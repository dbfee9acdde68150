// What the page shows is one record; link.js writes all of it into the address.

/** The most jobs that are compared at once. */
export const MOST_COMPARED = 6;

export const DEFAULTS = Object.freeze({
  query: "",
  sort: "-finished",
  group: "",
  view: "cards",
  size: "m",
  job: null,
  frame: 0,
  compare: Object.freeze([]),
  align: "start",
  offsets: Object.freeze({}),
  clock: "frames",
  difference: false,
  curve: "",
  speed: 1,
  rows: "",
  columns: "",
  mean: "",
  success: "",
  measure: "",
  order: "",
  x: "",
  y: "",
  colour: "",
  log: "",
  trend: true,
  brush: null,
  step: null,
  along: "",
  theme: "",
});

/**
 * @typedef {typeof DEFAULTS} State
 * @typedef {(state: State, changedKeys: Set<string>) => void} Listener
 */

/**
 * @param {Partial<State>} [initial]
 */
export function createState(initial) {
  let state = Object.freeze({ ...DEFAULTS, ...initial });
  const listeners = new Set();
  return {
    /** @returns {State} never changed in place */
    get: () => state,
    /**
     * Take new values; what is equal to before is no change, and without a change nobody is called.
     * @param {Partial<State>} patch keys of DEFAULTS; a function of the state gives one too
     */
    set(patch) {
      const values = typeof patch === "function" ? patch(state) : patch;
      const changed = new Set(Object.keys(values).filter((key) => key in DEFAULTS && !same(values[key], state[key])));
      if (changed.size === 0) return;
      const next = { ...state };
      for (const key of changed) next[key] = values[key];
      state = Object.freeze(next);
      for (const listener of [...listeners]) listener(state, changed);
    },
    /**
     * @param {Listener} listener
     * @returns {() => void} ends the subscription
     */
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/**
 * The jobs to compare after one more or one less; at the most, one more is none more.
 * @param {readonly string[]} compare
 * @param {string} id
 * @returns {string[]}
 */
export function toggleCompared(compare, id) {
  if (compare.includes(id)) return compare.filter((other) => other !== id);
  return compare.length < MOST_COMPARED ? [...compare, id] : [...compare];
}

function same(one, other) {
  if (Object.is(one, other)) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  return JSON.stringify(one) === JSON.stringify(other);
}
