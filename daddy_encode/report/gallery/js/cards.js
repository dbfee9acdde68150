// The jobs as cards.
import { el, replace } from "./dom.js";
import { label } from "./facts.js";

/** @param {object} app */
export function createCards(app) {
  const element = el("ul", { class: "cards", "aria-label": "Jobs" });
  return {
    element,
    update(visible) {
      replace(element, visible.slice(0, 60).map((job) => el("li", {}, el("button", {
        type: "button", onclick: () => app.state.set({ job: job.id, frame: 0 }),
      }, label(job).name))));
    },
    shown: () => undefined,
  };
}
