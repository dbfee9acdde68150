// The order of the jobs.
import { areNumbers } from "./numbers.js";

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/**
 * Compare two values: numbers before words, words naturally ("episode-2" before "episode-10").
 * @param {number|string|boolean} one
 * @param {number|string|boolean} other
 * @returns {number}
 */
export function compareValues(one, other) {
  const numbers = Number(typeof one !== "number") - Number(typeof other !== "number");
  if (numbers !== 0) return numbers;
  if (typeof one === "number") return one - other;
  const [first, second] = [String(one), String(other)];
  return collator.compare(first, second) || (first < second ? -1 : Number(first > second));
}

/**
 * @param {object[]} jobs stays as it is
 * @param {Map<string, Map<string, number|string|boolean>>} factsById
 * @param {string} sort a key; with "-" before it the other way round; "" leaves the order of the data
 * @returns {object[]} jobs without that key last, equal ones in the order of the data
 */
export function sortJobs(jobs, factsById, sort) {
  const { key, descending } = readSort(sort);
  if (key === "") return [...jobs];
  const having = [];
  const lacking = [];
  jobs.forEach((job, place) => {
    const value = factsById.get(job.id).get(key);
    if (value === undefined) lacking.push(job);
    else having.push({ job, value, place });
  });
  const way = descending ? -1 : 1;
  const isNumeric = areNumbers(having.filter(({ value }) => typeof value === "number").length, having.length);
  // What is no number among numbers comes after them, either way.
  const odd = ({ value }) => Number(isNumeric && typeof value !== "number");
  having.sort((one, other) => odd(one) - odd(other) || way * compareValues(one.value, other.value) || one.place - other.place);
  return [...having.map(({ job }) => job), ...lacking];
}

/**
 * @param {string} sort
 * @returns {{key: string, descending: boolean}}
 */
export function readSort(sort) {
  return sort.startsWith("-") ? { key: sort.slice(1), descending: true } : { key: sort, descending: false };
}
