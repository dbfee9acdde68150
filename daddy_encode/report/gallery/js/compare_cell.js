// One of the jobs that are compared: its name, its picture, the frame that is shown and what was written about it.

import { lastBefore } from "./annotations.js";
import { createClipView } from "./clip_view.js";
import { readable, valueAt } from "./curve_data.js";
import { cut } from "./cut.js";
import { el, replace } from "./dom.js";
import { keyFor, label } from "./facts.js";
import { writeShort } from "./values.js";

/** Values under a picture; all of them are in the player. */
const MOST_VALUES = 8;
const MOST_TEXTS = 2;
const PHASES = { before: " · not yet begun", after: " · has ended", during: "" };

/**
 * @param {object} app
 * @param {object} job
 * @param {{open(): void, move(by: 1 | -1): void, replace(): void, remove(): void, loaded(): void,
 *   offset(frames: number): void}} act
 */
export function createCell(app, job, act) {
  const { name, run } = label(app.facts.get(job.id));
  const letter = el("span", { class: "compare-letter", "aria-hidden": "true" });
  const said = el("span", { class: "compare-frame" });
  const values = el("dl", { class: "compare-values" });
  const more = el("button", { type: "button", class: "compare-more", onclick: act.open });
  const offset = el("input", {
    type: "number", step: "1", class: "compare-offset", "aria-label": `Begins later by frames: ${name}`,
    onchange: () => act.offset(Math.trunc(Number(offset.value)) || 0),
  });
  const offsetLabel = el("label", { class: "compare-offset-label", hidden: true }, "begins ", offset, " frames later");
  let details = null;
  let texts = [];
  let shown = { frame: 0, phase: "during" };
  const view = createClipView(app, job, {
    onLabel(frame, phase) {
      shown = { frame, phase };
      show();
    },
  });
  const button = (sign, title, onclick) =>
    el("button", { type: "button", class: "icon-button", title, "aria-label": `${title}: ${name}`, onclick }, sign);
  const left = button("←", "Move to the left", () => act.move(-1));
  const right = button("→", "Move to the right", () => act.move(1));
  const element = el("article", { class: "compare-cell", "aria-label": job.job },
    el("header", { class: "compare-head" },
      letter,
      el("button", { type: "button", class: "compare-name", title: `${job.job}: open`, onclick: act.open },
        run && el("span", { class: "compare-run" }, cut(run)), el("span", {}, cut(name))),
      left, right,
      button("⇄", "Another job in its place", act.replace),
      button("✕", "No longer compare", act.remove)),
    el("div", { class: "compare-stage" }, view.element),
    el("div", { class: "compare-caption" }, said, el("span", { class: "compare-facts" }, known(app.facts.get(job.id))), offsetLabel, values, more));
  const columns = () => Object.entries(details?.columns || {}).slice(0, MOST_VALUES);

  function show() {
    said.textContent = job.frames > 0 ? `frame ${shown.frame} of ${view.clip.frames - 1}${PHASES[shown.phase]}` : "no video";
    texts.forEach(({ entries, value }) => {
      value.textContent = lastBefore(entries, shown.frame)[1];
    });
    const step = details?.step || 1;
    columns().forEach(([, column], i) => {
      values.children[i].lastChild.textContent = readable(valueAt(column, shown.frame, step));
    });
  }

  if (job.columns || job.sprite) app.details(job.id).then((loaded) => {
    details = loaded;
    texts = Object.entries(loaded.texts || {}).slice(0, MOST_TEXTS).map(([title, entries]) => ({ title, entries, value: el("dd", {}) }));
    replace(values, columns().map(([column]) => el("div", {}, el("dt", {}, column), el("dd", {}))),
      texts.map(({ title, value }) => el("div", { class: "compare-text" }, el("dt", {}, title), value)));
    const left = Object.keys(loaded.columns || {}).length + Object.keys(loaded.texts || {}).length - columns().length - texts.length;
    more.textContent = left > 0 ? `and ${left} more: open it` : "";
    show();
    act.loaded();
  }, () => undefined);
  show();
  return {
    element,
    view,
    job,
    name: run ? `${run}/${name}` : name,
    details: () => details,
    /** Of all but its picture. */
    textHeight: () => element.offsetHeight && element.offsetHeight - view.element.offsetHeight,
    /** Its place among all, and the alignment. */
    place(index, count, align, frames) {
      element.dataset.place = String(index);
      letter.textContent = String(index + 1);
      left.disabled = index === 0;
      right.disabled = index === count - 1;
      offsetLabel.hidden = align !== "offset";
      if (document.activeElement !== offset) offset.value = String(frames);
    },
    close() {
      view.close();
      element.remove();
    },
  };
}

/** What tells one rollout from another. */
function known(facts) {
  const keys = ["return", "step", "seed"].map((thing) => keyFor(facts, thing)).filter((key) => key !== undefined);
  return keys.map((key) => `${key} ${writeShort(facts.get(key))}`).join(" · ");
}
