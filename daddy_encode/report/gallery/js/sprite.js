// A job's small pictures: one image that holds them all, of which one cell shows.
import { el, safeImage } from "./dom.js";
import { clamp } from "./numbers.js";

/**
 * @param {object} job
 * @returns {boolean} whether a picture of it can be shown
 */
export function hasSprite(job) {
  return Array.isArray(job.sprite) && job.sprite.length === 5 && job.sprite.every((number) => number > 0);
}

/**
 * The cell that stands for the whole: the middle of the clip; its beginning looks alike in all.
 * @param {object} job
 * @returns {number}
 */
export function posterCell(job) {
  return hasSprite(job) ? Math.floor(job.sprite[4] / 2) : 0;
}

/**
 * The poster; the image with all cells only while it is scrubbed, since a browser keeps what it decodes.
 * @param {object} job with a sprite
 * @param {number} width of the box into which the picture has to fit, in CSS pixels
 * @param {number} height likewise
 * @returns {{element: HTMLElement, load(details: object): void, show(cell: number): void, rest(): void,
 *   fit(width: number, height: number): void}}
 */
export function createSprite(job, width, height) {
  const [columns, , cellWidth, cellHeight, count] = job.sprite;
  const poster = el("img", { alt: "", decoding: "async", draggable: "false" });
  const element = el("span", { class: "sprite", "aria-hidden": "true" }, poster);
  let all = null;
  let url = "";
  let shown = posterCell(job);
  let size = [1, 1];

  function fit(boxWidth, boxHeight) {
    const scale = Math.min(boxWidth / cellWidth, boxHeight / cellHeight);
    size = [Math.max(1, Math.round(cellWidth * scale)), Math.max(1, Math.round(cellHeight * scale))];
    // Enlarged small clips keep their pixels; reduced ones would lose some.
    element.classList.toggle("sharp", cellWidth === job.width && scale >= 1);
    element.style.width = poster.style.width = `${size[0]}px`;
    element.style.height = poster.style.height = `${size[1]}px`;
    place();
  }

  function show(cell) {
    shown = clamp(cell, 0, count - 1);
    if (all === null && url !== "") {
      all = el("img", { alt: "", class: "all", draggable: "false" });
      all.src = safeImage(url);
      element.append(all);
    }
    place();
  }

  function place() {
    if (all === null) return;
    const [x, y] = [-(shown % columns) * size[0], -Math.floor(shown / columns) * size[1]];
    all.style.width = `${size[0] * columns}px`;
    all.style.transform = `translate(${x}px, ${y}px)`;
  }

  function rest() {
    if (all !== null) all.remove();
    all = null;
  }

  fit(width, height);
  return {
    element,
    load(details) {
      url = details.sprite;
      const first = safeImage(details.poster);
      if (first !== "") poster.src = first;
      else show(posterCell(job));
    },
    show,
    rest,
    fit,
  };
}
