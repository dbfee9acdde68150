// The jobs as cards: only those in view, and about one screen around, are in the page.
import { createCard } from "./card.js";
import { cut } from "./cut.js";
import { el, replace } from "./dom.js";
import { boxOf, inSightFrom, layoutOf, move, windowOf } from "./grid.js";
import { groupJobs } from "./group.js";
import { isNowhere, reaches, register } from "./keyboard.js";
import { toggleCompared } from "./state.js";
import { counted, writeValue } from "./values.js";

/** Least width of a card, height of its text and the gap, in CSS pixels; the style sheet has the same heights. */
const SIZES = {
  s: { least: 148, text: 34, gap: 10 },
  m: { least: 228, text: 92, gap: 16 },
  l: { least: 340, text: 92, gap: 20 },
};
const HEADING = 46;
/** Screens in a millisecond from which on scrolling is too fast to look at pictures, and how long it rests after that. */
const FAST = 0.002;
const REST_MS = 120;
/** Width of a card on paper: as many beside each other as the style sheet has room for. */
const PAPER = { s: 160, m: 216, l: 336 };
/** How many cards are printed: a page with more would take minutes to lay out. */
const PRINTED = 500;

/** @param {object} app */
export function createCards(app) {
  const element = el("div", { class: "cards" });
  const cards = new Map();
  const parts = new Map();
  const closed = new Set();
  let groups = [];
  let order = [];
  let layout = layoutOf({ width: 1, least: 1, gap: 0, heading: 0, text: 0, sections: [] });
  let active = 0;
  let isShown = false;
  let isPrinting = false;
  let asked = false;
  let opened = null;

  function arrange() {
    const { group, size } = app.state.get();
    if (!isShown) return;
    const open = groups.map(({ title }) => !closed.has(`${group}\n${title}`));
    layout = layoutOf({
      ...SIZES[size],
      width: element.clientWidth,
      heading: group === "" ? 0 : HEADING,
      sections: groups.map(({ jobs }, number) => ({ count: jobs.length, open: open[number] })),
    });
    order = groups.flatMap(({ jobs }, number) => (open[number] ? jobs : []));
    active = Math.min(active, Math.max(0, order.length - 1));
    element.style.height = `${layout.height}px`;
    element.dataset.size = size;
    for (const [section, part] of parts) {
      if (section < groups.length && part.name === `${group}\n${groups[section].title}`) part.update(groups[section]);
      else removePart(section);
    }
    for (const card of cards.values()) card.fit(sizeOfCard());
    draw();
  }

  function sizeOfCard() {
    if (!isPrinting) return layout;
    const width = PAPER[app.state.get().size];
    return { cardWidth: width, pictureHeight: width * 0.75 };
  }

  function draw() {
    asked = false;
    if (!isShown) return;
    const top = -element.getBoundingClientRect().top;
    const around = innerHeight * 0.6;
    const ranges = isPrinting
      ? windowOf(layout, 0, layout.height)
      : windowOf(layout, top - around, top + innerHeight + around);
    const wanted = new Map(ranges.map(({ section }) => [section, []]));
    for (const { section, from, to } of ranges) {
      for (let place = from; place < (isPrinting ? Math.min(to, PRINTED) : to); place += 1) wanted.get(section).push(place);
    }
    if (order.length > 0) want(active, wanted);
    const ids = new Set([...wanted.values()].flat().map((place) => order[place].id));
    for (const [id, card] of cards) {
      if (ids.has(id)) continue;
      card.remove();
      cards.delete(id);
    }
    for (const section of parts.keys()) if (!wanted.has(section)) removePart(section);
    for (const [section, places] of wanted) fill(partOf(section).list, places);
  }

  // The card with the focus stays in the page, or scrolling would lose it.
  function want(place, wanted) {
    const { section } = boxOf(layout, place);
    if (!wanted.has(section)) wanted.set(section, []);
    const places = wanted.get(section);
    if (places.includes(place)) return;
    if (places.length > 0 && place < places[0]) places.unshift(place);
    else places.push(place);
  }

  // In their order, in which a screen reader and the Tab key go too; what is there already is not moved.
  function fill(list, places) {
    let next = list.firstChild;
    for (const place of places) {
      const card = cardAt(place);
      if (card.element === next) next = next.nextSibling;
      else list.insertBefore(card.element, next);
    }
  }

  function cardAt(place) {
    const { id } = order[place];
    let card = cards.get(id);
    if (card === undefined) {
      card = createCard(app, app.byId.get(id), sizeOfCard());
      const made = card;
      card.link.addEventListener("focus", () => activate(made.place));
      card.update(app.state.get());
      cards.set(id, card);
    }
    card.place = place;
    const { section, left, top } = boxOf(layout, place);
    const { style } = card.element;
    style.width = `${layout.cardWidth}px`;
    style.height = `${layout.cardHeight}px`;
    style.transform = `translate(${left}px, ${top}px)`;
    card.element.setAttribute("aria-posinset", String(place - layout.sections[section].first + 1));
    card.element.setAttribute("aria-setsize", String(layout.sections[section].count));
    card.link.tabIndex = place === active ? 0 : -1;
    return card;
  }

  function partOf(section) {
    if (!parts.has(section)) {
      const part = createPart(groups[section], () => layout.sections[section]);
      const next = [...parts.keys()].filter((other) => other > section).sort((one, other) => one - other)[0];
      element.insertBefore(part.element, next === undefined ? null : parts.get(next).element);
      parts.set(section, part);
    }
    return parts.get(section);
  }

  function removePart(section) {
    parts.get(section).element.remove();
    parts.delete(section);
  }

  function createPart(first, place) {
    const { group: key } = app.state.get();
    const name = `${key}\n${first.title}`;
    const list = el("ul", { class: "list", "aria-label": first.title || "Jobs" });
    const summary = el("span", { class: "summary" });
    const fold = el("button", { type: "button", class: "fold", onclick: toggle },
      el("span", { class: "arrow", "aria-hidden": "true" }, "▸"),
      el("span", { class: "key" }, key), " ", el("span", { class: "value", title: first.title }, cut(first.title)));
    const section = el("section", { class: "part" }, key !== "" && el("h2", { class: "heading" }, fold, summary), list);

    function toggle() {
      if (!closed.delete(name)) closed.add(name);
      arrange();
    }

    function update(group) {
      section.style.transform = `translateY(${place().top}px)`;
      section.style.height = `${place().height}px`;
      fold.setAttribute("aria-expanded", String(!closed.has(name)));
      replace(summary,
        el("span", { class: "told" }, counted(group.jobs.length, "job"),
          group.meanReturn !== null && ` · mean return ${writeValue(group.meanReturn)}`),
        group.failed > 0 && el("span", { class: "failed" }, ` · ${group.failed} failed`));
    }

    update(first);
    return { element: section, list, name, update };
  }

  function activate(place) {
    if (order[active] && cards.has(order[active].id)) cards.get(order[active].id).link.tabIndex = -1;
    active = place;
    if (order[active] && cards.has(order[active].id)) cards.get(order[active].id).link.tabIndex = 0;
  }

  function goTo(place) {
    activate(place);
    const { section, top } = boxOf(layout, place);
    const height = element.getBoundingClientRect().top + layout.sections[section].top + top;
    const least = headerHeight() + layout.heading + 16;
    if (height < least) scrollBy(0, height - least);
    else if (height + layout.cardHeight > innerHeight - 8) scrollBy(0, height + layout.cardHeight - innerHeight + 8);
    draw();
    const card = order[place] && cards.get(order[place].id);
    if (card) card.link.focus({ preventScroll: true });
  }

  // From the player, which may have gone on to other jobs.
  function comeBackFrom(id) {
    const place = order.findIndex((job) => job.id === id);
    if (place >= 0 && (document.activeElement === document.body || element.contains(document.activeElement))) goTo(place);
  }

  const hasFocus = () => isShown && app.state.get().job === null && reaches(element);
  const rows = () => Math.max(1, Math.floor((innerHeight - headerHeight()) / (layout.cardHeight + layout.gap)));
  const inSight = () => {
    const top = headerHeight() - element.getBoundingClientRect().top;
    return inSightFrom(layout, active, top, top + innerHeight - headerHeight());
  };
  const current = () => cards.get(order[active] && order[active].id);
  register(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"], "Go to the card beside, above, below",
    ({ key }) => (isNowhere() ? goTo(inSight()) : goTo(move(layout, active, key, 1))), hasFocus, "Cards");
  register("Enter", "Open the job", () => app.state.set({ job: order[inSight()].id, frame: 0 }),
    () => hasFocus() && isNowhere() && order.length > 0, "Cards");
  register(["Home", "End"], "First card, last card", (event) => goTo(move(layout, active, event.key, 1)), hasFocus, "Cards");
  register(["PageUp", "PageDown"], "A screen up, down", (event) => goTo(move(layout, active, event.key, rows())), hasFocus, "Cards");
  register("Space", "Select for comparison, or no longer", () => {
    if (isNowhere()) goTo(inSight());
    const job = order[active];
    if (job) app.state.set(({ compare }) => ({ compare: toggleCompared(compare, job.id) }));
  }, hasFocus, "Cards");
  register([",", "."], "Through the clip of the card, back and forth",
    (event) => current() && current().scrub(event.key === "." ? 1 : -1), hasFocus, "Cards");

  const ask = () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(draw);
  };
  // What flies past is not loaded: the files of hundreds of jobs would fill the browser's memory before it tidies up.
  let seen = { top: 0, at: 0 };
  let resting = null;
  const scrolled = () => {
    const now = { top: scrollY, at: performance.now() };
    app.details.hold(Math.abs(now.top - seen.top) > FAST * innerHeight * Math.max(1, now.at - seen.at));
    seen = now;
    clearTimeout(resting);
    resting = setTimeout(() => app.details.hold(false), REST_MS);
    ask();
  };
  addEventListener("scroll", scrolled, { passive: true });
  addEventListener("resize", ask);
  const print = (is) => {
    isPrinting = is;
    for (const card of cards.values()) card.fit(sizeOfCard());
    draw();
  };
  addEventListener("beforeprint", () => print(true));
  addEventListener("afterprint", () => print(false));
  let width = 0;
  new ResizeObserver(() => {
    if (element.clientWidth === width) return;
    width = element.clientWidth;
    arrange();
  }).observe(element);

  return {
    element,
    shown(shown) {
      isShown = shown;
    },
    focus: () => order.length > 0 && goTo(active),
    update(visible, state, changed) {
      if (["query", "sort", "group", "size", "brush", "x", "y", "view", "marks"].some((key) => changed.has(key))) {
        groups = groupJobs(visible, app.facts, state.group);
        if (["query", "sort", "group"].some((key) => changed.has(key)) && !changed.has("view")) active = 0;
        arrange();
      }
      if (["compare", "sort", "marks"].some((key) => changed.has(key))) for (const card of cards.values()) card.update(state);
      if (opened !== null && state.job === null) comeBackFrom(opened);
      opened = state.job;
    },
  };
}

function headerHeight() {
  return parseFloat(document.documentElement.style.getPropertyValue("--header")) || 0;
}
