// What is shown beside a point of the plot: its picture, its name and its mark.
import { cut } from "./cut.js";
import { el, replace } from "./dom.js";
import { label, writeFact } from "./facts.js";
import { inWords } from "./marks.js";
import { createSprite, hasSprite } from "./sprite.js";

const PICTURE = { width: 200, height: 140 };

/**
 * @param {object} app
 * @returns {{element: HTMLElement, show(point: object, place: number[], keys: string[], room: {width: number,
 *   height: number}): void, hide(): void}}
 */
export function createPointView(app) {
  const said = el("p", { class: "said" });
  const element = el("div", { class: "plot-point", hidden: true, "aria-hidden": "true" });
  let shown = null;

  function show(point, [x, y], keys, { width, height }) {
    if (shown !== point.id) {
      if (shown !== null) app.details.forget(shown);
      shown = point.id;
      fill(app.byId.get(point.id), keys);
    }
    // A key may have marked the point that is shown.
    said.textContent = inWords(app.marks.get(point.id));
    element.hidden = false;
    const [wide, high] = [element.offsetWidth, element.offsetHeight];
    const left = x + 16 + wide <= width ? x + 16 : Math.max(4, x - 16 - wide);
    const top = Math.min(Math.max(4, y - high / 2), Math.max(4, height - high - 4));
    element.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  }

  function fill(job, keys) {
    const facts = app.facts.get(job.id);
    const { name, run } = label(facts);
    const picture = el("div", { class: "picture" });
    if (hasSprite(job)) {
      const sprite = createSprite(job, PICTURE.width, PICTURE.height);
      picture.append(sprite.element);
      app.details(job.id).then(sprite.load, () => picture.classList.add("unreadable"));
    } else {
      picture.append(el("span", { class: "nothing" }, job.error || "No picture"));
    }
    const values = [...new Set(keys)].filter((key) => facts.has(key)).map((key) =>
      el("div", {}, el("dt", {}, key), el("dd", {}, writeFact(key, facts.get(key)))));
    replace(element, picture, el("p", { class: "name" }, cut(name)), run && el("p", { class: "run" }, cut(run)), el("dl", {}, values), said);
  }

  function hide() {
    if (shown !== null) app.details.forget(shown);
    shown = null;
    element.hidden = true;
  }

  return { element, show, hide };
}
