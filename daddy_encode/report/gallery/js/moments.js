// Times as headings: of each no more than tells them apart, since a heading has little room. Pure.
import { momentParts, writeMoment } from "./values.js";

/**
 * @param {string[]} texts as programs write dates, see values.readMoment; no two alike
 * @returns {string[]|null} "11-26", "14:05", "11-26 14:05:09": without what all have in common, and without the part of the
 *   time that they are told apart without; null for fewer than two, for anything else, and where these would be alike
 */
export function momentNames(texts) {
  const all = texts.map(momentParts);
  if (all.length < 2 || all.includes(null)) return null;
  const have = (valueOf) => new Set(all.map(valueOf)).size > 1;
  const from = !have(({ day }) => day) ? 10 : !have(({ day }) => day.slice(0, 4)) ? 5 : 0;
  const hasZones = have(({ zone }) => zone);
  for (const length of [0, 5, 8, Infinity]) {
    const names = all.map(({ day, time, zone }) => {
      const shown = time.slice(0, length);
      return [day.slice(from), shown && shown + (hasZones ? zone : "")].filter(Boolean).join(" ");
    });
    if (new Set(names).size === names.length) return names;
  }
  return null;
}

/**
 * @param {number[]} times in seconds since 1970, no two alike
 * @returns {string[]} the same of these, in this browser's time zone; whole where they would be alike
 */
export function timeNames(times) {
  const thousandths = times.map((time) => Math.round(time * 1000));
  const texts = thousandths.map((time) => `${writeMoment(Math.floor(time / 1000))}.${String(time - Math.floor(time / 1000) * 1000).padStart(3, "0")}`);
  return momentNames(texts) ?? texts.map((text) => text.replace("T", " ").replace(/\.000$/, ""));
}

/**
 * @param {string} from
 * @param {string} to both of timeNames
 * @returns {string} "11-26 06:00 – 12:00": a day that both have once
 */
export function spanName(from, to) {
  const day = from.slice(0, from.indexOf(" ") + 1);
  return `${from} – ${day !== "" && to.startsWith(day) ? to.slice(day.length) : to}`;
}
