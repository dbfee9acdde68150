// Good, bad, a star, a note: what this browser's user has said of jobs. Kept by the job's name, as in the exported file.

export const MARKS_VERSION = 1;
/** Of the command line, that take an exported file with --from. */
export const COMMANDS = Object.freeze(["encode", "submit", "verify", "pack", "clean"]);
/** Of a note, in characters. */
export const LONGEST_NOTE = 2000;
const LONGEST_NAME = 20_000;
const MOST_MARKS = 40_000;
const KEY = "daddy-encode marks ";
// Of a recording the page knows the first digits; a file may have them all.
const SOURCE_DIGITS = 16;
const SOURCE = /^[0-9a-f]{16,64}$/;

/**
 * @typedef {{mark: "good"|"bad"|null, star: boolean, note: string, source?: string}} Mark `source`: which recording it is
 *   of; without one that is not known
 */

/** What is said of a job of which nothing is said. */
export const NO_MARK = Object.freeze({ mark: null, star: false, note: "" });

/**
 * @param {Storage|null} storage the browser's; null, or one that refuses, and marks last as long as the page
 * @param {string} rootKey tells this gallery's marks from those of others that share the storage
 * @param {{id: string, job: string, source?: string}[]} jobs `source`: what of its frames a mark is of
 * @param {string} title for the exported file
 */
