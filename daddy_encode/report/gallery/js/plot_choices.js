// Around the plot: which keys, the legend, and the selection as numbers.
import { createChooser } from "./chooser.js";
import { cut } from "./cut.js";
import { el, replace, svg } from "./dom.js";
import { NO_NUMBER, createNumberField, readField, showInField } from "./number_field.js";
import { extentOf } from "./numbers.js";
import { lackingText, toggleLog } from "./plot_data.js";
import { cornersOf } from "./plot_draw.js";
import { counted, writeMoment } from "./values.js";

const NOTHING = "-";
const EDGES = ["from", "to", "from", "to"];

/**
 * @param {object} app
 * @param {{keysOf(): object, kindsOf(): object, brush(brush: number[]|null): void, emphasise(group: number): void,
 *   narrow(query: string): void}} actions
 */
export function createChoices(app, actions) {
  const numbers = app.keys.filter(({ kind }) => kind === "number").map(({ name }) => name);
  const set = (patch) => app.state.set(patch);
  // Another number has other edges.
  const y = createChooser("plot-y", "Vertical", numbers, (value) => set({ y: value, brush: null }));
  const x = createChooser("plot-x", "Horizontal", numbers, (value) => set({ x: value, brush: null }));
  const colour = createChooser("plot-colour", "Colour", [NOTHING, ...app.keys.map(({ name }) => name)], (value) => set({ colour: value }));
  colour.select.options[0].textContent = "one for all";
  const logs = ["y", "x"].map((axis) => el("button", {
    type: "button", class: "button toggle", "data-axis": axis, "aria-label": `log: ${axis === "x" ? "horizontal" : "vertical"} axis`,
    title: "Logarithmic", onclick: () => set({ log: toggleLog(actions.kindsOf(), axis) }),
  }, "log"));
  const trend = el("button", { type: "button", class: "button toggle", onclick: () => set(({ trend: is }) => ({ trend: !is })) }, "Mean");
  const lacking = el("span", { class: "plot-lacking" });
  const controls = el("div", { class: "plot-controls" },
    el("div", {}, y.field, logs[0]), el("div", {}, x.field, logs[1]), el("div", {}, colour.field), el("div", {}, trend), lacking);
  const legend = el("ul", { class: "plot-legend", "aria-label": "Legend" });
  const edges = EDGES.map((name, place) => createNumberField({
    "aria-label": `Selection: ${place < 2 ? "horizontally" : "vertically"} ${name}`, onchange: () => changed(place),
  }));
  const [across, up] = [el("span", { class: "key" }), el("span", { class: "key" })];
  const clear = el("button", { type: "button", class: "button", onclick: () => actions.brush(null) }, "Clear the selection");
  const told = el("span", { class: "plot-told", role: "status" });
  const selection = el("div", { class: "plot-selection", role: "group", "aria-label": "Selection" },
    el("span", { class: "title" }, "Select"),
    el("span", { class: "range" }, across, edges[0], "to", edges[1]), el("span", { class: "range" }, up, edges[2], "to", edges[3]), clear, told,
    el("span", { class: "plot-hint" }, "By finger, begin a rectangle sideways: up and down scrolls the page."));
  let shownLegend = "";
  let domains = null;
  let selected = 0;

  // An edge that is left empty is that of the plot.
  function changed(place) {
    const { brush } = app.state.get();
    const value = readEdge(place);
    if (Number.isNaN(value)) {
      told.textContent = NO_NUMBER;
      return;
    }
    tell();
    if (value === null && brush === null) return;
    const [left, right, bottom, top] = (brush ?? domains).map((edge, i) => (i === place ? value ?? domains[i] : edge));
    actions.brush([Math.min(left, right), Math.max(left, right), Math.min(bottom, top), Math.max(bottom, top)]);
  }

  function readEdge(place) {
    if (!isTime(place)) return readField(edges[place]);
    const { value } = edges[place];
    // To the end of that second.
    return value === "" ? null : new Date(value).getTime() / 1000 + (EDGES[place] === "to" ? 0.999 : 0);
  }

  const isTime = (place) => edges[place].type !== "text";

  function showEdge(place, kind, brush) {
    const edge = edges[place];
    if (isTime(place) !== (kind === "time")) Object.assign(edge, { value: "", type: kind === "time" ? "datetime-local" : "text", step: "1" });
    if (!isTime(place)) showInField(edge, brush === null ? null : brush[place]);
    // One of times says at each of its digits that it has changed.
    else if (document.activeElement !== edge || brush === null) edge.value = brush === null ? "" : writeMoment(brush[place]);
    edge.disabled = !Number.isFinite(domains[place]);
    edge.placeholder = edge.disabled ? "" : String(Number(domains[place].toPrecision(4)));
  }

  function tell() {
    told.textContent = app.state.get().brush === null ? "" : `${counted(selected, "job")} selected`;
  }

  function update(plot, of, state, visible) {
    y.show(of.y);
    x.show(of.x);
    colour.show(of.colour || NOTHING);
    for (const button of logs) {
      const { axis } = button.dataset;
      button.hidden = plot.kinds[axis] === "time";
      button.setAttribute("aria-pressed", String(plot.kinds[axis] === "log"));
    }
    trend.setAttribute("aria-pressed", String(state.trend));
    lacking.textContent = lackingText(plot);
    [across.textContent, up.textContent] = [of.x, of.y];
    domains = ["x", "y"].flatMap((axis) => extentOf(plot.points.map((point) => point[axis])));
    EDGES.forEach((_, place) => showEdge(place, plot.kinds[place < 2 ? "x" : "y"], state.brush));
    clear.hidden = state.brush === null;
    selected = visible;
    tell();
    showLegend(plot.groups, of.colour);
  }

  // Only where it is another one: the focus may be in it.
  function showLegend(groups, key) {
    const wanted = JSON.stringify([key, groups]);
    if (wanted === shownLegend) return;
    shownLegend = wanted;
    legend.hidden = key === "" || groups.length < 2;
    replace(legend, groups.map((group, place) => {
      const off = () => actions.emphasise(-1);
      const on = () => actions.emphasise(place);
      return el("li", {}, el("button", {
        type: "button", class: "entry", disabled: group.query === "", title: group.query === "" ? null : `Show only ${key} ${group.label}`,
        onclick: () => actions.narrow(group.query), onpointerenter: on, onpointerleave: off, onfocus: on, onblur: off,
      }, swatch(group), el("span", { class: "label", title: group.label }, cut(group.label)), el("span", { class: "number" }, String(group.count))));
    }));
  }

  return { controls, legend, selection, update };
}

function swatch({ colour, form }) {
  const corners = cornersOf(form, 7, 7, 5);
  const shape = corners.length === 0
    ? svg("circle", { cx: 7, cy: 7, r: 5 })
    : svg("polygon", { points: corners.map((corner) => corner.map((number) => number.toFixed(2)).join(",")).join(" ") });
  const picture = svg("svg", { width: 14, height: 14, viewBox: "0 0 14 14", "aria-hidden": "true" }, shape);
  picture.style.fill = `var(${colour})`;
  return picture;
}
