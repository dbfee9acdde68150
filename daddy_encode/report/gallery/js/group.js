// Jobs under headings.
import { keyFor } from "./facts.js";
import { writeValue } from "./values.js";

/**
 * @typedef {{title: string, jobs: object[], failed: number, meanReturn: number|null, returns: number}} Group
 *   `returns` is the number of jobs that have a return
 */

/**
 * @param {object[]} jobs in their order
 * @param {Map<string, Map<string, number|string|boolean>>} factsById
 * @param {string} key "" for all in one group without a title
 * @returns {Group[]} in the order of their first jobs, jobs without the key last
 */
export function groupJobs(jobs, factsById, key) {
  if (key === "") return jobs.length > 0 ? [summary("", jobs, factsById)] : [];
  const groups = new Map();
  const lacking = [];
  for (const job of jobs) {
    const value = factsById.get(job.id).get(key);
    if (value === undefined) lacking.push(job);
    else {
      const title = writeValue(value);
      if (!groups.has(title)) groups.set(title, []);
      groups.get(title).push(job);
    }
  }
  const found = [...groups].map(([title, members]) => summary(title, members, factsById));
  return lacking.length > 0 ? [...found, summary(`no ${key}`, lacking, factsById)] : found;
}

function summary(title, jobs, factsById) {
  let sum = 0;
  let returns = 0;
  for (const job of jobs) {
    const facts = factsById.get(job.id);
    const value = facts.get(keyFor(facts, "return"));
    if (typeof value === "number") {
      sum += value;
      returns += 1;
    }
  }
  const failed = jobs.filter((job) => job.state === "failed").length;
  return { title, jobs, failed, meanReturn: returns > 0 ? sum / returns : null, returns };
}
