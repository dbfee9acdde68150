// Numbers and their bounds. Pure.

/** @param {number} value @param {number} low @param {number} high */
export function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

/**
 * Whether a key's values are taken for numbers: at least half of them are, since one odd value must not take that from all
 * others.
 * @param {number} numbers  how many of them are
 * @param {number} count  of all
 */
export function areNumbers(numbers, count) {
  return 2 * numbers >= count;
}

/** The least and the greatest; [Infinity, -Infinity] of none. @param {Iterable<number>} values */
export function extentOf(values) {
  let [least, most] = [Infinity, -Infinity];
  for (const value of values) [least, most] = [Math.min(least, value), Math.max(most, value)];
  return [least, most];
}