export function createMarks(storage, rootKey, jobs, title = "") {
  const names = new Map(jobs.map(({ id, job }) => [id, job]));
  const ids = new Map(jobs.map(({ id, job }) => [job, id]));
  const sources = new Map(jobs.map(({ id, source }) => [id, source]));
  const listeners = new Set();
  const key = KEY + rootKey;
  let isKept = storage !== null;
  let marks = load() || new Map();

  // Another tab may have written since.
  function load() {
    try {
      const text = storage === null ? null : storage.getItem(key);
      return text === null ? new Map() : readMarks(text);
    } catch {
      // Refused, or not what this page has written.
      return null;
    }
  }

  function keep() {
    if (storage === null) return;
    try {
      if (marks.size === 0) storage.removeItem(key);
      else storage.setItem(key, writeMarks(marks, title, false));
      isKept = true;
    } catch {
      isKept = false;
    }
  }

  function changed() {
    for (const listener of [...listeners]) listener();
  }

  function change(ids, patch) {
    if (isKept) marks = load() || marks;
    for (const id of ids) {
      const name = nameOf(id);
      const mark = changedMark(get(id), patch, sources.get(id));
      if (isNothing(mark)) marks.delete(name);
      else if (marks.has(name) || marks.size < MOST_MARKS) marks.set(name, mark);
    }
    keep();
    changed();
  }

  const nameOf = (id) => names.get(id) || "";
  // Who marks a job means the recording that this page shows, whatever was or is recorded in its place.
  const isEarlier = (id, { source }) => source !== undefined && source !== sources.get(id);

  function get(id) {
    const mark = marks.get(nameOf(id)) || NO_MARK;
    return isEarlier(id, mark) ? { ...NO_MARK, earlier: mark } : mark;
  }

  return {
    /**
     * @param {string} id
     * @returns {Mark & {earlier?: Mark}} of the recording that is shown; `earlier`: of another one of this name, until
     *   something is said of this one
     */
    get,
    /** Change what is said of a job; what the patch does not name stays, if it is said of this recording. */
    set(id, patch) {
      if (names.has(id)) change([id], patch);
    },
    /** The same of several jobs. */
    setAll(ids, patch) {
      change(ids.filter((id) => names.has(id)), patch);
    },
    /** @returns {Map<string, Mark>} by the names of the jobs, those that are not in this gallery among them */
    all: () => new Map(marks),
    /** Put back what `all` gave. */
    restore(before) {
      marks = new Map(before);
      keep();
      changed();
    },
    /**
     * @returns {{good: number, bad: number, star: number, note: number, jobs: number, earlier: number,
     *   elsewhere: number}} how many jobs of this gallery have each, how many marks are of earlier recordings of these,
     *   and how many of other jobs
     */
    counts() {
      const counts = { good: 0, bad: 0, star: 0, note: 0, jobs: 0, earlier: 0, elsewhere: 0 };
      for (const [name, whole] of marks) {
        const id = ids.get(name);
        if (id === undefined || isEarlier(id, whole)) {
          counts[id === undefined ? "elsewhere" : "earlier"] += 1;
          continue;
        }
        const { mark, star, note } = whole;
        counts.jobs += 1;
        if (mark !== null) counts[mark] += 1;
        if (star) counts.star += 1;
        if (note !== "") counts.note += 1;
      }
      return counts;
    },
    /** @returns {boolean} whether they are still there when the page is opened again */
    isKept: () => isKept,
    /**
     * Take what a file says; it comes first where both say something, and notes that differ are both kept. Of two
     * recordings of one job, what is said of the one that is shown comes first, and nothing of it is said of the other.
     * @param {string} text
     * @returns {{read: number, changed: number, earlier: number, elsewhere: number}} how many jobs it marks, of how many
     *   that was news, how many it means another recording of, and how many are not in this gallery
     * @throws {Error} one sentence, where it is no such file
     */
    import(text) {
      const read = readMarks(text);
      if (isKept) marks = load() || marks;
      let [news, earlier, elsewhere] = [0, 0, 0];
      for (const [name, mark] of read) {
        const before = marks.get(name) || NO_MARK;
        const id = ids.get(name);
        const merged = mergeMarks(before, mark, sources.get(id));
        if (JSON.stringify(merged) !== JSON.stringify(before)) news += 1;
        if (id === undefined) elsewhere += 1;
        else if (isEarlier(id, mark) || isEarlier(id, merged)) earlier += 1;
        if (marks.has(name) || marks.size < MOST_MARKS) marks.set(name, merged);
      }
      keep();
      changed();
      return { read: read.size, changed: news, earlier, elsewhere };
    },
    /** @returns {string} the text of marks.json */
    export: () => writeMarks(marks, title, true),
    /** Look again: another tab has changed something. */
    refresh() {
      const found = load();
      if (found === null) return;
      marks = found;
      changed();
    },
    /** @returns {string} of the storage */
    key,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/**
 * @param {Mark} mark
 * @returns {string} "marked good, starred"; "" where nothing is said
 */
export function inWords({ mark, star, note }) {
  const marked = [mark !== null && `marked ${mark}`, star && "starred", note !== "" && `note “${note}”`];
  return marked.filter(Boolean).join(", ");
}

/**
 * @param {Mark} own
 * @param {Mark} other which comes first
 * @param {string} [shown] the recording that comes first where they are of two
 * @returns {Mark}
 */
export function mergeMarks(own, other, shown) {
  if (isNothing(own)) return cleanMark(other);
  // One of which it is not known of what recording it is stands on the page as one of that which is shown.
  const ownRecording = own.source ?? shown ?? other.source;
  const otherRecording = other.source ?? shown ?? own.source;
  if (ownRecording !== otherRecording) return cleanMark(ownRecording === shown ? own : other);
  const parts = own.note.split(" / ");
  const note = other.note === "" || parts.includes(other.note) ? own.note : own.note === "" ? other.note : `${own.note} / ${other.note}`;
  const source = own.source ?? other.source;
  return cleanMark({ mark: other.mark === null ? own.mark : other.mark, star: own.star || other.star, note, source });
}

/**
 * Read marks that anybody may have written.
 * @param {string} text
 * @returns {Map<string, Mark>} without those that cannot be read
 * @throws {Error} where nothing of it can
 */
export function readMarks(text) {
  let tree;
  try {
    tree = JSON.parse(text.replace(/^\ufeff/, ""));
  } catch {
    throw new Error("This is no marks.json: it is not JSON.");
  }
  if (tree === null || typeof tree !== "object" || !Array.isArray(tree.marks)) {
    throw new Error("This is no marks.json: it has no list of marks.");
  }
  if (tree.version !== MARKS_VERSION) throw new Error("This marks.json is of another version of daddy-encode.");
  const marks = new Map();
  for (const entry of tree.marks.slice(0, MOST_MARKS)) {
    if (entry === null || typeof entry !== "object" || typeof entry.job !== "string") continue;
    if (entry.job === "" || entry.job.length > LONGEST_NAME) continue;
    const mark = cleanMark(entry);
    if (!isNothing(mark)) marks.set(entry.job, mark);
  }
  return marks;
}

/**
 * @param {Map<string, Mark>} marks
 * @param {string} root
 * @param {boolean} forPeople indented, in the order of the names
 * @returns {string}
 */
export function writeMarks(marks, root, forPeople) {
  const entries = [...marks].map(([job, { mark, star, note, source }]) => ({
    job,
    ...(mark === null ? {} : { mark }),
    ...(star ? { star } : {}),
    ...(note === "" ? {} : { note }),
    ...(source === undefined ? {} : { source }),
  }));
  const whole = { version: MARKS_VERSION, root: root.toWellFormed ? root.toWellFormed() : root, marks: entries };
  if (!forPeople) return JSON.stringify(whole);
  entries.sort((one, other) => (one.job < other.job ? -1 : 1));
  // One job a line: what has changed between two files can be seen.
  const lines = entries.map((entry) => `    ${JSON.stringify(entry)}`).join(",\n");
  return `{\n  "version": ${MARKS_VERSION},\n  "root": ${JSON.stringify(whole.root)},\n  "marks": [${lines && `\n${lines}\n  `}]\n}\n`;
}

// A mark of which it is not known of what recording it is becomes none of this one because a note is added to it.
function changedMark(before, patch, source) {
  const isOfThis = before.source !== undefined || Boolean(patch.mark) || (before.mark === null && !before.star);
  return cleanMark({ ...before, ...patch, source: isOfThis ? source : undefined });
}

function cleanMark({ mark, star, note, source }) {
  return {
    mark: mark === "good" || mark === "bad" ? mark : null,
    star: star === true,
    note: typeof note === "string" ? oneLine(note).slice(0, LONGEST_NOTE).replace(/[\ud800-\udbff]$/, "") : "",
    ...(typeof source === "string" && SOURCE.test(source) ? { source: source.slice(0, SOURCE_DIGITS) } : {}),
  };
}

// No line breaks, and nothing that turns the direction of other text round.
function oneLine(text) {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, " ").trim();
}

const isNothing = ({ mark, star, note }) => mark === null && !star && note === "";
