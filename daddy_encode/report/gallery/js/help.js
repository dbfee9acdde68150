// All keys, and how to find things.
import { el, replace } from "./dom.js";
import { register, registered } from "./keyboard.js";

const NAMES = {
  ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc", PageUp: "Page ↑", PageDown: "Page ↓",
};

const QUERIES = [
  ["return > 200", "a number: also >= < <= = !=, 10k, 2M"],
  ["seed:1..3", "from 1 to 3"],
  ["env:Humanoid,Ant", "one of these texts; a key may be shortened"],
  ["finished > 2026-11-20", "after that day"],
  ["failed", "a state or a warning: done, partial, salvaged, held …"],
  ["\"two words\"", "a text in the name or any value"],
  ["-salvaged", "not so"],
  ["has:reward", "has that key or curve"],
  ["mark:good", "marked good, bad, star, note, none"],
  ["star note:word", "with a star, with that word in its note"],
];

/** @returns {{element: HTMLElement, button: HTMLElement}} */
export function createHelp() {
  const body = el("div", { class: "columns" });
  const element = el("dialog", { class: "help", "aria-label": "Help", onclick: outside, onkeydown: (event) => event.stopPropagation() },
    el("div", { class: "head" }, el("h2", {}, "Keys and queries"),
      el("button", { type: "button", class: "icon-button", "aria-label": "Close", onclick: () => element.close() }, "×")),
    body);
  const button = el("button", {
    type: "button", class: "icon-button", "aria-label": "Help: all keys", title: "All keys (?)", onclick: open,
  }, "?");

  function open() {
    const sections = new Map();
    for (const { section, keys, description } of registered()) {
      if (!sections.has(section)) sections.set(section, []);
      sections.get(section).push([keys.map((key) => [el("kbd", {}, spelled(key)), " "]), description]);
    }
    replace(body,
      [...sections].map(([title, rows]) => table(title, rows)),
      table("Find: all of these at once", QUERIES.map(([query, meaning]) => [el("code", {}, query), meaning])));
    element.showModal();
  }

  function outside(event) {
    if (event.target === element) element.close();
  }

  register("?", "This list", open);
  return { element, button };
}

function table(title, rows) {
  return el("section", {}, el("h3", {}, title),
    el("dl", {}, rows.map(([term, meaning]) => el("div", {}, el("dt", {}, term), el("dd", {}, meaning)))));
}

function spelled(key) {
  return key.split(/(?<=.)\+/).map((part) => NAMES[part] || part).join(" ");
}
