// Plays several clips as one: in step while they play, and the same position in all of them after every seek.
//
// Browsers start, stop and run each video by a clock of its own. So all are measured at every picture of the screen: the
// common position waits for the slowest, and the rate of each is corrected towards it. Nothing of the page is touched
// here: what is played are `Shown` objects, and time comes from outside.

import {clamp} from "./numbers.js";
import {boundedSpeed, clampPosition, correction, planOf, shownAt} from "./sync.js";

/**
 * @typedef {object} Shown  one clip of the deck
 * @property {boolean} moves  whether it plays by itself; else it is shown frame for frame
 * @property {(frame: number) => Promise<void>} show  still; resolved when the frame is on the screen
 * @property {(rate: number) => void} play  goes on from where it is, at a factor of its own rate; again: changes it
 * @property {() => void} pause
 * @property {() => number | null} at  where it is, in frames (2.5: the middle of frame 2); null: not known now
 * @property {(frame: number, phase: string) => void} label  says which frame that is
 */

// Outside of these factors a browser refuses, or plays badly: then frame is shown after frame.
const LEAST_RATE = 0.07;
const GREATEST_RATE = 8;
// How far, in positions, the common one may be ahead of the slowest clip: above the noise of a browser's clock.
const LEAD = 1.5;
// A clip so far ahead is held until the others are there; one so far behind (the page was in the background) is sought.
const TOO_FAR = 2;
const LOST = 15;
// The longest step of the clock, in seconds: a page in the background gets no ticks, and does not jump when it is back.
const LONGEST_TICK = 0.1;

/**
 * @param {object} world
 * @param {() => number} world.now  milliseconds
 * @param {(callback: () => void) => void} world.nextTick  calls back at the next picture of the screen
 * @param {(position: number, playing: boolean) => void} world.changed  after each change that is on the screen
 */
