// Choose one job of all: a search as on the page, and the first that it finds.

import { el, replace } from "./dom.js";
import { keyFor, label } from "./facts.js";
import { writeValue } from "./values.js";

const MOST = 40;

/**
 * @param {object} app
 * @returns {{element: HTMLDialogElement, ask(title: string, without: readonly string[], chosen: (id: string) => void): void}}
 */
export function createPicker(app) {
  const element = el("dialog", { class: "picker", "aria-labelledby": "picker-title" });
  let opener = null;

  function close() {
    element.close();
    replace(element);
    if (opener?.isConnected) opener.focus();
  }

  element.addEventListener("cancel", (event) => {
    event.preventDefault();
    close();
  });
  element.addEventListener("click", (event) => {
    if (event.target === element) close();
  });
  element.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.preventDefault();
      close();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const all = [...element.querySelectorAll("input, .picker-job")];
      const next = all[all.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1)];
      event.preventDefault();
      next?.focus();
    }
    // Keys of the page mean nothing here.
    event.stopPropagation();
  });

  function ask(title, without, chosen) {
    opener = document.activeElement;
    const search = el("input", {
      type: "search", "aria-label": "Find a job", placeholder: "return > 200  failed  …", autocomplete: "off", spellcheck: "false",
      value: app.state.get().query, oninput: list,
    });
    const count = el("p", { class: "picker-count", role: "status" });
    const jobs = el("ul", { class: "picker-jobs" });
    replace(element, el("div", { class: "picker-frame" },
      el("header", {}, el("h2", { id: "picker-title" }, title),
        el("button", { type: "button", class: "icon-button", "aria-label": "Close", onclick: close }, "✕")),
      search, count, jobs));
    list();
    element.showModal();
    search.focus();
    search.select();

    function list() {
      const found = app.found(search.value).filter(({ id }) => !without.includes(id));
      count.textContent = found.length > MOST ? `The first ${MOST} of ${found.length}` : `${found.length} found`;
      replace(jobs, found.slice(0, MOST).map((job) => el("li", {}, choice(job))));
    }

    function choice(job) {
      const facts = app.facts.get(job.id);
      const { name, run } = label(facts);
      const key = keyFor(facts, "return");
      return el("button", {
        type: "button", class: "picker-job",
        onclick: () => {
          close();
          chosen(job.id);
        },
      }, el("span", { class: "picker-name" }, run && el("span", { class: "picker-run" }, `${run} / `), name),
      key && el("span", { class: "picker-value" }, `${key} ${writeValue(facts.get(key))}`));
    }
  }

  return { element, ask };
}
