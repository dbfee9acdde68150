// The training as one line: of every run the rollout that is nearest to one step, all playing in step.

import { createChooser } from "./chooser.js";
import { createClipView } from "./clip_view.js";
import { el, replace } from "./dom.js";
import { groupKeys, keyFor, label } from "./facts.js";
import { register } from "./keyboard.js";
import { MOST_LIVE } from "./live_videos.js";
import { narrowed } from "./matrix_data.js";
import { DATE, nearestOfRuns, nearestPlace, placesOf, rolloutsAlong, stepKeyOf } from "./nearest.js";
import { clamp } from "./numbers.js";
import { termOf } from "./query.js";
import { boundedSpeed, planOf } from "./sync.js";
import { createPageDeck, createTransport, registerTransport } from "./transport.js";
import { counted, writeDate, writeValue } from "./values.js";

// One less than there may be: a click opens the player, which plays one.
const MOST_VIDEOS = MOST_LIVE - 1;
/** Runs beyond these are named, not shown. */
const MOST_RUNS = 60;

/** @param {object} app */
export function createTimeline(app) {
  const list = el("ul", { class: "timeline-runs" });
  const note = el("p", { class: "timeline-note", role: "status" });
  const keySelect = el("select", { "aria-label": "Along", onchange: () => app.state.set({ along: keySelect.value, step: null }) });
  const each = createChooser("timeline-each", "Of each", groupKeys(app.keys, app.valuesOf), (value) => app.state.set({ group: value }));
  const slider = el("input", {
    type: "range", class: "transport-slider", min: "0", step: "1", "aria-label": "Step of the training",
    oninput: () => goTo(Number(slider.value)),
  });
  const said = el("output", { class: "timeline-step" });
  const arrow = (sign, title, by) =>
    el("button", { type: "button", class: "icon-button", title, "aria-label": title, onclick: () => goBy(by) }, sign);
  const deck = createPageDeck(() => transport.update(app.state.get().speed));
  const setSpeed = (speed) => app.state.set({ speed: boundedSpeed(speed) });
  const transport = createTransport(deck, {
    what: "Frame of all rollouts",
    text: (frame) => `frame ${frame} of ${deck.count() - 1}`,
    setSpeed,
  });
  const foot = el("div", { class: "timeline-foot" }, transport.element);
  const head = el("div", { class: "timeline-head" },
    each.field,
    el("label", {}, "along ", keySelect),
    arrow("‹", "Earlier (Shift+PageUp)", -1),
    el("div", { class: "timeline-slide transport" }, slider),
    arrow("›", "Later (Shift+PageDown)", 1),
    said);
  const element = el("div", { class: "timeline" }, head, note, list, foot);
  /** @type {Map<string, {id: string, view: object, element: HTMLElement}>} by run */
  const items = new Map();
  let rollouts = [];
  let places = [];
  // Runs that are found, and have no rollout with a number of that key.
  let lacking = 0;
  let key = DATE;
  let runKey = "run";
  let isShown = false;
  let place = 0;

  const isActive = () => isShown && app.state.get().job === null && places.length > 0;
  registerTransport(deck, isActive, "Over training", () => app.state.get().speed, setSpeed);
  register(["Shift+PageUp", "{"], "Earlier in the training", () => goBy(-1), isActive, "Over training");
  register(["Shift+PageDown", "}"], "Later in the training", () => goBy(1), isActive, "Over training");

  function update(visible, state, changed) {
    const has = (...keys) => keys.some((one) => changed.has(one));
    if (has("query", "sort", "brush", "x", "y", "along", "group", "marks", "view")) gather(visible, state);
    if (has("query", "sort", "brush", "x", "y", "along", "group", "marks", "view", "step")) showStep(state);
    if (has("speed")) deck.setSpeed(state.speed);
    if (has("job") && state.job !== null) void deck.pause();
    transport.update(state.speed);
  }

  function gather(visible, state) {
    const numbers = app.keys.filter(({ kind, name }) => kind === "number" && name !== DATE);
    const chosen = numbers.some(({ name }) => name === state.along) || state.along === DATE;
    key = chosen ? state.along : stepKeyOf(app.keys);
    replace(keySelect, [{ name: DATE }, ...numbers].map(({ name }) =>
      el("option", { value: name, selected: name === key }, name === DATE ? "date" : name)));
    keySelect.value = key;
    const hasVideo = (id) => ["mp4", "gif"].some((kind) => app.byId.get(id)[kind]);
    runKey = state.group || "run";
    each.show(runKey);
    rollouts = rolloutsAlong(visible.map(({ id }) => id), app.facts, key, runKey, hasVideo);
    const placed = new Set(rollouts.map(({ run }) => run));
    lacking = new Set(visible.map(({ id }) => String(app.facts.get(id).get(runKey) ?? "")).filter((run) => !placed.has(run))).size;
    places = placesOf(rollouts);
    slider.max = String(Math.max(0, places.length - 1));
  }

  /** So many of what there is one rollout of each. @param {number} count */
  function countedRuns(count) {
    return counted(count, runKey === "run" ? "run" : `${runKey} value`);
  }

  function words(at) {
    return key === DATE ? writeDate(at) : `${key} ${writeValue(at)}`;
  }

  function showStep(state) {
    const there = places.length > 0;
    for (const part of [slider, foot, list]) part.hidden = !there;
    // The end of the training is what people ask for first.
    place = !there ? 0 : state.step === null ? places.length - 1 : nearestPlace(places, state.step);
    slider.value = String(place);
    slider.style.setProperty("--part", places.length > 1 ? place / (places.length - 1) : 0);
    said.textContent = there ? words(places[place]) : "";
    slider.setAttribute("aria-valuetext", said.textContent);
    const runs = there ? nearestOfRuns(rollouts, places[place]) : [];
    show(runs.slice(0, MOST_RUNS));
    const notes = [];
    if (!there) notes.push(`No rollout that is found has a number "${key}".`);
    else if (lacking > 0) notes.push(`${countedRuns(lacking)} ${lacking === 1 ? "has" : "have"} no number "${key}" and ${lacking === 1 ? "is" : "are"} not here.`);
    if (runs.length > MOST_VIDEOS) notes.push(`${MOST_VIDEOS} of ${countedRuns(Math.min(runs.length, MOST_RUNS))} play as videos, the others as previews.`);
    if (runs.length > MOST_RUNS) notes.push(`The first ${MOST_RUNS} of ${countedRuns(runs.length)} are here: a search, or another group, makes them fewer.`);
    note.textContent = notes.join(" ");
  }

  /** Runs whose rollout stays keep their video. */
  function show(runs) {
    const wanted = new Map(runs.map((run) => [run.run, run]));
    let isChanged = false;
    for (const [run, item] of items) {
      if (wanted.get(run)?.id === item.id) continue;
      item.view.close();
      item.element.remove();
      items.delete(run);
      isChanged = true;
    }
    runs.forEach((run, i) => {
      if (!items.has(run.run)) {
        items.set(run.run, makeItem(run, i >= MOST_VIDEOS));
        isChanged = true;
      }
      const item = items.get(run.run);
      item.heading.textContent = run.run || `no ${runKey}`;
      item.name.textContent = `${item.title} · ${counted(run.count, "rollout")}`;
      item.others.hidden = run.same < 2 || key === DATE;
      item.others.textContent = `All ${run.same} of ${words(run.at)}`;
      item.distance.textContent = run.at === places[place] ? "" : words(run.at);
      if (list.children[i] !== item.element) list.insertBefore(item.element, list.children[i] ?? null);
    });
    if (!isChanged) return;
    const views = runs.map(({ run }) => items.get(run).view);
    const plays = deck.playing() || deck.position() === 0;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    void deck.load(views.map((view) => view.shown), planOf(views.map((view) => view.clip)), deck.position()).then(() => {
      if (isActive() && plays && !still) deck.play();
    });
  }

  /** The rollouts of one run at the place of the one that is shown, as cards. */
  function showOthers(facts) {
    const terms = [runKey, key].map((one) => termOf(one, facts.get(one)));
    app.state.set(({ query }) => ({ view: "cards", query: narrowed(query, ...terms) }));
  }

  function makeItem({ id }, still) {
    const job = app.byId.get(id);
    const facts = app.facts.get(id);
    const value = keyFor(facts, "return");
    const view = createClipView(app, job, { still });
    const distance = el("span", { class: "timeline-distance" });
    const { name: title } = label(facts);
    const heading = el("b", {});
    const name = el("span", { class: "timeline-name" });
    const others = el("button", { type: "button", class: "timeline-others", onclick: () => showOthers(facts) });
    const item = el("li", {}, el("button", {
      type: "button", class: "timeline-run", title: `Open ${job.job}`, onclick: () => app.state.set({ job: id, frame: 0 }),
    },
    el("span", { class: "timeline-stage" }, view.element),
    el("span", { class: "timeline-text" },
      heading,
      name,
      el("span", { class: "timeline-values" }, value && el("span", {}, `${value} ${writeValue(facts.get(value))}`), distance))), others);
    return { id, view, element: item, distance, heading, name, title, others };
  }

  function goTo(index) {
    if (places[index] !== undefined) app.state.set({ step: places[index] });
  }

  function goBy(by) {
    goTo(clamp(place + by, 0, places.length - 1));
  }

  function shown(is) {
    isShown = is;
    if (is) return;
    deck.close();
    for (const { view, element: item } of items.values()) {
      view.close();
      item.remove();
    }
    items.clear();
  }

  return { element, update, shown, focus: () => slider.focus() };
}
