// Which jobs a query finds, and what is to be said of it over the keys that they have.
import { areNumbers } from "./numbers.js";
import { SPECIAL, isOrder, namesMeant } from "./query.js";
import { counted, folded, readMoment, writeValue } from "./values.js";
import { CHIPS, STATES, kindsOf } from "./words.js";

/**
 * @typedef {import("./query.js").Query} Query
 * @typedef {{name: string, kind: "number"|"text", count: number, numbers: number, dates: number}} Key see facts.keysOf
 */

/**
 * What is wrong with a query over these keys.
 * @param {Query} query
 * @param {Key[]} keys
 * @returns {string|null} one sentence, or null where nothing is
 */
export function check(query, keys) {
  if (query.error) return query.error;
  for (const term of query.terms) {
    if (term.kind !== "key" || SPECIAL.includes(term.key)) continue;
    const meant = namesMeant(keys.map((key) => key.name), term.key);
    if (meant.length === 0) return `no job has a key “${term.key}”; to find the text itself, put it in quotes`;
    if (!isOrder(term.operator)) continue;
    const those = keys.filter((key) => meant.includes(key.name));
    const isDate = term.values[0].time !== null && those.some(({ dates }) => dates > 0);
    if (isDate || those.some(({ kind }) => kind === "number")) continue;
    const [{ name, numbers, count }] = those;
    return numbers > 0 ? lacking(name, numbers, count) : `“${name}” is text, not a number: ${name}:word finds it`;
  }
  return null;
}

/**
 * What somebody should know of a query that is right: how many jobs have something else where it asks for a number or a day.
 * @param {Query} query
 * @param {Key[]} keys
 * @returns {string|null} one sentence, or null
 */
export function remark(query, keys) {
  for (const term of query.terms) {
    if (term.kind !== "key" || term.not || SPECIAL.includes(term.key)) continue;
    const meant = namesMeant(keys.map((key) => key.name), term.key);
    for (const key of keys.filter(({ name }) => meant.includes(name))) {
      const able = term.values.map((value) => comparable(value, key)).find((count) => count !== null && count < key.count);
      if (able !== undefined) return lacking(key.name, able, key.count, term.values[0].time === null ? "a number" : "a date");
    }
  }
  return null;
}

const lacking = (name, able, count, what = "a number") =>
  `“${name}” is ${what} in ${able} of ${counted(count, "job")}: the others are not found so`;

// Of how many of a key's values one that is a number, or a day, is asked; null where the key is a text, and all are.
function comparable({ number, range, time }, { count, numbers, dates }) {
  if (number === null && range === null && time === null) return null;
  const able = time === null ? numbers : numbers + dates;
  return areNumbers(able, count) ? able : null;
}

/**
 * Whether a job is among what was asked for.
 * @param {Query} query
 * @param {object} job
 * @param {Map<string, number|string|boolean>} facts
 * @param {{get(id: string): {mark: string|null, star: boolean, note: string}}} [marks]
 * @param {Map<string, Key>} [keys] by their names; without them, each is a text
 * @returns {boolean}
 */
export function matches(query, job, facts, marks, keys = new Map()) {
  return query.terms.every((term) => holds(term, job, facts, marks, keys) !== term.not);
}

function holds(term, job, facts, marks, keys) {
  if (term.kind === "word") return wordHolds(term, job, facts, marks);
  if (term.key === "has") return term.values.some(({ text }) => hasKey(job, facts, text));
  if (term.key === "chip") return term.values.some(({ text }) => text !== "" && [...kindsOf(job)].some((kind) => kind.startsWith(text)));
  if (term.key === "mark") return marks !== undefined && term.values.some(({ text }) => hasMark(marks.get(job.id), text));
  if (term.key === "note" && marks !== undefined) {
    const { note } = marks.get(job.id);
    if (term.values.some(({ text }) => text !== "" && folded(note).includes(text))) return true;
  }
  const meant = facts.has(term.key) ? [term.key] : namesMeant(facts.keys(), term.key);
  return meant.some((name) => factHolds(term, facts.get(name), keys.get(name)));
}

function wordHolds({ text, literal }, job, facts, marks) {
  const word = folded(text);
  if (!literal && word === "star") return marks !== undefined && marks.get(job.id).star;
  if (!literal && (STATES.includes(word) || CHIPS.includes(word))) return job.state === word || kindsOf(job).has(word);
  return searchText(job, facts).includes(word);
}

function hasKey(job, facts, key) {
  return namesMeant(facts.keys(), key).length > 0 || namesMeant(job.columns || [], key).length > 0;
}

function hasMark({ mark, star, note, earlier }, asked) {
  if (asked === "earlier") return earlier !== undefined;
  if (asked === "star") return star;
  if (asked === "note") return note !== "";
  if (asked === "none") return mark === null && !star && note === "";
  return mark === asked;
}

function factHolds({ operator, values: all }, fact, key) {
  const values = all.filter((value) => !isAsNone(value, fact, key));
  if (values.length === 0) return false;
  if (operator === ":") return values.some((value) => isAbout(value, fact));
  const [value] = values;
  if (operator === "=") return isEqual(value, fact);
  if (operator === "!=") return !isEqual(value, fact);
  // A day is a span: after it, before it, or with it. So is one that a text says.
  const isNumber = typeof fact === "number";
  const asked = value.time ?? (isNumber && value.number !== null ? [value.number, value.number] : null);
  const own = isNumber ? [fact, fact] : readMoment(fact);
  if (asked === null || own === null) return false;
  if (operator === ">") return own[0] > asked[1];
  if (operator === ">=") return own[0] >= asked[0];
  if (operator === "<") return own[1] < asked[0];
  return own[1] <= asked[1];
}

function isAbout(value, fact) {
  if (typeof fact !== "number") return folded(String(fact)).includes(value.text) || isWithin(readMoment(fact), value.time);
  if (value.range !== null) return fact >= value.range[0] && fact <= value.range[1];
  // What the page shows of a number is fewer digits.
  return isEqual(value, fact) || (!Number.isInteger(fact) && value.number !== null && writeValue(fact) === writeValue(value.number));
}

// Who asks a key of numbers, or of days, for one asks for nothing else that stands there, unless it is what he wrote: an
// integer that no number can hold is a text.
function isAsNone(value, fact, key) {
  if (typeof fact === "number" || key === undefined || comparable(value, key) === null) return false;
  return (value.time === null || readMoment(fact) === null) && folded(String(fact)) !== value.text;
}

function isEqual({ number, time, text }, fact) {
  if (typeof fact !== "number") return folded(String(fact)) === text || isWithin(readMoment(fact), time);
  return time !== null ? isWithin([fact, fact], time) : fact === number;
}

const isWithin = (own, span) => own !== null && span !== null && own[0] >= span[0] && own[1] <= span[1];

const searchTexts = new WeakMap();

// All words of a job, made once.
function searchText(job, facts) {
  let text = searchTexts.get(job);
  if (text === undefined) {
    const words = [...facts.values()].filter((value) => typeof value === "string");
    text = [job.job, ...words, ...["mp4", "gif"].filter((kind) => job[kind]), ...(job.chips || []).flat()].join("\n");
    text = folded(text);
    searchTexts.set(job, text);
  }
  return text;
}
