// What plays the moving pictures of a view, and the row under them: first, back, play, on, last, the slider, and the
// speed; and the same by keys.

import { createDeck } from "./deck.js";
import { el, replace, svg } from "./dom.js";
import { register } from "./keyboard.js";
import { SPEEDS, nextSpeed } from "./sync.js";

const ICONS = {
  first: "M6 5v14M19 5.5 9 12l10 6.5z",
  back: "M16 5.5 6 12l10 6.5zM19 6v12",
  play: "M7 4.5 19.5 12 7 19.5z",
  pause: "M8 5v14M16 5v14",
  on: "M8 5.5 18 12 8 18.5zM5 6v12",
  last: "M18 5v14M5 5.5 15 12 5 18.5z",
};
/** How far the arrows go with Shift. */
const FAR = 10;

/** @param {keyof typeof ICONS} name */
function icon(name) {
  return svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true", class: `icon icon-${name}` }, svg("path", { d: ICONS[name] }));
}

/**
 * A deck by the clock and the pictures of this page; it stops where nobody sees it.
 * @param {(position: number, playing: boolean) => void} changed  after each change that is on the screen
 */
export function createPageDeck(changed) {
  const deck = createDeck({
    now: () => performance.now(),
    nextTick: (callback) => requestAnimationFrame(callback),
    changed,
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden && deck.playing()) void deck.pause();
  });
  return deck;
}

/**
 * @typedef {object} Player  what is moved: a deck, or something that hands its calls on
 * @property {(position: number) => unknown} seek
 * @property {(count: number) => unknown} step
 * @property {() => unknown} toggle
 * @property {() => number} position
 * @property {() => number} count
 * @property {() => boolean} playing
 */

/**
 * @param {Player} deck
 * @param {object} options
 * @param {string} options.what  what the slider moves over, for those who do not see it: "Frame"
 * @param {(position: number) => string} options.text  a position in words: "frame 12 of 240, 0.4 s"
 * @param {(speed: number) => void} options.setSpeed
 */
export function createTransport(deck, { what, text, setSpeed }) {
  const button = (name, title, onclick, kind = "") =>
    el("button", { type: "button", class: `icon-button ${kind}`, title, "aria-label": title, onclick }, icon(name));
  const play = button("play", "Play (Space)", () => deck.toggle());
  const slider = el("input", {
    type: "range", class: "transport-slider", min: "0", step: "1", "aria-label": what,
    oninput: () => deck.seek(Number(slider.value)),
  });
  const said = el("output", { class: "transport-text" });
  const speeds = el("select", {
    class: "transport-speed", "aria-label": "Speed", title: "Speed ([ and ])", onchange: () => setSpeed(Number(speeds.value)),
  });
  const element = el("div", { class: "transport", role: "group", "aria-label": "Playing" },
    slider,
    el("div", { class: "transport-row" },
      el("div", { class: "transport-buttons" },
        button("first", "First frame (Home)", () => deck.step(-deck.count()), "transport-end"),
        button("back", "One frame back (,)", () => deck.step(-1)),
        play,
        button("on", "One frame on (.)", () => deck.step(1)),
        button("last", "Last frame (End)", () => deck.step(deck.count()), "transport-end")),
      said,
      speeds));
  let shownPlaying = null;
  let shownSpeed = null;

  function showSpeed(speed) {
    if (shownSpeed === speed) return;
    shownSpeed = speed;
    const row = SPEEDS.includes(speed) ? SPEEDS : [...SPEEDS, speed].sort((a, b) => a - b);
    replace(speeds, row.map((each) => el("option", { value: each, selected: each === speed }, `${each}×`)));
    speeds.value = String(speed);
  }

  return {
    element,
    /** Show where the deck is. @param {number} speed */
    update(speed) {
      const position = deck.position();
      slider.max = String(deck.count() - 1);
      slider.value = String(position);
      slider.style.setProperty("--part", deck.count() > 1 ? position / (deck.count() - 1) : 0);
      said.textContent = text(position);
      slider.setAttribute("aria-valuetext", said.textContent);
      showSpeed(speed);
      if (shownPlaying === deck.playing()) return;
      shownPlaying = deck.playing();
      const title = shownPlaying ? "Pause (Space)" : "Play (Space)";
      replace(play, icon(shownPlaying ? "pause" : "play"));
      play.title = title;
      play.setAttribute("aria-label", title);
    },
  };
}

/**
 * The keys of a transport.
 * @param {Player} deck
 * @param {() => boolean} when
 * @param {string} section  heading in the list of keys
 * @param {() => number} speed
 * @param {(speed: number) => void} setSpeed
 */
export function registerTransport(deck, when, section, speed, setSpeed) {
  const keys = [
    ["Space", "Play, pause", () => deck.toggle()],
    [[",", "ArrowLeft"], "One frame back", () => deck.step(-1)],
    [[".", "ArrowRight"], "One frame on", () => deck.step(1)],
    ["Shift+ArrowLeft", "Ten frames back", () => deck.step(-FAR)],
    ["Shift+ArrowRight", "Ten frames on", () => deck.step(FAR)],
    ["Home", "First frame", () => deck.step(-deck.count())],
    ["End", "Last frame", () => deck.step(deck.count())],
    ["[", "Slower", () => setSpeed(nextSpeed(speed(), -1))],
    ["]", "Faster", () => setSpeed(nextSpeed(speed(), 1))],
  ];
  for (const [names, description, handler] of keys) register(names, description, handler, when, section);
}
