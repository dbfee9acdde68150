// At the foot of the page: the jobs that were selected for comparison.
import { cut } from "./cut.js";
import { el, replace } from "./dom.js";
import { label } from "./facts.js";
import { register } from "./keyboard.js";
import { MOST_COMPARED, toggleCompared } from "./state.js";

/** Between it and the foot of the window, and what lies above it, in CSS pixels. */
const GAP = 24;

/**
 * @param {object} app
 * @returns {{element: HTMLElement, update(state: object): void}}
 */
export function createTray(app) {
  const items = el("ul", { class: "items" });
  const compare = el("button", { type: "button", class: "button primary", onclick: open }, "Compare");
  const clear = el("button", { type: "button", class: "button", onclick: () => app.state.set({ compare: [] }) }, "Clear");
  const hint = el("span", { class: "hint" });
  const element = el("aside", { class: "tray", "aria-label": "Selected for comparison", hidden: true }, items, hint, clear, compare);

  function open() {
    app.state.set({ view: "compare", job: null });
  }

  register("c", "Compare what is selected", open, () => app.state.get().compare.length > 0 && app.state.get().job === null);

  // What sticks to the foot of a view stays above it.
  new ResizeObserver(() => {
    document.documentElement.style.setProperty("--tray", `${element.hidden ? 0 : element.offsetHeight + GAP}px`);
  }).observe(element);

  return {
    element,
    update({ compare: ids, view }) {
      element.hidden = ids.length === 0 || view === "compare";
      replace(items, ids.filter((id) => app.byId.has(id)).map((id, place) => {
        const { name, run } = label(app.facts.get(id));
        return el("li", {}, el("button", {
          type: "button", class: "item", title: `${app.byId.get(id).job}: no longer compare`,
          onclick: () => app.state.set(({ compare: all }) => ({ compare: toggleCompared(all, id) })),
        }, el("b", {}, String(place + 1)), run && el("span", { class: "run" }, cut(run)), el("span", { class: "name" }, cut(name)), " ×"));
      }));
      compare.disabled = ids.length < 2;
      if (ids.length < 2) hint.textContent = "Select one more to compare";
      else hint.textContent = ids.length === MOST_COMPARED ? "Six is the most" : "";
    },
  };
}
