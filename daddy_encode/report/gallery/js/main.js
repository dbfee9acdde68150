// Puts the page together: the data, the state, and the views that show it.
import { followAddress } from "./address.js";
import { createApp } from "./app.js";
import { createCards } from "./cards.js";
import { createCompare } from "./compare.js";
import { loadScript } from "./details.js";
import { el, replace } from "./dom.js";
import { writeFact } from "./facts.js";
import { createFind } from "./find.js";
import { createHelp } from "./help.js";
import { listen, register } from "./keyboard.js";
import { fromHash } from "./link.js";
import { createMarks } from "./marks.js";
import { browserStorage, createMarkButtons, createMarksPanel } from "./marks_view.js";
import { createMatrix } from "./matrix.js";
import { createPlot } from "./plot.js";
import { createPlayer } from "./player.js";
import { createState } from "./state.js";
import { createTabs } from "./tabs.js";
import { createTimeline } from "./timeline.js";
import { createTheme, rememberedTheme } from "./theme.js";
import { createToolbar } from "./toolbar.js";
import { createTray } from "./tray.js";
import { createUpdates } from "./updates.js";
import { counted } from "./values.js";

/**
 * The views, in the order of their tabs: `create(app)` gives {element, update(visible, state, changedKeys), shown(bool),
 * focus?()}; `badge(app, state)` a few characters beside the tab's title, or "".
 */
const VIEWS = [
  { name: "cards", title: "Cards", create: createCards },
  { name: "matrix", title: "Matrix", create: createMatrix },
  { name: "plot", title: "Plot", create: createPlot },
  { name: "compare", title: "Compare", create: createCompare, badge: (_, { compare }) => String(compare.length || "") },
  { name: "timeline", title: "Over training", create: createTimeline },
];

/** What lies over the page while `state.job` is set: `create(app)` gives {element, update(state, changedKeys)}. */
const OVERLAYS = [(app) => createPlayer(app, { marks: createMarkButtons })];

function start(root, data) {
  const state = createState(fromHash(location.hash));
  if (state.get().theme === "") state.set({ theme: rememberedTheme() });
  const marks = createMarks(browserStorage(), location.pathname, data.jobs, data.title);
  const app = createApp(data, state, marks, loadScript);
  const updates = createUpdates(app, loadScript);
  globalThis.daddyEncode = { job: app.details.received, latest: updates.received };
  const theme = createTheme(app);
  const help = createHelp();
  const tabs = createTabs(app, VIEWS);
  const find = createFind(app, tabs.focus);
  const toolbar = createToolbar(app);
  const tray = createTray(app);
  const marksPanel = createMarksPanel(app);
  const overlays = OVERLAYS.map((create) => create(app));
  const empty = el("div", { class: "empty", role: "status" });
  const header = el("header", { class: "top" },
    el("button", { type: "button", class: "skip button", onclick: tabs.focus }, "Skip to what was found"),
    el("div", { class: "bar" }, el("h1", { title: app.data.title }, app.data.title), find.element, toolbar.filters,
      el("div", { class: "tools" }, updates.element, marksPanel.button, theme.element, help.button)),
    el("div", { class: "row" }, tabs.tabs, toolbar.element));
  const printed = el("p", { class: "printed" });
  const lacking = el("p", { class: "lacking", role: "status" });
  root.append(header, el("main", {}, printed, lacking, empty, tabs.panels), tray.element, help.element, ...marksPanel.elements,
    ...overlays.map(({ element }) => element));

  function update(now, changed) {
    const visible = app.visible();
    theme.update(now);
    find.update(visible, now, changed);
    toolbar.update(visible, now, changed);
    lacking.textContent = lackingOf(app, now);
    printed.textContent = printedOf(app, visible, now);
    replace(empty, nothing(app, visible, find.clear));
    tabs.update(visible, now, changed);
    tray.update(now);
    if (changed.has("marks") || changed.has("query")) marksPanel.update();
    for (const overlay of overlays) overlay.update(now, changed);
  }

  // From a list of choices on to what was found. Not on keydown, which belongs to the list: it may be open.
  root.addEventListener("keyup", ({ key, target }) => {
    if (["Enter", "Escape"].includes(key) && target.tagName === "SELECT" && target.closest("dialog") === null) tabs.focus();
  });
  register("t", "Colours: as the system, light, dark", theme.turn);
  listen(document);
  inTurns(app, update);
  followAddress(state);
  // Headings of groups stay below it, where it stays; a view that fills the screen leaves it room.
  new ResizeObserver(() => {
    const { style } = document.documentElement;
    style.setProperty("--top", `${header.offsetHeight}px`);
    style.setProperty("--header", `${getComputedStyle(header).position === "sticky" ? header.offsetHeight : 0}px`);
  }).observe(header);
  update(state.get(), new Set([...Object.keys(state.get()), "marks"]));
}

// What paper says instead of the search box.
function printedOf(app, visible, { query, brush, x, y }) {
  const parts = [`${visible.length} of ${counted(app.jobs.length, "job")}`];
  if (query !== "") parts.push(query);
  const range = (key, edges) => `${key} ${edges.map((edge) => writeFact(key, edge)).join(" to ")}`;
  if (brush !== null) parts.push(`${range(x, brush.slice(0, 2))}, ${range(y, brush.slice(2))}`);
  return parts.join(" · ");
}

// A link may be of jobs that this page does not have, or not any more.
function lackingOf(app, { job, compare, view }) {
  if (app.jobs.length === 0) return "";
  if (job !== null && !app.byId.has(job)) return "The job that the address names is not on this page.";
  const count = compare.filter((id) => !app.byId.has(id)).length;
  if (count === 0 || view !== "compare") return "";
  return count === 1 ? "One of the jobs that the address compares is not on this page." : `${count} of the jobs that the address compares are not on this page.`;
}

function nothing(app, visible, clear) {
  if (app.jobs.length === 0) {
    return [el("h2", {}, "No jobs yet"), el("p", {}, "This folder has no receipt of an encoded rollout. Once there is one, make this page again.")];
  }
  const { view, query } = app.state.get();
  // A selection of the plot is seen, and cleared, there.
  if (visible.length > 0 || view === "compare" || (view === "plot" && app.found(query).length > 0)) return null;
  return [el("h2", {}, "No job matches"), app.problem() && el("p", {}, `${app.problem()}.`), el("button", { type: "button", class: "button", onclick: clear }, "Clear the search")];
}

// Several changes in one turn are shown once.
function inTurns(app, update) {
  let waiting = null;
  const change = (keys) => {
    if (waiting === null) {
      waiting = new Set();
      queueMicrotask(() => {
        const changed = waiting;
        waiting = null;
        update(app.state.get(), changed);
      });
    }
    for (const key of keys) waiting.add(key);
  };
  app.state.subscribe((_, keys) => change(keys));
  app.marks.subscribe(() => change(["marks"]));
}

start(document.getElementById("page"), JSON.parse(document.getElementById("data").textContent));
