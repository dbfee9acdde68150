// The search box: what is written there, as terms that all have to hold.
import { UNIT, counted, folded, readMoment, readNumber, readTime, writeValue } from "./values.js";

export const STATES = Object.freeze(["done", "failed", "partial", "missing"]);
/** Kinds of chips; as words they find the jobs that show them, those of two words by their texts. */
export const CHIPS = Object.freeze([
  "salvaged", "ended early", "earlier video", "held", "skipped", "dropped", "settled", "missing", "replaced", "packed", "frames deleted", "warning",
]);
export const MARKS = Object.freeze(["good", "bad", "star", "note", "none", "earlier"]);
/** Keys that ask for something else than a fact. */
export const SPECIAL = Object.freeze(["has", "mark", "chip", "note"]);

/**
 * @typedef {{text: string, number: number|null, range: number[]|null, time: number[]|null}} Value
 * @typedef {{kind: "word", text: string, literal: boolean, not: boolean}
 *   | {kind: "key", key: string, operator: string, values: Value[], not: boolean}} Term, and `from`, `to`: its place
 * @typedef {{terms: Term[], error: string|null, unfinished: boolean}} Query `unfinished`: the fault is that more must follow
 */

/**
 * Read what somebody typed. With an error, `terms` are those before it: while one types they go on holding.
 * @param {string} text
 * @returns {Query}
 */
export function parse(text) {
  const terms = [];
  let rest = text.trimStart();
  while (rest !== "") {
    const { term, error, unfinished, length } = firstTerm(rest);
    if (error) return { terms, error, unfinished: unfinished === true };
    const from = text.length - rest.length;
    terms.push({ ...term, from, to: from + length });
    rest = rest.slice(length).trimStart();
  }
  return { terms, error: null, unfinished: false };
}

/**
 * What is wrong with a query over these keys.
 * @param {Query} query
 * @param {{name: string, kind: string}[]} keys see facts.keysOf
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
 * What somebody should know of a query that is right: how many jobs have something else where it asks for a number.
 * @param {Query} query
 * @param {{name: string, kind: string, count: number, numbers: number}[]} keys see facts.keysOf
 * @returns {string|null} one sentence, or null
 */
export function remark(query, keys) {
  for (const term of query.terms) {
    if (term.kind !== "key" || !isOrder(term.operator) || SPECIAL.includes(term.key)) continue;
    const meant = namesMeant(keys.map((key) => key.name), term.key);
    const some = keys.find(({ name, kind, count, numbers }) => meant.includes(name) && kind === "number" && numbers < count);
    if (some !== undefined) return lacking(some.name, some.numbers, some.count);
  }
  return null;
}

const lacking = (name, numbers, count) => `“${name}” is a number in ${numbers} of ${counted(count, "job")}: the others are not found so`;

/**
 * Whether a job is among what was asked for.
 * @param {Query} query
 * @param {object} job
 * @param {Map<string, number|string|boolean>} facts
 * @param {{get(id: string): {mark: string|null, star: boolean, note: string}}} [marks]
 * @returns {boolean}
 */
export function matches(query, job, facts, marks) {
  return query.terms.every((term) => holds(term, job, facts, marks) !== term.not);
}

/**
 * The names that a key in a query means: the one that it is, otherwise those that begin with it, in any case of letters;
 * "return" also means "episode.return".
 * @param {Iterable<string>} names
 * @param {string} key
 * @returns {string[]}
 */
export function namesMeant(names, key) {
  const asked = folded(key);
  const all = [...names];
  const exact = all.filter((name) => folded(name) === asked);
  if (exact.length > 0) return exact;
  return all.filter((name) => {
    const lower = folded(name);
    return lower.startsWith(asked) || lower.slice(lower.lastIndexOf(".") + 1).startsWith(asked);
  });
}

/**
 * A text as a query writes it: in quotes where it needs them.
 * @param {string} text
 * @returns {string}
 */
