// Lines of numbers over the frames, with a cursor at the frame that is shown; a click goes to a frame.

import { pathOf, rangeOf, spanOf } from "./curve_data.js";
import { el, svg } from "./dom.js";
import { clamp } from "./numbers.js";

/**
 * @typedef {object} Series
 * @property {import("./curve_data.js").Values} values
 * @property {(index: number) => number} across  where a value lies, 0 to 1
 * @property {number} [colour]  which of the six colours; default: the accent
 */

/**
 * One plot of one or more lines over the same range.
 * @param {string} words  the plot for those who do not see it
 * @param {Series[]} series
 * @param {(across: number) => void} onSeek  where it was clicked, 0 to 1
 * @returns {{element: HTMLElement, cursor(across: number): void, range: {low: number, high: number} | null}}
 */
export function createPlot(words, series, onSeek) {
  const range = spanOf(series.map(({ values }) => rangeOf(values)));
  const drawing = svg("svg", { viewBox: "0 0 1000 100", preserveAspectRatio: "none", role: "img", "aria-label": words });
  if (range !== null) {
    if (range.low < 0 && range.high > 0) {
      const zero = (100 * range.high) / (range.high - range.low);
      drawing.append(svg("path", { class: "curve-zero", d: `M0 ${zero}H1000` }));
    }
    for (const { values, across, colour } of series) {
      const name = colour === undefined ? "curve-line" : `curve-line series-${colour}`;
      drawing.append(svg("path", { class: name, d: pathOf(values, range, across) }));
    }
  }
  const cursor = el("div", { class: "curve-cursor" });
  const element = el("div", { class: "curve" }, el("div", { class: "curve-box" }, drawing), cursor);
  const seek = (event) => {
    const box = element.getBoundingClientRect();
    if (box.width > 0) onSeek(clamp((event.clientX - box.left) / box.width, 0, 1));
  };
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    seek(event);
  });
  element.addEventListener("pointermove", (event) => {
    if (element.hasPointerCapture(event.pointerId)) seek(event);
  });
  return {
    element,
    range,
    cursor(across) {
      cursor.style.left = `${100 * clamp(across, 0, 1)}%`;
    },
  };
}
