// A job's small pictures: one image that holds them all, of which one cell shows.
import { el, safeImage } from "./dom.js";

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
 * @param {object} job with a sprite
 * @param {number} width of the box into which the picture has to fit, in CSS pixels
 * @param {number} height likewise
 * @returns {{element: HTMLElement, load(details: object): void, show(cell: number): void, fit(width: number, height: number): void}}
 */
export function createSprite(job, width, height) {
  const [columns, , cellWidth, cellHeight, count] = job.sprite;
  const picture = el("img", { alt: "", decoding: "async", draggable: "false" });
  const element = el("span", { class: cellWidth === job.width ? "sprite sharp" : "sprite", "aria-hidden": "true" }, picture);
  let shown = posterCell(job);
  let size = [1, 1];

  function fit(boxWidth, boxHeight) {
    const scale = Math.min(boxWidth / cellWidth, boxHeight / cellHeight);
    size = [Math.max(1, Math.round(cellWidth * scale)), Math.max(1, Math.round(cellHeight * scale))];
    element.style.width = `${size[0]}px`;
    element.style.height = `${size[1]}px`;
    picture.style.width = `${size[0] * columns}px`;
    show(shown);
  }

  function show(cell) {
    shown = Math.min(count - 1, Math.max(0, cell));
    const [x, y] = [-(shown % columns) * size[0], -Math.floor(shown / columns) * size[1]];
    picture.style.transform = `translate(${x}px, ${y}px)`;
  }

  fit(width, height);
  return {
    element,
    load(details) {
      const url = safeImage(details.sprite);
      if (url !== "") picture.src = url;
    },
    show,
    fit,
  };
}
