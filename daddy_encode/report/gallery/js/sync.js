// Which frame of each video is shown at one position of a comparison. Pure: no page, no clock.
//
// A position counts frames of the comparison from 0. Position k covers [k, k + 1), and a still picture is taken from its
// middle, k + 0.5: the farthest from both neighbours, so that no rounding of a browser's clock shows one of them.

import { clamp } from "./numbers.js";

/** @typedef {{frames: number, fps: [number, number]}} Clip  fps as an exact fraction */
/** @typedef {"before" | "during" | "after"} Phase */
/** @typedef {{start: number, ratio: number, frames: number, rate: number}} Track  start: the position of its frame 0;
 *  ratio: its frames per position; rate: its frames per second */
/** @typedef {{tracks: Track[], count: number, rate: number}} Plan  count: how many positions there are;
 *  rate: positions per second at speed 1 */

/** The speeds that keys and buttons go through. */
export const SPEEDS = [0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4];
/** What the page accepts, from a link too. */
export const SLOWEST = 0.1;
export const FASTEST = 4;
// A clip without a rate, of a receipt that does not say: what an encoder assumes.
const DEFAULT_RATE = 30;

/** Frames per second. @param {Clip} clip */
export function rateOf(clip) {
  const [numerator, denominator] = Array.isArray(clip.fps) ? clip.fps : [clip.fps, 1];
  const rate = numerator / denominator;
  return Number.isFinite(rate) && rate > 0 ? rate : DEFAULT_RATE;
}

/** How many frames a clip has, at least one. @param {Clip} clip */
export function framesOf(clip) {
  return Math.max(1, Math.floor(clip.frames) || 1);
}

/** The time in a video, in seconds, that shows a frame: its middle. @param {number} frame @param {number} rate */
export function timeOf(frame, rate) {
  return (frame + 0.5) / rate;
}

/** The frame that a video shows at a time in seconds. @param {number} time @param {Clip} clip */
export function frameAtTime(time, clip) {
  // A browser rounds a time to microseconds: what is less than a thousandth of a frame short of one is that frame.
  return clamp(Math.floor(time * rateOf(clip) + 0.001), 0, framesOf(clip) - 1);
}

/**
 * Where each clip of a comparison begins, and how fast it goes.
 *
 * @param {Clip[]} clips
 * @param {"start" | "end" | "offset"} align  first frames together, last frames together, or each moved by its offset
 * @param {number[]} offsets  by how many positions each begins later; negative: earlier
 * @param {"frames" | "time"} clock  frames: frame for frame, whatever their rates; time: second for second, in positions
 *   of the fastest rate
 * @returns {Plan}
 */
export function planOf(clips, align = "start", offsets = [], clock = "frames") {
  if (clips.length === 0) return {tracks: [], count: 1, rate: DEFAULT_RATE};
  const rates = clips.map(rateOf);
  const rate = clock === "time" ? Math.max(...rates) : rates[0];
  const ratios = rates.map((own) => (clock === "time" ? own / rate : 1));
  const lengths = clips.map((clip, i) => framesOf(clip) / ratios[i]);
  const longest = Math.max(...lengths);
  const starts = lengths.map((length, i) =>
    align === "end" ? longest - length : align === "offset" ? Math.round(Number(offsets[i]) || 0) : 0,
  );
  // The first of all begins at position 0.
  const first = Math.min(...starts);
  const tracks = clips.map((clip, i) => ({
    start: starts[i] - first, ratio: ratios[i], frames: framesOf(clip), rate: rates[i],
  }));
  const count = Math.max(...tracks.map((track, i) => track.start + lengths[i]));
  return {tracks, count: Math.max(1, Math.ceil(count - 0.001)), rate};
}

/**
 * What a clip shows at a whole position: before it begins its first frame, after its end its last.
 * @param {Track} track @param {number} position
 * @returns {{frame: number, phase: Phase}}
 */
export function shownAt(track, position) {
  const frame = Math.floor((position + 0.5 - track.start) * track.ratio + 1e-9);
  if (frame < 0) return {frame: 0, phase: "before"};
  if (frame >= track.frames) return {frame: track.frames - 1, phase: "after"};
  return {frame, phase: "during"};
}

/** The first position at which a clip shows a frame. @param {Plan} plan @param {number} index @param {number} frame */
export function positionOf(plan, index, frame) {
  const track = plan.tracks[index];
  const wanted = clamp(Math.round(frame) || 0, 0, track.frames - 1);
  // The least k with (k + 0.5 - start) * ratio >= wanted.
  return clampPosition(plan, Math.ceil(wanted / track.ratio + track.start - 0.5 - 1e-9));
}

/** The nearest whole position that there is. @param {Plan} plan @param {number} position */
export function clampPosition(plan, position) {
  return clamp(Math.floor(Number(position)) || 0, 0, plan.count - 1);
}

/** The next speed of the row above or below, from any. @param {number} speed @param {1 | -1} direction */
export function nextSpeed(speed, direction) {
  const row = direction > 0 ? SPEEDS.filter((each) => each > speed + 1e-9) : SPEEDS.filter((each) => each < speed - 1e-9);
  return row.length === 0 ? boundedSpeed(speed) : direction > 0 ? row[0] : row[row.length - 1];
}

/** A speed that the page takes; 1 for what is none. @param {number} speed */
export function boundedSpeed(speed) {
  const number = Number(speed);
  return Number.isFinite(number) && number > 0 ? clamp(number, SLOWEST, FASTEST) : 1;
}

/**
 * The factor on a clip's rate that brings it back to the others in a few frames.
 * @param {number} ahead  by how many positions it is ahead of them
 */
export function correction(ahead) {
  // Below a tenth of a frame the clocks of browsers are noise. 25 % a frame, at most 50 %: a frame of 1/30 s is made up
  // for in 0.15 s, which the eye does not see as a jump.
  return Math.abs(ahead) < 0.1 ? 1 : 1 - clamp(ahead * 0.25, -0.5, 0.5);
}
