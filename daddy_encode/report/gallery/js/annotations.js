// What a rollout wrote about its frames: a row for each column, its value at the frame that is shown, and its curve.

import { describe, readable, valueAt } from "./curve_data.js";
import { createPlot } from "./curves.js";
import { el } from "./dom.js";

/** Curves beyond these are drawn when they are asked for. */
const FIRST = 8;

/**
 * @param {object} details  of a job's file
 * @param {number} frames
 * @param {(frame: number) => void} onSeek
 * @param {boolean} [tells]  whether it is known which frame is shown; else there are the curves alone
 * @returns {{element: HTMLElement, show(frame: number): void}}
 */
export function createAnnotations(details, frames, onSeek, tells = true) {
  const step = details.step || 1;
  const columns = Object.entries(details.columns || {});
  const texts = Object.entries(details.texts || {});
  const across = (index) => (index * step + 0.5) / frames;
  const numberRows = columns.map(([name, values]) => {
    const value = el("td", { class: "annotations-value" });
    const box = el("td", { class: "annotations-curve" });
    return { name, values, value, box, plot: null, row: el("tr", {}, el("th", { scope: "row", title: name }, name), value, box) };
  });
  const textRows = texts.map(([name, entries]) => {
    const value = el("td", { class: "annotations-text", colspan: "2" });
    return { entries, value, row: el("tr", {}, el("th", { scope: "row", title: name }, name), value) };
  });
  const draw = (row) => {
    row.plot = createPlot(describe(row.name, row.values), [{ values: row.values, across }], (part) => {
      onSeek(Math.min(frames - 1, Math.floor(part * frames)));
    });
    const { range } = row.plot;
    const ends = range === null ? [] : range.low === range.high ? [range.low] : [range.high, range.low];
    row.box.append(row.plot.element, el("div", { class: "annotations-range" }, ends.map((end) => el("span", {}, readable(end)))));
  };
  const show = (frame) => {
    for (const { values, value, plot } of numberRows) {
      value.textContent = readable(valueAt(values, frame, step));
      plot?.cursor((frame + 0.5) / frames);
    }
    for (const { entries, value } of textRows) {
      const [at, text] = lastBefore(entries, frame);
      value.textContent = text;
      value.classList.toggle("past", at !== frame);
      value.title = at === frame || at < 0 ? "" : `Written at frame ${at}`;
    }
    shown = frame;
  };
  let shown = 0;
  for (const row of numberRows.slice(0, FIRST)) draw(row);
  const body = el("tbody", {}, textRows.map(({ row }) => row), numberRows.slice(0, FIRST).map(({ row }) => row));
  const hidden = numberRows.length - FIRST;
  const more = hidden > 0 && el("button", {
    type: "button", class: "button annotations-more",
    onclick: () => {
      for (const row of numberRows.slice(FIRST)) {
        draw(row);
        body.append(row.row);
      }
      more.remove();
      show(shown);
    },
  }, `Show ${hidden} more`);
  const element = el("div", { class: `annotations ${tells ? "" : "untold"}` },
    el("table", {}, el("caption", { class: "visually-hidden" }, "Annotations of the frame"), body),
    !tells && el("p", { class: "annotations-note" }, "A GIF does not tell which frame it shows: the curves are of the whole clip."),
    step > 1 && el("p", { class: "annotations-note" }, `One value in ${step} frames is kept here.`),
    more);
  return { element, show };
}

/** The text of a frame, or else the last before it. */
export function lastBefore(entries, frame) {
  let found = [-1, ""];
  for (const entry of entries) {
    if (entry[0] > frame) break;
    found = entry;
  }
  return found;
}
