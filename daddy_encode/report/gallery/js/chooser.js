// Controls that several views have: the choice of a key, and the way of an order.
import { el } from "./dom.js";

/**
 * A choice with its title.
 * @param {string} id of the select
 * @param {string} title
 * @param {string[]} values
 * @param {(value: string) => void} chosen
 * @returns {{field: HTMLElement, select: HTMLSelectElement, show(value: string): void}}
 */
export function createChooser(id, title, values, chosen) {
  const select = el("select", { id, onchange: () => chosen(select.value) }, options(values));
  return {
    field: el("span", { class: "field" }, el("label", { for: id }, title), select),
    select,
    show: (value) => choose(select, value),
  };
}

/**
 * Show which value is chosen. A link may name a key that no job has any more.
 * @param {HTMLSelectElement} select
 * @param {string} value
 */
export function choose(select, value) {
  if (![...select.options].some((option) => option.value === value)) select.append(...options([value]));
  select.value = value;
}

/**
 * @param {string[]} values
 * @returns {HTMLOptionElement[]}
 */
export function options(values) {
  return values.map((value) => el("option", { value }, value));
}

/**
 * Say on a button which way an order goes.
 * @param {HTMLButtonElement} button
 * @param {boolean} descends
 */
export function showWay(button, descends) {
  button.textContent = descends ? "↓" : "↑";
  button.title = descends ? "Descending" : "Ascending";
  button.setAttribute("aria-label", button.title);
}
