// Numbers of a column of annotations as a line: its range, its parts, its words. Pure.

/** @typedef {(number | null)[]} Values  one for each frame, or for every `step`th; null: none there */

/** @param {number | null | undefined} value */
function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}

/** Least, greatest and how many numbers there are; null where there is none. @param {Values} values */
export function rangeOf(values) {
  let low = Infinity;
  let high = -Infinity;
  let count = 0;
  for (const value of values) {
    if (!isNumber(value)) continue;
    count += 1;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return count === 0 ? null : {low, high, count};
}

/** What spans several ranges; null where none has numbers. @param {({low: number, high: number} | null)[]} ranges */
export function spanOf(ranges) {
  const there = ranges.filter((range) => range !== null);
  if (there.length === 0) return null;
  return {low: Math.min(...there.map((range) => range.low)), high: Math.max(...there.map((range) => range.high))};
}

/**
 * The points [index, value] of a line, in parts: a value that is missing ends a part. Of a long one each stretch of
 * values keeps its first, least, greatest and last, so that no peak is lost, and at most 4 * `most` points are left.
 * @param {Values} values @param {number} most  stretches
 * @returns {[number, number][][]}
 */
export function partsOf(values, most = 400) {
  const length = Math.max(1, Math.ceil(values.length / most));
  const parts = [];
  let part = [];
  const end = () => {
    if (part.length > 0) parts.push(part);
    part = [];
  };
  for (let from = 0; from < values.length; from += length) {
    let kept = new Set();
    const flush = () => {
      for (const i of [...kept].sort((a, b) => a - b)) part.push([i, values[i]]);
      kept = new Set();
    };
    let [first, last, low, high] = [-1, -1, -1, -1];
    const to = Math.min(values.length, from + length);
    for (let i = from; i < to; i += 1) {
      if (!isNumber(values[i])) {
        // Gaps in a long line: those that are wider than a stretch are seen, the others would be no pixel wide.
        if (length === 1) end();
        continue;
      }
      if (first < 0) [first, low, high] = [i, i, i];
      if (values[i] < values[low]) low = i;
      if (values[i] > values[high]) high = i;
      last = i;
    }
    if (first < 0) end();
    else kept = new Set([first, low, high, last]);
    flush();
  }
  end();
  return parts;
}

/**
 * The line as the `d` of an SVG path, in a box of width 1,000 and height 100 with the greatest value on top.
 * @param {Values} values
 * @param {{low: number, high: number}} range  of the height
 * @param {(index: number) => number} across  where a value's index lies, 0 to 1
 */
export function pathOf(values, range, across) {
  // Halves, since the difference of two huge numbers may be none.
  const height = range.high / 2 - range.low / 2;
  const text = [];
  for (const part of partsOf(values)) {
    const points = part.map(([i, value]) => {
      const up = height > 0 ? (value / 2 - range.low / 2) / height : 0.5;
      return `${round(1000 * across(i))} ${round(100 * (1 - up))}`;
    });
    // A single point is a dot: a line of no length with round ends.
    text.push(`M${points.join("L")}${points.length === 1 ? "h0" : ""}`);
  }
  return text.join("");
}

/** The value at a frame, or the last one before it that was kept; null: none. @param {Values} values */
export function valueAt(values, frame, step = 1) {
  const value = values[Math.floor(frame / step)];
  return isNumber(value) ? value : null;
}

/** A number as people read it: 6 significant digits, no longer than it must be. @param {number | null} value */
export function readable(value) {
  if (!isNumber(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e7 || size < 1e-4)) return value.toExponential(3).replace(/\.?0+e/, "e").replace("e+", "e");
  return String(Number(value.toPrecision(6)));
}

/** A line in words, for those who do not see it. @param {string} name @param {Values} values */
export function describe(name, values) {
  const range = rangeOf(values);
  if (range === null) return `${name}: no numbers`;
  const numbers = values.filter(isNumber);
  const ends = `begins at ${readable(numbers[0])}, ends at ${readable(numbers[numbers.length - 1])}`;
  return `${name}: ${readable(range.low)} to ${readable(range.high)}, ${ends}, ${range.count} values`;
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 100) / 100;
}
