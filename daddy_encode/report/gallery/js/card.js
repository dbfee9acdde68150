// One job as a card.
import { cut } from "./cut.js";
import { el, replace } from "./dom.js";
import { keyFor, label } from "./facts.js";
import { clamp } from "./numbers.js";
import { readSort } from "./sort.js";
import { createSprite, hasSprite, posterCell } from "./sprite.js";
import { toggleCompared } from "./state.js";
import { writeBytes, writeDate, writeDuration, writeShort, writeTime, writeValue } from "./values.js";
import { FAULTS } from "./words.js";

/** Facts that a card shows in any case. */
const SHOWN = ["name", "run", "finished", "seconds", "bytes", "state", "error"];
const GONE = { failed: "No video", missing: "The video is no longer there" };

/**
 * @param {object} app
 * @param {object} job
 * @param {{cardWidth: number, pictureHeight: number}} layout
 * @returns {{element: HTMLElement, link: HTMLElement, fit(layout: object): void, update(state: object): void,
 *   scrub(cells: number): void, remove(): void}}
 */
export function createCard(app, job, layout) {
  const facts = app.facts.get(job.id);
  const { name, run } = label(facts);
  const line = el("span", { class: "progress" });
  const picture = el("span", { class: "picture" });
  const title = el("span", { class: "name" }, cut(name));
  const marks = el("span", { class: "marks" });
  const numbers = el("span", { class: "numbers" });
  const environment = facts.get(keyFor(facts, "environment"));
  const isTold = typeof environment !== "string" || run.split("/").includes(environment);
  const where = el("span", { class: "where" }, cut(run), !isTold && el("span", {}, `${run && " · "}${environment}`));
  const times = el("span", { class: "times" }, timesOf(app, job, facts));
  const returned = valueAt(facts, "return");
  const said = el("span", { class: "visually-hidden" });
  // What it says comes first for a screen reader, the picture above it for the eye.
  const link = el("a", { class: "open", tabindex: -1, onclick: open },
    el("span", { class: "text" },
      el("span", { class: "first" }, title, " ", marks,
        returned !== null && el("span", { class: "return" }, el("span", { class: "key" }, job.means?.[keyFor(facts, "return")] ? " mean return " : " return "), returned)),
      where, " ", numbers, " ", times, said),
    picture);
  link.setAttribute("href", `#job=${job.id}`);
  link.title = job.job;
  const pick = el("button", {
    type: "button", class: "pick", tabindex: -1, "aria-pressed": "false",
    title: "Select for comparison (Space)", onclick: () => app.state.set(({ compare }) => ({ compare: toggleCompared(compare, job.id) })),
  });
  const element = el("li", { class: `card ${FAULTS.includes(job.state) ? job.state : "done"}` }, link, pick);
  const sprite = hasSprite(job) ? createSprite(job, layout.cardWidth, layout.pictureHeight) : null;
  let cell = posterCell(job);

  replace(picture, sprite ? sprite.element : nothing(job), el("span", { class: "chips" }, chipsOf(job)), sprite && line);
  if (sprite) {
    app.details(job.id).then(sprite.load, () => picture.classList.add("unreadable"));
    link.addEventListener("pointermove", (event) => point(event));
    link.addEventListener("pointerleave", rest);
    link.addEventListener("pointercancel", rest);
    link.addEventListener("blur", rest);
  }

  function open(event) {
    // Another tab is the browser's to open.
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    app.state.set({ job: job.id, frame: 0 });
  }

  function point(event) {
    const box = picture.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    show(Math.floor(share * job.sprite[4]));
  }

  function show(wanted) {
    const last = job.sprite[4] - 1;
    cell = clamp(wanted, 0, last);
    sprite.show(cell);
    line.style.transform = `scaleX(${last > 0 ? cell / last : 1})`;
    element.classList.add("scrubbing");
  }

  function rest() {
    cell = posterCell(job);
    sprite.rest();
    element.classList.remove("scrubbing");
  }

  return {
    element,
    link,
    fit: ({ cardWidth, pictureHeight }) => sprite && sprite.fit(cardWidth, pictureHeight),
    update(state) {
      const chosen = state.compare.indexOf(job.id);
      pick.setAttribute("aria-pressed", String(chosen >= 0));
      pick.setAttribute("aria-label", chosen >= 0 ? `Compare ${name}: ${chosen + 1}` : `Compare ${name}`);
      pick.textContent = chosen >= 0 ? String(chosen + 1) : "+";
      element.classList.toggle("chosen", chosen >= 0);
      replace(numbers, numbersOf(facts, state));
      const { mark, star, note } = app.marks.get(job.id);
      replace(marks, star && sign("star", "★", "starred"), mark && sign(mark, mark === "good" ? "✓" : "✗", `marked ${mark}`),
        note && sign("note", "✎", note));
      said.textContent = chosen >= 0 ? `, selected for comparison as ${chosen + 1}` : "";
    },
    scrub: (cells) => sprite && show(element.classList.contains("scrubbing") ? cell + cells : cells > 0 ? 0 : job.sprite[4] - 1),
    remove() {
      if (sprite) app.details.forget(job.id);
      element.remove();
    },
  };
}

/**
 * What is to be known of a job at a glance, as chips.
 * @param {object} job
 * @returns {HTMLElement[]}
 */
export function chipsOf(job) {
  const chips = (job.chips || []).map(([kind, text]) => el("span", { class: "chip", title: text }, kind));
  const told = (job.chips || []).some(([kind]) => kind === job.state);
  if (FAULTS.includes(job.state) && !told) {
    chips.unshift(el("span", { class: "chip bad", title: job.error || GONE[job.state] }, job.state));
  }
  return chips;
}

function nothing(job) {
  const reason = job.error ? afterPath(job.error, job.job) : GONE[job.state] || "No picture of it yet";
  return el("span", { class: "nothing" }, reason);
}

// Of a message that begins with a path into the job's own directory, what comes after that directory.
function afterPath(message, directory) {
  const place = message.indexOf(`${directory}/`);
  return place < 0 ? message : message.slice(place + directory.length + 1);
}

function numbersOf(facts, state) {
  const shown = ["length", "seed", "step"].map((thing) => [thing, keyFor(facts, thing)]);
  const { key } = readSort(state.sort);
  const known = [...SHOWN, keyFor(facts, "return"), ...shown.map(([, name]) => name)];
  // What the cards are sorted by can be read on them.
  const sorted = key !== "" && !known.includes(key) ? [[key, key]] : [];
  return [...sorted, ...shown]
    .filter(([, name]) => name !== undefined && facts.has(name))
    .map(([thing, name]) => el("span", {}, el("span", { class: "key" }, `${thing} `), writeShort(facts.get(name))));
}

function timesOf(app, job, facts) {
  const parts = [];
  if (facts.has("seconds")) parts.push(el("span", { title: `${job.frames} frames` }, writeDuration(facts.get("seconds"))));
  if (job.bytes > 0) parts.push(el("span", {}, writeBytes(job.bytes)));
  if (job.finished > 0) {
    const date = writeDate(job.finished);
    parts.push(el("span", { class: "when", title: date, "data-date": date }, writeTime(job.finished, Date.now() / 1000)));
  }
  return parts;
}

function valueAt(facts, thing) {
  const key = keyFor(facts, thing);
  return key === undefined ? null : writeValue(facts.get(key));
}

function sign(kind, character, meaning) {
  return el("span", { class: kind, role: "img", "aria-label": meaning, title: meaning }, character);
}
