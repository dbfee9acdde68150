// What all parts of the page share: the data, what can be said of each job, the state, and which jobs are found.
import { createDetails } from "./details.js";
import { factsOf, keysOf } from "./facts.js";
import { check, matches, remark } from "./matching.js";
import { isWithin } from "./plot_data.js";
import { parse } from "./query.js";
import { placesInRuns } from "./runs.js";
import { sortJobs } from "./sort.js";
import { CHIPS, STATES, kindsOf } from "./words.js";

/**
 * @param {object} data the page's
 * @param {object} state see state.createState
 * @param {object} marks see marks.createMarks
 * @param {(url: string, done: (ok: boolean) => void) => void} load loads a script
 */
export function createApp(data, state, marks, load) {
  const { jobs } = data;
  const places = placesInRuns(jobs, data.title);
  const facts = new Map(jobs.map((job) => [job.id, factsOf(job, places.get(job.id))]));
  const keys = keysOf(jobs, facts);
  const keysByName = new Map(keys.map((key) => [key.name, key]));
  const valuesByKey = new Map();
  let words = null;
  let known = null;

  function found(query) {
    const parsed = parse(query);
    return jobs.filter((job) => matches(parsed, job, facts.get(job.id), marks, keysByName));
  }

  // Asked many times for each change of the state, found once.
  function visible() {
    const { query, sort, brush, x, y } = state.get();
    const wanted = [query, sort, brush, brush && x, brush && y];
    if (known === null || known.wanted.some((one, place) => one !== wanted[place])) {
      const within = ({ id }) => isWithin(brush, facts.get(id).get(x), facts.get(id).get(y));
      known = { wanted, jobs: sortJobs(found(query).filter(within), facts, sort) };
    }
    return known.jobs;
  }

  marks.subscribe(() => {
    known = null;
  });

  function valuesOf(key) {
    if (!valuesByKey.has(key)) {
      const counts = new Map();
      for (const of of facts.values()) if (of.has(key)) counts.set(of.get(key), (counts.get(of.get(key)) || 0) + 1);
      valuesByKey.set(key, counts);
    }
    return valuesByKey.get(key);
  }

  function wordCounts() {
    if (words === null) {
      words = new Map([...STATES, ...CHIPS].map((word) => [word, 0]));
      for (const job of jobs) {
        for (const word of kindsOf(job).add(job.state)) words.set(word, (words.get(word) || 0) + 1);
      }
    }
    return words;
  }

  return {
    data,
    jobs,
    /** Map of ID -> job. */
    byId: new Map(jobs.map((job) => [job.id, job])),
    /** Map of ID -> facts, see facts.factsOf. */
    facts,
    /** See facts.keysOf. */
    keys,
    state,
    marks,
    /** See details.createDetails. */
    details: createDetails(data.files, load),
    /** @returns {object[]} the jobs that query and brush leave, sorted; the same array until one of these changes */
    visible,
    /** The jobs that a query finds, in the order of the data. */
    found,
    /** @returns {string|null} what is wrong with the query */
    problem: () => check(parse(state.get().query), keys),
    /** @returns {string|null} what somebody should know who asks it */
    remark: () => remark(parse(state.get().query), keys),
    /** @returns {Map<number|string|boolean, number>} the values of a key with their counts */
    valuesOf,
    /** @returns {Map<string, number>} how many jobs have a state or a kind of chip */
    wordCounts,
  };
}
