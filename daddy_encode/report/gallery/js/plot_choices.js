// Around the plot: which keys, the legend, and the selection as numbers.
import { createChooser } from "./chooser.js";
import { cut } from "./cut.js";
import { el, replace, svg } from "./dom.js";
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
  const edges = EDGES.map((name, place) => el("input", {
    type: "number", step: "any", "aria-label": `Selection: ${place < 2 ? "horizontally" : "vertically"} ${name}`, onchange: () => changed(place),
  }));
  const [across, up] = [el("span", { class: "key" }), el("span", { class: "key" })];
  const clear = el("button", { type: "button", class: "button", onclick: () => actions.brush(null) }, "Clear the selection");
  const told = el("span", { class: "plot-told", role: "status" });
  const selection = el("div", { class: "plot-selection", role: "group", "aria-label": "Selection" },
    el("span", { class: "title" }, "Select"),
    el("span", { class: "range" }, across, edges[0], "to", edges[1]), el("span", { class: "range" }, up, edges[2], "to", edges[3]), clear, told);
  let shownLegend = "";
  let domains = null;

  // An edge that is left empty is that of the plot.
  function changed(place) {
    const { brush } = app.state.get();
    const value = readEdge(place);
    if (Number.isNaN(value) && brush === null) return;
    const [left, right, bottom, top] = (brush ?? domains).map((edge, i) => (i !== place ? edge : Number.isNaN(value) ? domains[i] : value));
    actions.brush([Math.min(left, right), Math.max(left, right), Math.min(bottom, top), Math.max(bottom, top)]);
  }

  function readEdge(place) {
    const { type, value, valueAsNumber } = edges[place];
    if (type === "number") return valueAsNumber;
    // To the end of that second.
    return new Date(value).getTime() / 1000 + (EDGES[place] === "to" ? 0.999 : 0);
  }

  function showEdge(place, kind, brush) {
    const edge = edges[place];
    const type = kind === "time" ? "datetime-local" : "number";
    if (edge.type !== type) Object.assign(edge, { value: "", type, step: type === "number" ? "any" : "1" });
    if (document.activeElement !== edge || brush === null) {
      edge.value = brush === null ? "" : type === "number" ? String(brush[place]) : writeMoment(brush[place]);
    }
    edge.placeholder = Number.isFinite(domains[place]) ? String(Number(domains[place].toPrecision(4))) : "";
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
    told.textContent = state.brush === null ? "" : `${counted(visible, "job")} selected`;
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
