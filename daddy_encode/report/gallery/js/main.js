// Puts the page together: the data, the state, and the views that show it.
import { followAddress } from "./address.js";
import { createCards } from "./cards.js";
import { createDetails, loadScript } from "./details.js";
import { el } from "./dom.js";
import { factsOf, keysOf } from "./facts.js";
import { listen, register } from "./keyboard.js";
import { fromHash } from "./link.js";
import { check, matches, parse } from "./query.js";
import { sortJobs } from "./sort.js";
import { createState } from "./state.js";
import { createTheme, rememberedTheme } from "./theme.js";
import { counted } from "./values.js";

/**
 * The views, in the order of their tabs: `create(app)` gives {element, update(visible, state, changedKeys), shown(bool)};
 * `badge(app, state)` a few characters beside the tab's title, or "".
 */
const VIEWS = [
  { name: "cards", title: "Cards", create: createCards },
];

/** What lies over the page while `state.job` is set: `create(app)` gives {element, update(state, changedKeys)}. */
const OVERLAYS = [];

const NO_MARK = Object.freeze({ mark: null, star: false, note: "" });

function start(root, data) {
  const app = createApp(data);
  const theme = createTheme(app);
  const search = el("input", {
    type: "search", id: "find", "aria-label": "Find", placeholder: "return > 200  env:Humanoid  failed",
    autocomplete: "off", spellcheck: "false", oninput: () => app.state.set({ query: search.value }),
  });
  const count = el("output", { class: "count", for: "find" });
  const views = VIEWS.map((view) => createTab(app, view));
  const overlays = OVERLAYS.map((create) => create(app));
  root.append(
    el("header", { class: "top" },
      el("h1", {}, app.data.title), search, count, theme.element),
    el("div", { class: "tabs", role: "tablist", "aria-label": "Views" }, views.map(({ tab }) => tab)),
    el("main", {}, views.map(({ panel }) => panel)),
    ...overlays.map(({ element }) => element),
  );

  function update(state, changed) {
    theme.update(state);
    if (search.value !== state.query) search.value = state.query;
    const visible = app.visible();
    count.textContent = app.problem() || counted(visible.length, "job");
    for (const view of views) view.update(visible, state, changed);
    for (const overlay of overlays) overlay.update(state, changed);
  }

  register("/", "Find", () => search.focus());
  register("t", "Colours: as the system, light, dark", theme.turn);
  views.forEach(({ name, title }, place) => {
    register(String(place + 1), `Show ${title.toLowerCase()}`, () => app.state.set({ view: name }));
  });
  listen(document);
  inTurns(app, update);
  followAddress(app.state);
  update(app.state.get(), new Set(Object.keys(app.state.get())));
}

function createApp(data) {
  const jobs = data.jobs;
  const facts = new Map(jobs.map((job) => [job.id, factsOf(job)]));
  const state = createState(fromHash(location.hash));
  if (state.get().theme === "") state.set({ theme: rememberedTheme() });
  const details = createDetails(data.files, loadScript);
  globalThis.daddyEncode = { job: details.received };
  const app = {
    data,
    jobs,
    facts,
    byId: new Map(jobs.map((job) => [job.id, job])),
    keys: keysOf(jobs, facts),
    state,
    details,
    marks: { get: () => NO_MARK, subscribe: () => () => undefined },
    visible,
    problem: () => check(parse(state.get().query), app.keys),
  };
  let known = { query: null, sort: null, brush: null, x: null, y: null, jobs: [] };

  function visible() {
    const { query, sort, brush, x, y } = state.get();
    if (known.query === query && known.sort === sort && known.brush === brush && known.x === x && known.y === y) {
      return known.jobs;
    }
    const parsed = parse(query);
    const found = jobs.filter((job) => matches(parsed, job, facts.get(job.id), app.marks) && inBrush(facts.get(job.id)));
    known = { query, sort, brush, x, y, jobs: sortJobs(found, facts, sort) };
    return known.jobs;
  }

  function inBrush(one) {
    const { brush, x, y } = state.get();
    if (brush === null) return true;
    const [horizontal, vertical] = [one.get(x), one.get(y)];
    return horizontal >= brush[0] && horizontal <= brush[1] && vertical >= brush[2] && vertical <= brush[3];
  }

  app.marks.subscribe(() => {
    known.query = null;
  });
  return app;
}

// A view is made when it is first shown; only the one that is shown is updated.
function createTab(app, { name, title, create, badge }) {
  const number = el("span", { class: "badge" });
  const tab = el("button", {
    type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `panel-${name}`,
    onclick: () => app.state.set({ view: name }),
  }, title, number);
  const panel = el("section", { role: "tabpanel", id: `panel-${name}`, "aria-labelledby": `tab-${name}`, hidden: true });
  let view = null;
  let wasShown = false;
  return {
    name,
    title,
    tab,
    panel,
    update(visible, state, changed) {
      const shown = state.view === name;
      tab.setAttribute("aria-selected", String(shown));
      tab.tabIndex = shown ? 0 : -1;
      panel.hidden = !shown;
      number.textContent = badge ? badge(app, state) : "";
      if (shown && view === null) {
        view = create(app);
        panel.append(view.element);
      }
      if (view !== null && shown !== wasShown) view.shown(shown);
      if (shown) view.update(visible, state, wasShown ? changed : new Set(Object.keys(state)));
      wasShown = shown;
    },
  };
}

// Several changes of the state in one turn are shown once.
function inTurns(app, update) {
  let changed = null;
  const changes = (keys) => {
    if (changed === null) {
      changed = new Set();
      queueMicrotask(() => {
        const all = changed;
        changed = null;
        update(app.state.get(), all);
      });
    }
    for (const key of keys) changed.add(key);
  };
  app.state.subscribe((_, keys) => changes(keys));
  app.marks.subscribe(() => changes(["marks"]));
}

start(document.getElementById("page"), JSON.parse(document.getElementById("data").textContent));