export function quoted(text) {
  return /^[^\s"<>=≥≤≠:!,-][^\s"<>=≥≤≠:!,]*$/.test(text) ? text : `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/**
 * The term that finds the jobs with a value of a key.
 * @param {string} key
 * @param {number|string|boolean|undefined} value undefined: those that have none
 * @returns {string}
 */
export function termOf(key, value) {
  if (value === undefined) return `-has:${quoted(key)}`;
  return `${quoted(key)}=${typeof value === "number" ? value : quoted(String(value))}`;
}

// One term at the beginning of a text, and how long it is.
function firstTerm(text) {
  const not = /^-[^\s\d.]/.test(text);
  let place = not ? 1 : 0;
  const subject = readAtom(text, place, /[\s<>=≥≤≠:]|!=/y);
  if (subject.error) return subject;
  place = subject.end;
  const operator = /\s*([<>]=?|!=|==?|[≥≤≠])\s*|:/y;
  operator.lastIndex = place;
  const found = operator.exec(text);
  if (found === null) return { term: { kind: "word", text: subject.text, literal: subject.quoted, not }, length: place };
  const sign = ALSO.get(found[1]) || found[1] || ":";
  if (subject.text === "") return { error: `before ${sign} there must be a key, as in return > 200` };
  place += found[0].length;
  const values = [];
  do {
    if (values.length > 0) place += 1;
    const atom = readAtom(text, place, sign === ":" ? /[\s,]/y : /\s/y);
    if (atom.error) return atom;
    if (!atom.quoted) takeUnit(text, atom);
    if (atom.text === "" && !atom.quoted) {
      return { error: `after ${subject.text}${spaced(sign)} something must follow`, unfinished: true };
    }
    values.push(valueOf(atom));
    place = atom.end;
  } while (sign === ":" && text[place] === ",");
  const term = { kind: "key", key: subject.text, operator: sign, values, not };
  return { term, error: wrong(term), length: place };
}

const ALSO = new Map([["==", "="], ["≥", ">="], ["≤", "<="], ["≠", "!="]]);

// "2 kB" is one value.
function takeUnit(text, atom) {
  UNIT.lastIndex = atom.end;
  const found = /^[-+.\d]+$/.test(atom.text) ? UNIT.exec(text) : null;
  if (found === null) return;
  atom.text += found[1];
  atom.end = UNIT.lastIndex;
}

// Characters up to what ends them; in quotes, up to the closing one, "\" before what is meant as it is.
function readAtom(text, start, ends) {
  if (text[start] === '"') {
    const closed = /"((?:[^"\\]|\\[^])*)"/y;
    closed.lastIndex = start;
    const found = closed.exec(text);
    if (found === null) {
      return { error: `the quote before ${text.slice(start + 1, start + 21) || "the end"} is not closed`, unfinished: true };
    }
    return { text: found[1].replace(/\\([^])/g, "$1"), quoted: true, end: start + found[0].length };
  }
  let end = start;
  for (; end < text.length; end += 1) {
    ends.lastIndex = end;
    if (ends.test(text)) break;
  }
  return { text: text.slice(start, end), quoted: false, end };
}

function valueOf({ text, quoted: literal }) {
  const edges = literal ? null : /^(.+?)\.\.(.+)$/.exec(text);
  const range = edges && [readNumber(edges[1]), readNumber(edges[2])];
  const days = edges && [readTime(edges[1]), readTime(edges[2])];
  return {
    text: folded(text),
    number: literal ? null : readNumber(text),
    range: range && range.every((edge) => edge !== null) ? range : null,
    time: days && days.every((day) => day !== null) ? [days[0][0], days[1][1]] : readTime(text),
  };
}

function wrong(term) {
  const [{ text, number, time }] = term.values;
  if (term.key === "mark" && !term.values.every((value) => MARKS.includes(value.text))) {
    return `a mark is one of ${MARKS.join(", ")}`;
  }
  if (SPECIAL.includes(term.key) && term.operator !== ":") return `${term.key} is asked with a colon: ${term.key}:${text}`;
  if (isOrder(term.operator) && number === null && time === null) {
    return `after ${term.key} ${term.operator} there must be a number, not “${text}”`;
  }
  return null;
}

const isOrder = (operator) => /^[<>]/.test(operator);
const spaced = (sign) => (sign === ":" ? ":" : ` ${sign}`);

function holds(term, job, facts, marks) {
  if (term.kind === "word") return wordHolds(term, job, facts, marks);
  if (term.key === "has") return term.values.some(({ text }) => hasKey(job, facts, text));
  if (term.key === "chip") return term.values.some(({ text }) => text !== "" && chipsOf(job).some((kind) => kind.startsWith(text)));
  if (term.key === "mark") return marks !== undefined && term.values.some(({ text }) => hasMark(marks.get(job.id), text));
  if (term.key === "note" && marks !== undefined) {
    const { note } = marks.get(job.id);
    if (term.values.some(({ text }) => text !== "" && folded(note).includes(text))) return true;
  }
  const meant = facts.has(term.key) ? [term.key] : namesMeant(facts.keys(), term.key);
  return meant.some((name) => factHolds(term, facts.get(name)));
}

function wordHolds({ text, literal }, job, facts, marks) {
  const word = folded(text);
  if (!literal && word === "star") return marks !== undefined && marks.get(job.id).star;
  if (!literal && (STATES.includes(word) || CHIPS.includes(word))) return job.state === word || chipsOf(job).includes(word);
  return searchText(job, facts).includes(word);
}

const chipsOf = (job) => (job.chips || []).map(([kind]) => kind);

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

function factHolds({ operator, values }, fact) {
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

function isEqual({ number, time, text }, fact) {
  if (typeof fact !== "number") return folded(String(fact)) === text;
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
