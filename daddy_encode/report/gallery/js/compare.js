// Two to six jobs side by side, moved as one: the same frame in all after every step, in step while they play.

import { createCell } from "./compare_cell.js";
import { describe, rangeOf, readable } from "./curve_data.js";
import { createPlot } from "./curves.js";
import { el, replace } from "./dom.js";
import { bestColumns, placeHeight } from "./fit.js";
import { register } from "./keyboard.js";
import { createPicker } from "./picker.js";
import { MOST_COMPARED } from "./state.js";
import { boundedSpeed, planOf, positionOf, rateOf, shownAt } from "./sync.js";
import { createPageDeck, createTransport, registerTransport } from "./transport.js";

const ALIGNMENTS = { start: "at the start", end: "at the end", offset: "by offsets" };
const CLOCKS = { frames: "frame for frame", time: "second for second" };
/** What people look at first. */
const TELLING = ["reward", "return", "value", "score", "loss", "error"];
/** What is said of a picture above and below it, and the gaps of all else on the screen, in pixels. */
const AROUND = { gap: 12, extra: 112, narrowest: 150, lowest: 110 };
const GAPS = 76;
const LEAST_HEIGHT = 260;

/** @param {object} app */
export function createCompare(app) {
  const grid = el("div", { class: "compare-grid" });
  const dodge = el("div", { class: "compare-dodge", "aria-hidden": "true" });
  const plotBox = el("div", { class: "compare-plot" });
  const empty = el("div", { class: "compare-empty" });
  const note = el("p", { class: "compare-note", role: "status" });
  const picker = createPicker(app);
  /** @type {Map<string, ReturnType<typeof createCell>>} */
  const cells = new Map();
  let order = [];
  let plot = null;
  let isShown = false;
  let written = null;
  const deck = createPageDeck(showPosition);
  const now = () => app.state.get();
  const set = (patch) => app.state.set(patch);
  const setSpeed = (speed) => set({ speed: boundedSpeed(speed) });
  const select = (title, options, onchange) => {
    const control = el("select", { onchange: () => onchange(control.value) },
      Object.entries(options).map(([value, words]) => el("option", { value }, words)));
    return { control, label: el("label", { class: "compare-choice" }, `${title} `, control) };
  };
  const align = select("Aligned", ALIGNMENTS, (value) => set({ align: value }));
  const clock = select("In step", CLOCKS, (value) => set({ clock: value }));
  const curve = select("Curve", {}, (value) => set({ curve: value }));
  const difference = el("button", {
    type: "button", class: "button", "aria-pressed": "false", onclick: () => set({ difference: !now().difference }),
  }, "Difference");
  const brightness = el("input", { type: "range", min: "1", max: "16", step: "0.5", value: "2", oninput: brighten });
  const brightnessLabel = el("label", { class: "compare-choice" }, "Brightness ", brightness);
  const add = el("button", { type: "button", class: "button", onclick: () => picker.ask("Add a job", now().compare, (id) => set({ compare: [...now().compare, id] })) }, "Add a job");
  const tools = el("div", { class: "compare-tools" }, add, align.label, clock.label, difference, brightnessLabel, curve.label);
  const transport = createTransport(deck, { what: "Frame of the comparison", text: positionText, setSpeed });
  const foot = el("div", { class: "compare-foot" }, transport.element);
  const element = el("div", { class: "compare" }, tools, note, empty, grid, plotBox, foot, picker.element);
  const isActive = () => isShown && now().job === null && order.length > 0;

  registerTransport(deck, isActive, "Compare", () => now().speed, setSpeed);
  register("d", "Difference of two", () => set({ difference: !now().difference }), () => isActive() && canDiffer(), "Compare");
  register("a", "Align at the start, at the end, by offsets", () => {
    const all = Object.keys(ALIGNMENTS);
    set({ align: all[(all.indexOf(now().align) + 1) % all.length] });
  }, isActive, "Compare");
  new ResizeObserver(layOut).observe(element);
  addEventListener("resize", layOut);

  function update(_, state, changed) {
    const ids = state.compare.filter((id) => app.byId.has(id));
    const has = (...keys) => keys.some((key) => changed.has(key));
    if (has("compare")) arrange(ids);
    if (has("compare", "align", "offsets", "clock")) replan(state);
    if (changed.has("job")) {
      // The player writes its own frame: back here, this one's counts again.
      if (state.job !== null) void deck.pause();
      else keepFrame(deck.position());
    } else if (has("frame") && state.job === null && state.frame !== written) void deck.seek(state.frame);
    if (has("speed")) deck.setSpeed(state.speed);
    if (has("compare", "difference")) showDifference();
    if (has("compare", "curve", "align", "offsets", "clock")) drawPlot();
    showTools(state);
    transport.update(state.speed);
  }

  /** A cell for each job, in order; those that stay keep their video. */
  function arrange(ids) {
    for (const [id, cell] of cells) {
      if (ids.includes(id)) continue;
      cell.close();
      cells.delete(id);
    }
    ids.forEach((id, i) => {
      if (!cells.has(id)) cells.set(id, makeCell(app.byId.get(id)));
      const { element: one } = cells.get(id);
      if (grid.children[i] !== one) grid.insertBefore(one, grid.children[i] ?? null);
    });
    order = ids.map((id) => cells.get(id));
    grid.append(dodge);
  }

  function makeCell(job) {
    const { id } = job;
    const without = () => now().compare.filter((each) => each !== id);
    return createCell(app, job, {
      open: () => set({ job: id, frame: shownAt(deck.plan().tracks[order.indexOf(cells.get(id))], deck.position()).frame }),
      remove: () => set({ compare: without() }),
      replace: () => picker.ask(`Instead of ${job.job}`, now().compare, (other) => {
        set({ compare: now().compare.map((each) => (each === id ? other : each)) });
      }),
      move(by) {
        const ids = [...now().compare];
        const at = ids.indexOf(id);
        [ids[at], ids[at + by]] = [ids[at + by], ids[at]];
        set({ compare: ids });
      },
      loaded: () => isShown && cells.has(id) && drawPlot(),
      offset: (frames) => set({ offsets: { ...now().offsets, [id]: frames } }),
    });
  }

  /** The same frame of the first job stays in view when the alignment changes. */
  function replan(state) {
    const before = deck.plan();
    const frame = before.tracks.length > 0 ? shownAt(before.tracks[0], deck.position()).frame : null;
    const plan = planOf(order.map((cell) => cell.view.clip), state.align, order.map((cell) => state.offsets[cell.job.id] || 0), state.clock);
    const position = frame === null || order.length === 0 ? state.frame : positionOf(plan, 0, frame);
    order.forEach((cell, i) => cell.place(i, order.length, state.align, state.offsets[cell.job.id] || 0));
    void deck.load(order.map((cell) => cell.view.shown), plan, position);
    layOut();
  }

  function showPosition(position, playing) {
    transport.update(now().speed);
    plot?.cursor((position + 0.5) / deck.count());
    if (!playing && isShown && now().job === null) keepFrame(position);
  }

  function keepFrame(position) {
    written = position;
    set({ frame: position });
  }

  function positionText(position) {
    return `${position} of ${deck.count() - 1} · ${(position / deck.plan().rate).toFixed(2)}\u00a0s`;
  }

  function canDiffer() {
    return order.length === 2 && order.every((cell) => !cell.view.cellsOnly());
  }

  function showDifference() {
    const on = now().difference && canDiffer();
    grid.classList.toggle("difference", on);
    if (order.length === 2) order[1].view.stretchTo(on ? order[0].job : null);
    brighten();
    layOut();
  }

  /** Colour dodge with a grey g divides by 1 - g: the difference times the brightness. */
  function brighten() {
    const grey = 255 * (1 - 1 / Number(brightness.value));
    dodge.style.backgroundColor = `rgb(${grey} ${grey} ${grey})`;
  }

  /** The telling ones first, but behind all others those that never change. */
  function columnsOfAll() {
    const ranks = new Map();
    for (const cell of order) {
      for (const [name, values] of Object.entries(cell.details()?.columns || {})) {
        const range = rangeOf(values);
        const place = TELLING.findIndex((word) => name.toLowerCase().includes(word));
        const rank = range === null || range.low === range.high ? 100 : place < 0 ? TELLING.length : place;
        ranks.set(name, Math.min(rank, ranks.get(name) ?? rank));
      }
    }
    return [...ranks.keys()].sort((a, b) => ranks.get(a) - ranks.get(b));
  }

  function drawPlot() {
    const names = columnsOfAll();
    const name = names.includes(now().curve) ? now().curve : names[0];
    replace(curve.control, names.map((each) => el("option", { value: each, selected: each === name }, each)));
    curve.label.hidden = names.length === 0;
    plot = null;
    replace(plotBox);
    if (name === undefined) return;
    const { tracks, count } = deck.plan();
    const series = order.flatMap((cell, i) => {
      const { columns, step = 1 } = cell.details() || {};
      // A column may be called as what every object has.
      const values = columns && Object.hasOwn(columns, name) ? columns[name] : undefined;
      const track = tracks[i];
      if (values === undefined || track === undefined) return [];
      return [{ values, colour: i, words: cell.name, across: (index) => (track.start + (index * step + 0.5) / track.ratio) / count }];
    });
    const words = series.map(({ values, words: job }) => `${job}: ${describe(name, values)}`).join(". ");
    plot = createPlot(words, series, (part) => deck.seek(Math.min(count - 1, Math.floor(part * count))));
    const { range } = plot;
    const ends = range === null ? [] : range.low === range.high ? [range.low] : [range.low, range.high];
    // Beside the curves its words would take from the width that the slider has; over them they would hide their ends.
    replace(plotBox, el("h3", {}, `${name}: ${ends.map(readable).join(" to ")}`), plot.element);
    plot.cursor((deck.position() + 0.5) / count);
    layOut();
  }

  function showTools(state) {
    const rates = new Set(order.map((cell) => rateOf(cell.view.clip)));
    align.control.value = state.align;
    clock.control.value = state.clock;
    clock.label.hidden = rates.size < 2;
    difference.setAttribute("aria-pressed", String(grid.classList.contains("difference")));
    difference.disabled = !canDiffer();
    difference.title = difference.disabled ? "Of two videos" : "Where the two differ (d)";
    brightnessLabel.hidden = !grid.classList.contains("difference");
    add.disabled = order.length >= MOST_COMPARED;
    for (const part of [grid, plotBox, foot, align.label, difference]) part.hidden = order.length === 0;
    replace(empty, order.length === 0 && [
      el("h2", {}, "Nothing to compare yet"),
      el("p", {}, "Select two to six jobs among the cards (Space, or the box on a card), or add them here."),
    ]);
    const notes = [];
    if (rates.size > 1 && state.clock === "frames") notes.push(`Frame for frame: all go at ${Number(deck.plan().rate.toPrecision(4))} frames per second, as the first does.`);
    if (order.some((cell) => cell.view.cellsOnly() && cell.job.sprite)) notes.push("Without an MP4 a job shows the nearest of its preview's pictures.");
    note.textContent = notes.join(" ");
  }

  function layOut() {
    if (order.length === 0 || grid.clientWidth === 0) return;
    const isDifference = grid.classList.contains("difference");
    const density = globalThis.devicePixelRatio || 1;
    // The second of a difference has the shape of the first, and its place.
    const pictures = (isDifference ? order.slice(0, 1) : order).map(({ job }) => ({ width: job.width || 4, height: job.height || 3 }));
    // All on one screen, so that a click on the curve is seen in the pictures.
    const others = [document.querySelector(".top"), tools, note, plotBox].map((part) => part?.offsetHeight ?? 0);
    const scrolled = innerHeight - foot.offsetHeight - GAPS;
    const height = Math.max(LEAST_HEIGHT, others.reduce((rest, each) => rest - each, scrolled));
    const box = { width: grid.clientWidth, height, scrolled };
    const columns = bestColumns(pictures, box, AROUND, density);
    grid.style.gridTemplateColumns = `repeat(${isDifference ? 2 : columns}, minmax(0, 1fr))`;
    // How high the text is in columns of that width; it does not choose them, since it would have another height there.
    const extra = Math.max(...order.map((cell) => cell.textHeight())) || AROUND.extra;
    grid.style.setProperty("--stage-height", `${Math.floor(placeHeight(pictures, box, columns, { ...AROUND, extra }, density))}px`);
    for (const cell of order) cell.view.resize();
  }

  function shown(is) {
    isShown = is;
    if (is) return;
    deck.close();
    for (const cell of cells.values()) cell.close();
    cells.clear();
    order = [];
  }

  return { element, update, shown };
}
