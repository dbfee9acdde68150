// The search box: what is written there, as terms that all have to hold.
import { UNIT, folded, readNumber, readTime } from "./values.js";
import { CHIPS, MARKS } from "./words.js";

/** Keys that ask for something else than a fact. */
export const SPECIAL = Object.freeze(["has", "mark", "chip", "note"]);

/**
 * @typedef {{text: string, number: number|null, range: number[]|null, time: number[]|null}} Value a text in quotes is that
 *   text, and no number or day
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
  return `${quoted(key)}=${valueText(value)}`;
}

/**
 * A value as a query writes it: a text in quotes also where it reads as a number or a day.
 * @param {number|string|boolean} value
 * @returns {string}
 */
export function valueText(value) {
  if (typeof value === "number") return String(value);
  const text = String(value);
  const { number, range, time } = valueOf({ text, quoted: false });
  return number === null && range === null && time === null ? quoted(text) : `"${text}"`;
}

// One term at the beginning of a text, and how long it is.
function firstTerm(text) {
  const not = /^-[^\s\d.]/.test(text);
  let place = not ? 1 : 0;
  CHIP_OF_WORDS.lastIndex = place;
  const chip = CHIP_OF_WORDS.exec(text);
  if (chip !== null) {
    const words = chip[0].replace(/\s+/g, " ");
    return { term: { kind: "word", text: words, literal: false, not }, length: place + chip[0].length };
  }
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
  const last = values[values.length - 1].text;
  const isHalf = term.key === "mark" && place === text.length && MARKS.some((mark) => mark.startsWith(last));
  return { term, error: wrong(term), unfinished: isHalf, length: place };
}

// A chip of two words is one term, so that "-" means the two together.
const CHIP_OF_WORDS = new RegExp(
  `(?:${CHIPS.filter((chip) => chip.includes(" ")).join("|").replace(/ /g, "\\s+")})(?=\\s|$)(?!\\s*[<>=≥≤≠:!])`, "iy",
);

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
  const day = literal ? null : readTime(text);
  return {
    text: folded(text),
    number: literal ? null : readNumber(text),
    range: range && range.every((edge) => edge !== null) ? range : null,
    time: days && days.every((one) => one !== null) ? [days[0][0], days[1][1]] : day,
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

/** Whether an operator asks for larger or smaller ones. @param {string} operator */
export const isOrder = (operator) => /^[<>]/.test(operator);
const spaced = (sign) => (sign === ":" ? ":" : ` ${sign}`);
