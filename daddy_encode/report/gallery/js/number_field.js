// Fields for a number, which is written as in the search.
import { el } from "./dom.js";
import { readNumber } from "./values.js";

/** What is said of a text that is none. */
export const NO_NUMBER = "not a number: write 50000, 50k or 1.5M";

/**
 * @param {Record<string, unknown>} properties
 * @returns {HTMLInputElement}
 */
export function createNumberField(properties) {
  // One of type "number" takes no "10k", and hides from the script that there was a "k".
  return el("input", { type: "text", autocomplete: "off", spellcheck: "false", autocapitalize: "off", ...properties });
}

/**
 * @param {HTMLInputElement} field is marked where what it says is no number
 * @returns {number|null} null where it is empty, NaN where it is no number
 */
export function readField(field) {
  const number = field.value.trim() === "" ? null : readNumber(field.value) ?? NaN;
  field.setAttribute("aria-invalid", String(Number.isNaN(number)));
  return number;
}

/**
 * @param {HTMLInputElement} field keeps its text where that says the same, as "50k"
 * @param {number|null} number
 */
export function showInField(field, number) {
  if (number === null || readNumber(field.value) !== number) field.value = number === null ? "" : String(number);
  field.removeAttribute("aria-invalid");
}
