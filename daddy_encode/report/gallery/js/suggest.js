// What may come next in the search box.
import { BUILT_IN } from "./facts.js";
import { extentOf } from "./numbers.js";
import { namesMeant, parse, quoted, valueText } from "./query.js";
import { folded, writeValue } from "./values.js";
import { CHIPS, FAULTS, MARKS, STATES } from "./words.js";

const MOST = 9;
/** Keys whose values are known beforehand. A Map: an object would have a "constructor", too. */
const KNOWN = new Map([["mark", MARKS], ["chip", [...new Set([...FAULTS, ...CHIPS])]], ["state", STATES]]);

/**
 * @typedef {{name: string, kind: "number"|"text", count: number}} Key
 * @typedef {{text: string, label: string, detail: string, more: boolean}} Suggestion `text` replaces what is from `from`
 *   to the caret; with `more`, something has to follow
 * @param {string} text
 * @param {number} caret
 * @param {Key[]} keys see facts.keysOf
 * @param {(key: string) => Map<string|number|boolean, number>} valuesOf the values of a key with their counts
 * @param {Map<string, number>} words states and kinds of chips with their counts
 * @returns {{from: number, suggestions: Suggestion[], isName: boolean}} `isName`: what is being written may become a word or
 *   the name of a key; otherwise it is a value of one
 */
export function suggest(text, caret, keys, valuesOf, words) {
  const from = startOfTerm(text, caret);
  const written = text.slice(from, caret);
  const not = /^-(?!\d)/.test(written) ? "-" : "";
  const asked = /^([^\s:<>="]+):(.*)$/.exec(written.slice(not.length));
  const found = asked
    ? valuesFor(asked[1], asked[2], keys, valuesOf, words).map((one) => ({ ...one, text: `${not}${asked[1]}:${one.text}` }))
    : namesFor(written.slice(not.length).trim(), keys, valuesOf, words).map((one) => ({ ...one, text: not + one.text }));
  const suggestions = found.filter((one) => one.text.trim() !== written.trim());
  return { from, suggestions: suggestions.slice(0, MOST), isName: asked === null };
}

/**
 * What to search for while somebody types. Nothing has the half-typed name of a key in it: until there is more, what was
 * found before all that was typed of it stays.
 * @param {string} text
 * @param {{from: number, suggestions: Suggestion[], isName: boolean}} offered see suggest
 * @param {(query: string) => object[]} found the jobs that a query finds
 * @returns {string}
 */
export function searchedFor(text, { from, suggestions, isName }, found) {
  const isHalf = isName && suggestions.length > 0 && !/\s$/.test(text) && found(text).length === 0;
  return isHalf ? text.slice(0, from).trimEnd() : text;
}

/**
 * The query with one state more or one less.
 * @param {string} text
 * @param {string} state
 * @returns {string}
 */
export function toggleState(text, state) {
  const chosen = chosenStates(text);
  const wanted = chosen.includes(state) ? chosen.filter((one) => one !== state) : [...chosen, state];
  const rest = withoutStates(text);
  return [wanted.length > 0 ? `state:${wanted.join(",")}` : "", rest].filter(Boolean).join(" ");
}

/**
 * @param {string} text
 * @returns {string[]} the states that the query asks for with `state:`
 */
export function chosenStates(text) {
  return stateTerms(text).flatMap(({ values }) => values.map((value) => value.text)).filter((state) => STATES.includes(state));
}

/**
 * @param {string} text
 * @returns {string} the query without what it says of the state
 */
export function withoutStates(text) {
  let rest = text;
  for (const { from, to } of stateTerms(text).reverse()) rest = `${rest.slice(0, from)}${rest.slice(to).trimStart()}`;
  return rest.trim();
}

const stateTerms = (text) => parse(text).terms.filter((term) => term.kind === "key" && term.key === "state" && !term.not);

// After the last blank that is not in quotes.
function startOfTerm(text, caret) {
  let inQuotes = false;
  let start = 0;
  for (let place = 0; place < caret; place += 1) {
    if (text[place] === '"' && text[place - 1] !== "\\") inQuotes = !inQuotes;
    else if (!inQuotes && /\s/.test(text[place])) start = place + 1;
  }
  return start;
}

function namesFor(written, keys, valuesOf, words) {
  const lower = folded(written);
  const wordsFound = [...STATES, ...CHIPS]
    .filter((word, place, all) => all.indexOf(word) === place && words.get(word) > 0 && word.startsWith(lower))
    .map((word) => ({ text: `${quotedWord(word)} `, label: word, detail: String(words.get(word)), more: false }));
  const meant = namesMeant(keys.map((key) => key.name), written);
  const keysFound = keys.filter((key) => meant.includes(key.name) || lower === "").map((key) => ({
    text: key.kind === "number" ? `${key.name} > ` : `${key.name}:`,
    label: key.name,
    detail: describe(key, valuesOf(key.name)),
    more: true,
  }));
  const special = [["has:", "has a key or curve"], ["mark:", "your marks"], ["note:", "in your notes"], ["chip:", "warnings"]]
    .filter(([name]) => lower !== "" && name.startsWith(lower))
    .map(([name, detail]) => ({ text: name, label: name, detail, more: true }));
  // In an empty box a few of each; the keys of the rollouts themselves before those that every job has.
  return lower === "" ? [...wordsFound.slice(0, 4), ...rolloutsFirst(keysFound)] : [...keysFound, ...wordsFound, ...special];
}

const rolloutsFirst = (found) => [
  ...found.filter(({ label }) => !BUILT_IN.includes(label)),
  ...found.filter(({ label }) => BUILT_IN.includes(label)),
];

const quotedWord = (word) => (word.includes(" ") ? `chip:${quoted(word)}` : word);

function describe({ kind, count }, values) {
  if (kind === "number") {
    const numbers = [...values.keys()].filter((value) => typeof value === "number");
    const [least, most] = extentOf(numbers);
    return least === most ? writeValue(least) : `${writeValue(least)} to ${writeValue(most)}`;
  }
  return values.size === 1 ? "1 value" : `${values.size} values in ${count}`;
}

function valuesFor(key, written, keys, valuesOf, words) {
  const before = written.slice(0, written.lastIndexOf(",") + 1);
  const asked = folded(written.slice(before.length).replace(/^"/, ""));
  const known = KNOWN.get(key);
  const counts = new Map();
  if (key === "has") for (const one of keys) counts.set(one.name, one.count);
  else if (known) {
    const countsOfAll = key === "state" ? valuesOf(key) : words;
    // Of marks it is not known here: they change.
    for (const one of known) counts.set(one, key === "mark" ? undefined : countsOfAll.get(one) || 0);
  } else {
    for (const name of namesMeant(keys.map((one) => one.name), key)) {
      for (const [value, count] of valuesOf(name)) counts.set(value, (counts.get(value) || 0) + count);
    }
  }
  return [...counts]
    .filter(([value, count]) => count !== 0 && folded(String(value)).includes(asked))
    .sort((one, other) => (other[1] || 0) - (one[1] || 0))
    .slice(0, MOST)
    .map(([value, count]) => ({
      text: `${before}${valueText(value)} `,
      label: String(value),
      detail: count === undefined ? "" : String(count),
      more: false,
    }));
}