export function createDeck({now, nextTick, changed}) {
  /** @type {Shown[]} */
  let shown = [];
  /** @type {{running: boolean, held: boolean, ahead: number}[]} */
  let runs = [];
  let plan = planOf([]);
  let speed = 1;
  let playing = false;
  // Where all are: a whole position when still, and any number between while they play.
  let whole = 0;
  let exact = 0.5;
  let wanted = 0;
  /** @type {Promise<void> | null} */
  let seeking = null;
  let last = 0;
  let ticking = false;

  /** The clips and their plan; all go to `position`. */
  function load(views, newPlan, position = whole) {
    for (const each of shown) if (!views.includes(each)) each.pause();
    shown = views;
    plan = newPlan;
    runs = views.map(() => ({running: false, held: false, ahead: 0}));
    return seek(position);
  }

  /** Show one position in all; of calls while one is under way only the latest counts. */
  function seek(position) {
    wanted = clampPosition(plan, position);
    seeking ??= settle().finally(() => {
      seeking = null;
      last = now();
    });
    return seeking;
  }

  async function settle() {
    let current;
    do {
      current = wanted;
      stopAll();
      const frames = plan.tracks.map((track) => shownAt(track, current).frame);
      await Promise.all(shown.map((each, i) => each.show(frames[i])));
    } while (current !== wanted);
    whole = current;
    exact = current + 0.5;
    say();
  }

  function stopAll() {
    shown.forEach((each, i) => {
      each.pause();
      runs[i] = {running: false, held: false, ahead: 0};
    });
  }

  /** Label all and report, after the pictures are there. */
  function say() {
    shown.forEach((each, i) => {
      const {frame, phase} = shownAt(plan.tracks[i], whole);
      each.label(frame, phase);
    });
    changed(whole, playing);
  }

  function play() {
    if (playing || shown.length === 0) return;
    playing = true;
    last = now();
    if (whole >= plan.count - 1 && plan.count > 1) void seek(0);
    changed(whole, true);
    if (!ticking) tickLater();
  }

  /** Stop at the frame that is on the screen. */
  function pause() {
    if (!playing) return Promise.resolve();
    playing = false;
    return seek(whole);
  }

  function tickLater() {
    ticking = true;
    nextTick(() => {
      ticking = false;
      if (!playing) return;
      tick();
      tickLater();
    });
  }

  function tick() {
    const time = now();
    const passed = clamp((time - last) / 1000, 0, LONGEST_TICK);
    last = time;
    if (seeking !== null) return;
    const ahead = exact + passed * plan.rate * speed;
    if (atEnd(ahead)) return;
    if (canRun()) run(ahead);
    else walk(ahead);
  }

  /** Begin again, or stop, where the last clip ends. */
  function atEnd(position) {
    if (position < plan.count) return false;
    if (plan.count > 1) void seek(0);
    else {
      playing = false;
      void seek(plan.count - 1);
    }
    return true;
  }

  /** The factor on a clip's own rate that keeps it in step. */
  function factor(i) {
    return (plan.rate * speed * plan.tracks[i].ratio) / plan.tracks[i].rate;
  }

  function canRun() {
    return shown.every((each, i) => !each.moves || (factor(i) >= LEAST_RATE && factor(i) <= GREATEST_RATE));
  }

  /** Frame after frame: the clock stands while they are sought. */
  function walk(position) {
    exact = Math.min(position, whole + 1.5);
    if (Math.floor(exact) === whole) return;
    const kept = exact;
    void seek(Math.floor(exact)).then(() => {
      exact = kept;
    });
  }

  /** One tick of playing: measure all, move the common position, correct each. */
  function run(position) {
    const aheads = shown.map((each, i) => (runs[i].running ? measure(each, i, position) : null));
    const there = aheads.filter((ahead) => ahead !== null);
    if (there.length > 0) {
      const mean = there.reduce((sum, ahead) => sum + ahead, 0) / there.length;
      const drawn = Math.min(0.05 * clamp(mean, -1, 1), Math.min(...there) + LEAD);
      position = Math.max(exact, position + drawn);
    }
    exact = position;
    shown.forEach((each, i) => each.moves && steer(each, i, aheads[i]));
    if (Math.floor(exact) === whole) return;
    whole = clampPosition(plan, exact);
    shown.forEach((each, i) => {
      if (!each.moves) void each.show(shownAt(plan.tracks[i], whole).frame);
    });
    say();
  }

  /** By how much a running clip is ahead of a position; smoothed too, since some browsers tell its time by whole frames. */
  function measure(each, i, position) {
    const at = each.at();
    if (at === null) return null;
    const ahead = plan.tracks[i].start + at / plan.tracks[i].ratio - position;
    const known = runs[i].ahead;
    // A jump is no noise.
    runs[i].ahead = Math.abs(ahead - known) > TOO_FAR ? ahead : 0.8 * known + 0.2 * ahead;
    return ahead;
  }

  function steer(each, i, ahead) {
    const track = plan.tracks[i];
    const state = runs[i];
    const local = (exact - track.start) * track.ratio;
    // A still one stands in the middle of its frame: it begins, and ends, as the position passes that.
    if (local < 0.5 || local >= track.frames - 0.5) {
      if (!state.running) return;
      runs[i] = {running: false, held: false, ahead: 0};
      each.pause();
      void each.show(local < 0.5 ? 0 : track.frames - 1);
      return;
    }
    if (!state.running) {
      state.running = true;
      each.play(factor(i));
      return;
    }
    if (ahead === null) return;
    if (ahead < -LOST || ahead > LOST) void seek(whole);
    else if (ahead > TOO_FAR || (state.held && ahead > 0.3)) {
      if (!state.held) each.pause();
      state.held = true;
    } else {
      state.held = false;
      each.play(factor(i) * correction(state.ahead));
    }
  }

  return {
    load, seek, play, pause,
    /** By whole positions from the one shown, or from the one that a seek is on its way to; playing ends. */
    step(count) {
      playing = false;
      return seek((seeking === null ? whole : wanted) + count);
    },
    toggle: () => (playing ? pause() : play()),
    setSpeed(value) {
      speed = boundedSpeed(value);
    },
    position: () => whole,
    count: () => plan.count,
    plan: () => plan,
    playing: () => playing,
    /** Stop, and let go of all. */
    close() {
      playing = false;
      shown.forEach((each) => each.pause());
      shown = [];
      runs = [];
      plan = planOf([]);
    },
  };
}
