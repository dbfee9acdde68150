// The view of the plot: any number over another, a point leads to its video, a rectangle selects.
import { createChoices } from "./plot_choices.js";
import { el } from "./dom.js";
import { writeFact } from "./facts.js";
import { reaches, register } from "./keyboard.js";
import { inWords } from "./marks.js";
import { narrowed } from "./matrix_data.js";
import { clamp } from "./numbers.js";
import { cleanBrush, defaultColour, defaultPlot, isWithin, plotOf } from "./plot_data.js";
import { drawPlot, layoutOf } from "./plot_draw.js";
import { createPointView } from "./plot_point.js";
import { createNearest } from "./plot_scale.js";
import { counted } from "./values.js";

/** A pointer that has moved less, in pixels, has clicked. */
const STILL = 5;
/** Keys of the state, and the marks, that the points are made of; and those that are of how they are shown. */
const MAKING = ["query", "marks", "x", "y", "colour", "log", "view"];
const SHOWING = ["brush", "trend"];

/**
 * @param {object} app
 * @returns {{element: HTMLElement, update(visible: object[], state: object, changed: Set<string>): void,
 *   shown(is: boolean): void, focus(): void}}
 */
export function createPlot(app) {
  const axes = defaultPlot(app.keys);
  const usual = { ...axes, colour: defaultColour(app.keys, app.valuesOf, app.facts, axes.x) };
  const canvas = el("canvas", { "aria-hidden": "true" });
  const rectangle = el("div", { class: "plot-brush", hidden: true });
  const ring = el("div", { class: "plot-ring", hidden: true });
  const point = createPointView(app);
  const stage = el("div", { class: "plot-stage", tabindex: 0, role: "application" }, canvas, rectangle, ring, point.element);
  const choices = createChoices(app, {
    keysOf: () => of, kindsOf: () => plot.kinds, brush: setBrush, emphasise, narrow: (query) => app.state.set(({ query: now }) => ({ query: narrowed(now, query) })),
  });
  const said = el("p", { class: "visually-hidden", "aria-live": "polite" });
  const element = el("div", { class: "plot" }, choices.controls, choices.legend, stage, choices.selection, said);
  let of = { ...usual, log: "" };
  let plot = { points: [], groups: [], kinds: { x: "linear", y: "linear" }, lacking: 0, below: 0 };
  let layout = null;
  let nearest = () => -1;
  let current = -1;
  // The job of the point that was shown last: keys go on from there.
  let last = "";
  let emphasis = -1;
  let drag = null;

  new ResizeObserver(redraw).observe(stage);
  // On paper it has other colours and another size.
  for (const media of ["(prefers-color-scheme: dark)", "print"]) matchMedia(media).addEventListener("change", redraw);
  stage.addEventListener("pointermove", moved);
  stage.addEventListener("pointerdown", pressed);
  stage.addEventListener("pointerup", released);
  stage.addEventListener("pointercancel", () => endDrag());
  // A finger leaves whenever it is lifted: what a tap has shown stays, until another is made.
  stage.addEventListener("pointerleave", ({ pointerType }) => drag === null && pointerType !== "touch" && show(-1));
  stage.addEventListener("blur", () => show(-1));
  // Back from the player by keys: where they left.
  stage.addEventListener("focus", () => layout !== null && stage.matches(":focus-visible") && show(placeOfLast()));
  const hasFocus = () => app.state.get().job === null && reaches(stage);
  register(["ArrowLeft", "ArrowRight"], "Previous, next point along the axis", ({ key }) => step(key === "ArrowRight" ? 1 : -1, "x"), hasFocus, "Plot");
  register(["ArrowUp", "ArrowDown"], "Next point above, below", ({ key }) => step(key === "ArrowUp" ? 1 : -1, "y"), hasFocus, "Plot");
  register("Enter", "Open the point’s video", () => current >= 0 && open(current), hasFocus, "Plot");
  register("Escape", "Clear the selection", () => setBrush(null), () => hasFocus() && app.state.get().brush !== null, "Plot");

  function update(visible, state, changed) {
    const has = (keys) => keys.some((key) => changed.has(key));
    if (!has(MAKING) && !has(SHOWING)) {
      if (changed.has("theme")) draw();
      return;
    }
    of = { x: state.x || usual.x, y: state.y || usual.y, colour: state.colour === "-" ? "" : state.colour || usual.colour, log: state.log };
    // What the selection leaves out stays in sight.
    if (has(MAKING)) {
      const { id } = plot.points[current] || {};
      plot = plotOf(app.found(state.query), app.facts, of);
      current = plot.points.findIndex((one) => one.id === id);
      emphasis = -1;
    }
    choices.update(plot, of, state, visible.length);
    stage.setAttribute("aria-label", `${of.y} over ${of.x}, ${counted(plot.points.length, "point")}. Arrow keys go from point to point, Enter opens its video.`);
    redraw();
  }

  function redraw() {
    if (stage.clientWidth === 0 || stage.clientHeight === 0) return;
    layout = layoutOf(plot, stage.clientWidth, stage.clientHeight);
    // Of what is not selected nothing is opened.
    const inside = plot.points.map((_, index) => index).filter((index) => isIn(plot.points[index]));
    const find = createNearest(inside.map((index) => layout.places[index]));
    nearest = (left, top) => inside[find(left, top)] ?? -1;
    draw();
    showBrush(app.state.get().brush);
    show(current >= 0 && isIn(plot.points[current]) ? current : -1);
  }

  function draw() {
    if (layout === null) return;
    const { trend } = app.state.get();
    drawPlot(canvas, plot, layout, { xTitle: of.x, yTitle: of.y, trend, emphasis, isIn });
  }

  const isIn = ({ x, y }) => isWithin(app.state.get().brush, x, y);

  function emphasise(group) {
    if (group === emphasis) return;
    emphasis = group;
    draw();
  }

  function show(index) {
    current = index;
    ring.hidden = index < 0;
    stage.classList.toggle("pointing", index >= 0);
    // What a key for marks means.
    stage.dataset.job = index < 0 ? "" : plot.points[index].id;
    if (index < 0) {
      point.hide();
      return;
    }
    last = plot.points[index].id;
    const [x, y] = layout.places[index];
    ring.style.transform = `translate(${x}px, ${y}px)`;
    const { width, height } = stage.getBoundingClientRect();
    point.show(plot.points[index], [x, y], [of.y, of.x, of.colour], { width, height });
  }

  const placeOfLast = () => plot.points.findIndex((one) => one.id === last && isIn(one));

  function step(way, axis) {
    const order = plot.points.map((_, index) => index).filter((index) => isIn(plot.points[index])).sort((one, other) =>
      plot.points[one][axis] - plot.points[other][axis] || one - other);
    if (order.length === 0) return;
    const from = current < 0 ? placeOfLast() : current;
    const place = from < 0 ? (way > 0 ? 0 : order.length - 1) : order.indexOf(from) + way;
    const index = order[clamp(place, 0, order.length - 1)];
    stage.focus({ preventScroll: true });
    show(index);
    const { id, x, y } = plot.points[index];
    const values = [`${of.x} ${writeFact(of.x, x)}`, `${of.y} ${writeFact(of.y, y)}`, inWords(app.marks.get(id))];
    said.textContent = `${app.byId.get(id).job}: ${values.filter(Boolean).join(", ")}`;
  }

  function open(index) {
    app.state.set({ job: plot.points[index].id, frame: 0 });
  }

  function placeOf(event) {
    const box = stage.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  function moved(event) {
    const place = placeOf(event);
    if (drag === null) {
      if (event.pointerType !== "touch") show(nearest(...place));
      return;
    }
    drag.to = inFrame(place);
    if (!drag.moves && Math.hypot(place[0] - drag.start[0], place[1] - drag.start[1]) < STILL) return;
    drag.moves = true;
    show(-1);
    place4(rectangle, [...drag.from, ...drag.to]);
  }

  function pressed(event) {
    // The axes of nothing are of nothing: no rectangle is made between them.
    if (event.button !== 0 || layout === null || plot.points.length === 0) return;
    const start = placeOf(event);
    drag = { start, from: inFrame(start), to: inFrame(start), moves: false };
    stage.setPointerCapture(event.pointerId);
  }

  function released(event) {
    if (drag === null) return;
    const { from, to, moves, start } = drag;
    endDrag();
    if (moves) {
      setBrush(cleanBrush([layout.x.from(from[0]), layout.x.from(to[0]), layout.y.from(from[1]), layout.y.from(to[1])]));
      return;
    }
    const index = nearest(...start);
    if (index < 0) {
      show(-1);
      setBrush(null);
    }
    // A finger cannot hover: the first tap shows the point, the second opens it.
    else if (event.pointerType === "touch" && index !== current) show(index);
    else open(index);
  }

  function endDrag() {
    drag = null;
    showBrush(app.state.get().brush);
  }

  function inFrame([x, y]) {
    const { left, right, top, bottom } = layout.frame;
    return [clamp(x, left, right), clamp(y, top, bottom)];
  }

  function setBrush(brush) {
    if (brush === null) app.state.set({ brush: null });
    // Which numbers its edges are of belongs to it.
    else app.state.set({ brush, x: of.x, y: of.y });
  }

  function showBrush(brush) {
    rectangle.hidden = brush === null || layout === null;
    if (rectangle.hidden) return;
    const { x, y, domains } = layout;
    place4(rectangle, [
      x.to(clamp(brush[0], ...domains.x)), y.to(clamp(brush[3], ...domains.y)), x.to(clamp(brush[1], ...domains.x)), y.to(clamp(brush[2], ...domains.y)),
    ]);
  }

  return { element, update, shown: (is) => (is ? redraw() : show(-1)), focus: () => stage.focus() };
}

function place4(element, [x0, y0, x1, y1]) {
  element.hidden = false;
  element.style.transform = `translate(${Math.min(x0, x1)}px, ${Math.min(y0, y1)}px)`;
  element.style.width = `${Math.abs(x1 - x0)}px`;
  element.style.height = `${Math.abs(y1 - y0)}px`;
}
