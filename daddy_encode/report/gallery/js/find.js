// The search box: what it found is counted as one types, what may follow is suggested, a fault is said in place.
import { el, replace } from "./dom.js";
import { BUILT_IN } from "./facts.js";
import { register } from "./keyboard.js";
import { parse, quoted } from "./query.js";
import { isDirectoryKey } from "./runs.js";
import { searchedFor, suggest } from "./suggest.js";
import { counted, writeValue } from "./values.js";

/**
 * @param {object} app
 * @param {() => void} leave goes to what was found
 * @returns {{element: HTMLElement, update(visible: object[], state: object, changed: Set<string>): void, clear(): void}}
 */
export function createFind(app, leave) {
  const input = el("input", {
    type: "text", id: "find", role: "combobox", "aria-label": "Find jobs", "aria-autocomplete": "list",
    "aria-expanded": "false", "aria-controls": "suggestions", "aria-describedby": "problem", placeholder: example(app),
    autocomplete: "off", autocapitalize: "off", spellcheck: "false", enterkeyhint: "search", maxlength: "1000",
    oninput: typed, onkeydown: pressed, onfocus: offer, onclick: offer, onblur: left,
  });
  const list = el("ul", { id: "suggestions", class: "suggestions", role: "listbox", "aria-label": "Suggestions", hidden: true });
  const count = el("output", { class: "count", for: "find" });
  const clearButton = el("button", { type: "button", class: "clear", "aria-label": "Clear the search", onclick: clear }, "×");
  const problem = el("p", { id: "problem", class: "problem", role: "status" });
  const element = el("div", { class: "find", role: "search" },
    el("div", { class: "box" }, input, count, clearButton), list, problem);
  let offered = { from: 0, suggestions: [], isName: true };
  let chosen = -1;

  function typed() {
    offer();
    app.state.set({ query: searchedFor(input.value, offered, app.found) });
  }

  function settle() {
    app.state.set({ query: input.value });
  }

  function offer() {
    offered = suggest(input.value, input.selectionStart, app.keys, app.valuesOf, app.wordCounts());
    chosen = -1;
    const options = offered.suggestions.map(({ label, detail }, place) => el("li", {
      role: "option", id: `suggestion-${place}`, "aria-selected": "false",
      // Not click: the box would lose the focus first.
      onpointerdown: (event) => {
        event.preventDefault();
        take(place);
      },
    }, el("span", {}, label), el("span", { class: "detail" }, detail)));
    replace(list, options);
    show(options.length > 0);
  }

  function show(isOpen) {
    list.hidden = !isOpen;
    input.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) choose(-1);
  }

  function choose(place) {
    chosen = place;
    [...list.children].forEach((option, number) => option.setAttribute("aria-selected", String(number === place)));
    if (place < 0) input.removeAttribute("aria-activedescendant");
    else {
      input.setAttribute("aria-activedescendant", `suggestion-${place}`);
      list.children[place].scrollIntoView({ block: "nearest" });
    }
  }

  function take(place) {
    const { text } = offered.suggestions[place];
    const rest = input.value.slice(input.selectionStart);
    input.value = input.value.slice(0, offered.from) + text + rest.trimStart();
    const caret = offered.from + text.length;
    input.setSelectionRange(caret, caret);
    typed();
  }

  function close() {
    show(false);
  }

  function left() {
    close();
    if (input.value !== app.state.get().query) settle();
    else showFault();
  }

  function showFault() {
    // Nobody is told that more must follow while he is writing it.
    const fault = document.activeElement === input && parse(input.value).unfinished ? null : app.problem();
    const said = fault ?? app.remark();
    problem.textContent = said ? said[0].toUpperCase() + said.slice(1) : "";
    problem.classList.toggle("remark", fault === null);
    input.setAttribute("aria-invalid", String(fault !== null));
  }

  function pressed(event) {
    const isOpen = !list.hidden;
    const last = offered.suggestions.length - 1;
    const { key } = event;
    if (key === "ArrowDown" && isOpen) choose(chosen < last ? chosen + 1 : -1);
    else if (key === "ArrowUp" && isOpen) choose(chosen < 0 ? last : chosen - 1);
    else if (key === "ArrowDown") goOn();
    else if ((key === "Enter" || key === "Tab") && isOpen && chosen >= 0) take(chosen);
    else if (key === "Enter") goOn();
    else if (key === "Escape" && isOpen) close();
    else if (key === "Escape" && input.value !== "") clear();
    else if (key === "Escape") input.blur();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function goOn() {
    settle();
    leave();
  }

  function clear() {
    input.value = "";
    app.state.set({ query: "", brush: null });
    close();
  }

  register("/", "Find", () => {
    input.focus();
    input.select();
  }, () => app.state.get().job === null);

  return {
    element,
    clear,
    update(visible, state, changed) {
      // What is being typed is ahead of what is searched for.
      const isTyped = document.activeElement === input && input.value.startsWith(state.query);
      if (changed.has("query") && input.value !== state.query && !isTyped) input.value = state.query;
      const all = app.jobs.length;
      count.textContent = visible.length === all ? counted(all, "job") : `${visible.length} of ${counted(all, "job")}`;
      clearButton.hidden = state.query === "" && state.brush === null;
      showFault();
    },
  };
}

// In the words of these jobs.
function example(app) {
  const own = app.keys.filter(({ name }) => !BUILT_IN.includes(name) && !isDirectoryKey(name));
  const number = own.find(({ name, kind }) => kind === "number" && name.includes("return")) || own.find(({ kind }) => kind === "number");
  const text = own.find(({ kind }) => kind === "text");
  const parts = [];
  if (number) {
    const values = [...app.valuesOf(number.name).keys()].filter((value) => typeof value === "number").sort((one, other) => one - other);
    parts.push(`${number.name} > ${writeValue(values[values.length >> 1])}`);
  }
  if (text) parts.push(`${text.name}:${quoted(String(app.valuesOf(text.name).keys().next().value))}`);
  return [...parts, "failed"].join("   ");
}
