// Below the search box: states as filters, the order, the groups, the size of the cards.
import { choose, options, showWay } from "./chooser.js";
import { el } from "./dom.js";
import { groupKeys } from "./facts.js";
import { register } from "./keyboard.js";
import { readSort } from "./sort.js";
import { chosenStates, toggleState, withoutStates } from "./suggest.js";
import { STATES } from "./words.js";

const SIZES = [["s", "Small"], ["m", "Medium"], ["l", "Large"]];

/**
 * @param {object} app
 * @returns {{element: HTMLElement, filters: HTMLElement, update(visible: object[], state: object, changed: Set<string>): void}}
 */
export function createToolbar(app) {
  const present = STATES.filter((state) => app.valuesOf("state").has(state));
  const numbers = new Map();
  const states = present.map((state) => {
    const number = el("span", { class: "number" });
    numbers.set(state, number);
    return el("button", {
      type: "button", class: `filter ${state}`, "data-state": state,
      onclick: () => app.state.set(({ query }) => ({ query: toggleState(query, state) })),
    }, el("span", { class: "dot", "aria-hidden": "true" }), `${state} `, number);
  });
  const brush = el("button", {
    type: "button", class: "filter brush", onclick: () => app.state.set({ brush: null }),
    title: "Only what is selected in the plot; a click clears the selection",
  }, "selected in the plot ×");
  const sort = el("select", { id: "sort", onchange: () => setSort(sort.value, null) }, options(app.keys.map((key) => key.name)));
  const way = el("button", { type: "button", class: "icon-button way", onclick: turn });
  const group = el("select", { id: "group", onchange: () => app.state.set({ group: group.value }) },
    el("option", { value: "" }, "nothing"), options(groupKeys(app.keys, app.valuesOf)));
  const sizes = SIZES.map(([size, name]) => el("button", {
    type: "button", class: "size", "data-size": size, "aria-label": `${name} cards`, title: `${name} cards`,
    onclick: () => app.state.set({ size }),
  }, el("span", { class: `squares ${size}`, "aria-hidden": "true" })));
  const filters = el("div", { class: "filters", role: "group", "aria-label": "Show only" }, present.length > 1 && states, brush);
  const element = el("div", { class: "arrange" },
    el("label", { for: "sort" }, "Sort by"), el("span", { class: "joined" }, sort, way),
    el("label", { for: "group" }, "Group by"), group,
    el("div", { class: "sizes", role: "group", "aria-label": "Size of the cards" }, sizes));

  function setSort(key, wanted) {
    // Newest, longest and best first, names from A to Z.
    const isNumber = app.keys.some(({ name, kind }) => name === key && kind === "number");
    const descending = wanted === null ? isNumber : wanted;
    app.state.set({ sort: descending ? `-${key}` : key });
  }

  function turn() {
    const { key, descending } = readSort(app.state.get().sort);
    setSort(key, !descending);
  }

  const isFree = () => app.state.get().job === null;
  register("o", "Order: choose the key, then Esc", () => sort.focus(), isFree, "Arrange");
  register("O", "The other way round", turn, isFree, "Arrange");
  register("u", "Under headings: choose the key, then Esc", () => group.focus(), isFree, "Arrange");
  register(["-", "+"], "Smaller, larger cards", ({ key }) => {
    const place = SIZES.findIndex(([size]) => size === app.state.get().size) + (key === "+" ? 1 : -1);
    if (SIZES[place]) app.state.set({ size: SIZES[place][0] });
  }, isFree, "Arrange");

  return {
    element,
    filters,
    update(visible, state, changed) {
      const { key, descending } = readSort(state.sort);
      choose(sort, key);
      choose(group, state.group);
      showWay(way, descending);
      for (const button of sizes) button.setAttribute("aria-pressed", String(button.dataset.size === state.size));
      brush.hidden = state.brush === null;
      if (changed.has("query") || changed.has("marks")) {
        const chosen = chosenStates(state.query);
        // What each of them would show, by the rest of the query.
        const counts = new Map();
        for (const job of app.found(withoutStates(state.query))) counts.set(job.state, (counts.get(job.state) || 0) + 1);
        for (const filter of states) {
          filter.setAttribute("aria-pressed", String(chosen.includes(filter.dataset.state)));
          numbers.get(filter.dataset.state).textContent = String(counts.get(filter.dataset.state) || 0);
        }
      }
      // The other views have an order of their own.
      element.hidden = state.view !== "cards";
    },
  };
}
