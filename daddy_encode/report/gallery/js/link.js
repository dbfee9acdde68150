// The state as the part of the address after "#", and back: only what differs from the default.
import { clamp } from "./numbers.js";
import { DEFAULTS, MOST_COMPARED } from "./state.js";
import { FASTEST, SLOWEST } from "./sync.js";

const LONGEST_TEXT = 1000;
const LONGEST_KEY = 110;

const text = (longest) => ({ write: String, read: (value) => value.slice(0, longest) });
const choice = (...choices) => ({ write: String, read: (value) => (choices.includes(value) ? value : undefined) });
const number = (least, most) => ({
  write: String,
  read: (value) => {
    const read = value.trim() === "" ? NaN : Number(value);
    return Number.isFinite(read) ? clamp(read, least, most) : undefined;
  },
});

const isId = (value) => /^[0-9a-f]{12}$/.test(value);
const id = { write: String, read: (value) => (isId(value) ? value : undefined) };
const ids = {
  write: (value) => value.join(","),
  read: (value) => [...new Set(value.split(",").filter(isId))].slice(0, MOST_COMPARED),
};
const flag = { write: (value) => (value ? "1" : "0"), read: (value) => value === "1" };
const frame = { write: String, read: (value) => (/^\d{1,9}$/.test(value) ? Number(value) : undefined) };

const offsets = {
  write: (value) => Object.entries(value).map(([job, frames]) => `${job}:${frames}`).join(","),
  read: (value) => {
    const entries = value.split(",").map((entry) => entry.split(":"));
    const good = entries.filter(([job, frames]) => isId(job) && /^-?\d{1,7}$/.test(frames || ""));
    return Object.fromEntries(good.slice(0, MOST_COMPARED).map(([job, frames]) => [job, Number(frames)]));
  },
};

const brush = {
  write: (value) => value.join(","),
  read: (value) => {
    const edges = value.split(",").map((edge) => (edge.trim() === "" ? NaN : Number(edge)));
    return edges.length === 4 && edges.every(Number.isFinite) ? edges : undefined;
  },
};

/** Key of the state -> its name in the address, how it is written and read. */
const PARAMETERS = {
  view: { name: "view", ...choice("cards", "matrix", "plot", "compare", "timeline") },
  query: { name: "q", ...text(LONGEST_TEXT) },
  sort: { name: "sort", ...text(LONGEST_KEY) },
  group: { name: "group", ...text(LONGEST_KEY) },
  size: { name: "size", ...choice("s", "m", "l") },
  job: { name: "job", ...id },
  frame: { name: "frame", ...frame },
  compare: { name: "compare", ...ids },
  align: { name: "align", ...choice("start", "end", "offset") },
  offsets: { name: "offsets", ...offsets },
  clock: { name: "clock", ...choice("frames", "time") },
  difference: { name: "difference", ...flag },
  curve: { name: "curve", ...text(LONGEST_KEY) },
  speed: { name: "speed", ...number(SLOWEST, FASTEST) },
  rows: { name: "rows", ...text(LONGEST_KEY) },
  columns: { name: "columns", ...text(LONGEST_KEY) },
  mean: { name: "mean", ...text(LONGEST_KEY) },
  success: { name: "success", ...text(LONGEST_KEY) },
  measure: { name: "measure", ...choice("share", "mean", "n") },
  order: { name: "order", ...text(LONGEST_KEY) },
  x: { name: "x", ...text(LONGEST_KEY) },
  y: { name: "y", ...text(LONGEST_KEY) },
  colour: { name: "colour", ...text(LONGEST_KEY) },
  log: { name: "log", ...choice("none", "x", "y", "xy") },
  trend: { name: "trend", ...flag },
  brush: { name: "brush", ...brush },
  step: { name: "step", ...number(-1e15, 1e15) },
  along: { name: "along", ...text(LONGEST_KEY) },
  theme: { name: "theme", ...choice("light", "dark") },
};

/**
 * @param {import("./state.js").State} state
 * @returns {string} "" for the default, otherwise "#…"
 */
export function toHash(state) {
  const parts = [];
  for (const [key, { name, write }] of Object.entries(PARAMETERS)) {
    const written = state[key] === null || state[key] === undefined ? "" : write(state[key]);
    const usual = DEFAULTS[key] === null ? "" : write(DEFAULTS[key]);
    if (written !== usual) parts.push(`${name}=${encode(written)}`);
  }
  return parts.length === 0 ? "" : `#${parts.join("&")}`;
}

/**
 * A whole state: what the address does not name, or names badly, is the default.
 * @param {string} hash with or without "#"; whatever somebody typed
 * @returns {import("./state.js").State}
 */
export function fromHash(hash) {
  const state = { ...DEFAULTS };
  const given = new Map();
  for (const part of hash.replace(/^#/, "").split("&")) {
    const equals = part.indexOf("=");
    if (equals > 0) given.set(part.slice(0, equals), decode(part.slice(equals + 1)));
  }
  for (const [key, { name, read }] of Object.entries(PARAMETERS)) {
    const value = given.has(name) ? read(given.get(name)) : undefined;
    if (value !== undefined) state[key] = value;
  }
  // Edges of no numbers select nothing.
  if (state.x === "" || state.y === "") state.brush = DEFAULTS.brush;
  return state;
}

// A blank as "+", and what needs no escape left as it is: links are read by people too. Quotes and brackets would end a
// link in a shell or in a message.
function encode(written) {
  const whole = written.replace(/\p{Surrogate}/gu, "\ufffd");
  return encodeURIComponent(whole)
    .replace(/%20/g, "+")
    .replace(/%3A|%2C|%2F/g, decodeURIComponent)
    .replace(/['()]/g, (character) => `%${character.charCodeAt(0).toString(16)}`);
}

function decode(written) {
  try {
    return decodeURIComponent(written.replace(/\+/g, " "));
  } catch {
    return written;
  }
}
