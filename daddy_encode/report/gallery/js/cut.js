// Names that have no room are cut in the middle: many begin alike, and are told apart by their ends.
import { el } from "./dom.js";

/** Shorter texts are not cut; of longer ones so many characters at the end stay. */
const SHORTEST = 13;
const TAIL = 10;
/** How far from there a word may begin that stays whole: a screen reader may pause where a text is divided. */
const REACH = 4;
const BETWEEN = /[-_./ :=]/;
/** A date with a time stays whole from its month on: jobs of different days have the same times. */
const DATED = /^(?:.*\D)?(?:19|20)\d\d-?(?=\d\d-?\d\d[T_ -]\d\d[-:.]?\d\d)/s;
/** Where no more characters follow; a name with more behind its date is told apart by those. */
const LONGEST_TAIL = 20;

/**
 * @param {string} text
 * @returns {string[]} what may be cut at its end, and what stays; together the text
 */
export function partsOf(text) {
  const characters = [...text];
  if (characters.length < SHORTEST) return ["", text];
  const begin = [...(DATED.exec(text)?.[0] ?? "")].length;
  if (begin > 0 && characters.length - begin <= LONGEST_TAIL) return [characters.slice(0, begin).join(""), characters.slice(begin).join("")];
  const middle = characters.length - TAIL;
  let place = middle;
  for (let away = 0; away <= REACH; away += 1) {
    const found = [middle + away, middle - away].find((one) => one >= 3 && BETWEEN.test(characters[one - 1]));
    if (found === undefined) continue;
    place = found;
    break;
  }
  return [characters.slice(0, place).join(""), characters.slice(place).join("")];
}

/**
 * A text on one line that is cut in its middle; whoever shows it gives the whole as a title.
 * @param {string} text
 * @returns {HTMLElement|string}
 */
export function cut(text) {
  const [head, tail] = partsOf(text);
  return head === "" ? text : el("span", { class: "cut" }, el("span", {}, head), el("span", {}, el("bdi", { dir: "ltr" }, tail)));
}
