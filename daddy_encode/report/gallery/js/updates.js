// Whether there are more jobs than this page has: a small file beside it is read now and then.
import { el } from "./dom.js";
import { counted } from "./values.js";

const PAUSE_MS = 15_000;

/**
 * What an open page offers.
 * @param {{generated: number, jobs: object[]}} data the page's
 * @param {{generated: number, jobs: number}} latest what the folder has
 * @returns {string} "" for nothing
 */
export function offerOf(data, latest) {
  if (!latest || !(latest.generated > data.generated) || (data.digest && latest.digest === data.digest)) return "";
  const more = latest.jobs - data.jobs.length;
  return more > 0 ? counted(more, "new job") : "changed";
}

/**
 * @param {object} app
 * @param {(url: string, done: (ok: boolean) => void) => void} load
 * @returns {{element: HTMLElement, received(latest: object): void}}
 */
export function createUpdates(app, load) {
  const element = el("button", {
    type: "button", class: "button updates", hidden: true, title: "Load the page anew; what is shown stays",
    onclick: () => location.reload(),
  });
  const status = el("span", { class: "updates-status", role: "status" }, element);

  function ask() {
    // A page that nobody sees asks for nothing.
    if (document.visibilityState === "visible") load(`${app.data.files}latest.js?${Date.now()}`, () => undefined);
  }

  setInterval(ask, PAUSE_MS);
  document.addEventListener("visibilitychange", ask);

  return {
    element: status,
    received(latest) {
      const offer = offerOf(app.data, latest);
      element.hidden = offer === "";
      element.textContent = offer === "changed" ? "Reload: jobs changed" : `${offer}: show`;
    },
  };
}
