// Values as people write and read them.

const POWERS = { k: 1e3, m: 1e6, g: 1e9, t: 1e12 };

/** What belongs to a number before it, after a blank. */
export const UNIT = /\s+([kKMGT]B)(?=\s|$)/y;

/**
 * @param {string} text "200", "-1.5e3", "10k", "2M", "20MB", "20 MB"
 * @returns {number|null}
 */
export function readNumber(text) {
  const found = /^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)(?:\s+(?=[kMGT]B))?([kMGT])?B?\s*$/i.exec(text);
  if (found === null) return null;
  const number = Number(found[1]) * (found[2] ? POWERS[found[2].toLowerCase()] : 1);
  return Number.isFinite(number) ? number : null;
}

/**
 * @param {string} text a day "2026-11-20", a month "2026-11" or a minute "2026-11-20T14:30", in this browser's time zone
 * @returns {number[]|null} its first and last second since 1970
 */
export function readTime(text) {
  const found = /^(\d{4})-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d))?)?$/.exec(text);
  if (found === null) return null;
  const [year, month, day, hour, minute] = found.slice(1).map((part) => (part === undefined ? null : Number(part)));
  const from = new Date(year, month - 1, day ?? 1, hour ?? 0, minute ?? 0);
  if (from.getMonth() !== month - 1 || from.getDate() !== (day ?? 1)) return null;
  const to = new Date(from);
  if (minute !== null) to.setMinutes(minute + 1);
  else if (day !== null) to.setDate(day + 1);
  else to.setMonth(month);
  return [from.getTime() / 1000, to.getTime() / 1000 - 0.001];
}

/**
 * @param {unknown} value a text as programs write a date: "2026-11-20", "2026-11-20 14:30:05", "2026-11-20T14:30:05.25Z"
 * @returns {number[]|null} its first and last second since 1970, in this browser's time zone where it names none; null
 *   for anything else
 */
export function readMoment(value) {
  const parts = momentParts(value);
  if (parts === null) return null;
  const { day, time, zone } = parts;
  if (time.length <= 5 && zone === "") return readTime(time === "" ? day : `${day}T${time}`);
  const offset = zone === "UTC" ? "Z" : zone.replace(/(\d\d):?(\d\d)$/, "$1:$2");
  const seconds = readTime(day) && Date.parse(`${day}T${time.slice(0, 12)}${offset}`) / 1000;
  return Number.isFinite(seconds) ? [seconds, seconds] : null;
}

/**
 * @param {unknown} value
 * @returns {{day: string, time: string, zone: string}|null} what such a text has, "" for what it lacks
 */
export function momentParts(value) {
  if (typeof value !== "string" || value.length > 40) return null;
  const found = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)\s?(Z|UTC|[-+]\d\d:?\d\d)?)?$/.exec(value);
  return found && { day: found[1], time: found[2] ?? "", zone: found[3] ?? "" };
}

/**
 * A text as it is compared with others: "é" is one character or two, and capitals are small letters.
 * @param {string} text
 */
export function folded(text) {
  return text.normalize("NFC").toLowerCase();
}

/**
 * @param {number|string|boolean|null|undefined} value
 * @returns {string} a number with at most 5 significant digits (integers whole), anything else as text; "" for nothing
 */
export function writeValue(value) {
  if (value === null || value === undefined) return "";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return grouped(String(value));
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) return value.toExponential(2);
  const digits = Math.max(0, 4 - Math.floor(Math.log10(size)));
  const [whole, part] = value.toFixed(digits).split(".");
  const short = (part || "").replace(/0+$/, "");
  return grouped(whole) + (short ? `.${short}` : "");
}

/**
 * @param {number|string|boolean} value
 * @returns {string} the same in few characters: "1M", "250k", "1.25M" from ten thousand on
 */
export function writeShort(value) {
  if (typeof value !== "number" || !(Math.abs(value) >= 10_000 && Math.abs(value) < 1e15)) return writeValue(value);
  for (const [unit, power] of [["k", 1e3], ["M", 1e6], ["G", 1e9], ["T", 1e12]]) {
    const short = Number((value / power).toPrecision(3));
    if (Math.abs(short) < 1000) return `${short}${unit}`;
  }
  return writeValue(value);
}

/**
 * @param {number} bytes
 * @returns {string} "123 kB": powers of 1000, three digits
 */
export function writeBytes(bytes) {
  let size = bytes;
  for (const unit of ["B", "kB", "MB", "GB"]) {
    if (size < 999.5) return `${size < 10 && unit !== "B" ? size.toFixed(1) : Math.round(size)} ${unit}`;
    size /= 1000;
  }
  return `${size.toFixed(1)} TB`;
}

/**
 * @param {number} seconds
 * @returns {string} "8.0 s", "1:05", "1:02:05"
 */
export function writeDuration(seconds) {
  if (seconds < 59.95) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  const two = (number) => String(number).padStart(2, "0");
  const minutes = Math.floor(whole / 60) % 60;
  const hours = Math.floor(whole / 3600);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/**
 * @param {number} time seconds since 1970
 * @param {number} now likewise
 * @returns {string} "3 min ago" up to a day, then "2026-11-26 14:05" in this browser's time zone
 */
export function writeTime(time, now) {
  const age = now - time;
  if (age >= -60 && age < 60) return "just now";
  if (age >= 0 && age < 3600) return `${Math.floor(age / 60)} min ago`;
  if (age >= 0 && age < 86400) return `${Math.floor(age / 3600)} h ago`;
  return writeDate(time);
}

/**
 * @param {number} time seconds since 1970
 * @returns {string} "2026-11-26 14:05" in this browser's time zone
 */
export function writeDate(time) {
  return writeMoment(time).replace("T", " ").slice(0, -3);
}

/**
 * @param {number} time seconds since 1970
 * @returns {string} "2026-11-26T14:05:09" in this browser's time zone, as an input for times takes it
 */
export function writeMoment(time) {
  const date = new Date(time * 1000);
  if (Number.isNaN(date.getTime())) return "";
  const two = (number) => String(number).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/**
 * @param {number} count
 * @param {string} noun in the singular, which takes an "s"
 * @returns {string} "1 job", "1,200 jobs"
 */
export function counted(count, noun) {
  return `${grouped(String(count))} ${noun}${count === 1 ? "" : "s"}`;
}

// Thousands apart from ten thousand on: 4096 is a size, 12,000 a count.
function grouped(digits) {
  const bare = digits.replace("-", "");
  return bare.length < 5 ? digits : digits.replace(/\B(?=(\d{3})+$)/g, ",");
}
