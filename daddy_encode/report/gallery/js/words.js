// The words that the search and the cards have in common: states, chips and marks.

export const STATES = Object.freeze(["done", "failed", "partial", "missing"]);
/** States that a card shows as a chip. */
export const FAULTS = Object.freeze(["failed", "partial", "missing"]);
/** Kinds of chips; as words they find the jobs that show them. */
export const CHIPS = Object.freeze([
  "salvaged", "ended early", "earlier video", "held", "skipped", "dropped", "settled", "missing", "replaced", "packed", "frames deleted", "warning",
]);
export const MARKS = Object.freeze(["good", "bad", "star", "note", "none", "earlier"]);

/**
 * @param {object} job
 * @returns {Set<string>} the kinds of all chips that its card shows
 */
export function kindsOf({ state, chips }) {
  const kinds = new Set((chips || []).map(([kind]) => kind));
  if (FAULTS.includes(state)) kinds.add(state);
  return kinds;
}
