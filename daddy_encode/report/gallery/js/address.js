// The state and the browser's address follow each other: links can be shared, back and forward work.
import { fromHash, toHash } from "./link.js";

/** Changes of these are steps that "back" undoes, with what changed at once; the others only rewrite the address. */
const STEPS = ["view", "job", "rows", "columns", "group"];
/** Browsers refuse more than some 100 changes of the address in 10 seconds: typing and playing are written now and then. */
const PAUSE_MS = 300;

/**
 * What of an entry of the history becomes the state. Between two entries of this page it is what the steps between them
 * have changed: what was selected, sorted or filtered since stays. Of an address from elsewhere it is all.
 * @param {object} entry the state that the entry's address says
 * @param {string[][]|null} from what each step up to the entry that was left has changed, the oldest first
 * @param {string[][]|null} to likewise up to this one; null: an address that somebody typed
 * @returns {object} a part of `entry`
 */
export function restored(entry, from, to) {
  // The choice of colours is this browser's, not the link's; a link may still say it.
  const { theme, ...rest } = entry;
  if (from === null || to === null) return theme === "" ? rest : entry;
  const [shorter, longer] = from.length < to.length ? [from, to] : [to, from];
  const changed = new Set(longer.slice(shorter.length).flat());
  // A frame is the frame of a job.
  if (changed.has("job")) changed.add("frame");
  return Object.fromEntries(Object.entries(rest).filter(([key]) => changed.has(key)));
}

/**
 * @param {{get(): object, set(patch: object): void, subscribe(listener: Function): Function}} state
 */
export function followAddress(state) {
  let timer = null;
  let reading = false;
  let latest = hashOf(state.get());
  let steps = stepsOf(history.state) || [];
  write("replaceState", location.hash, steps);

  state.subscribe((now, changed) => {
    const before = latest;
    latest = hashOf(now);
    if (reading) return;
    if (STEPS.some((key) => changed.has(key))) {
      // What "back" leads to.
      if (timer !== null) write("replaceState", before, steps);
      stop();
      steps = [...steps, [...changed]];
      write("pushState", latest, steps);
    } else timer ??= setTimeout(rewrite, PAUSE_MS);
  });

  function rewrite() {
    stop();
    if (latest !== location.hash) write("replaceState", latest, steps);
  }

  function stop() {
    clearTimeout(timer);
    timer = null;
  }

  addEventListener("popstate", read);
  addEventListener("hashchange", read);

  function read() {
    stop();
    const to = stepsOf(history.state);
    const entry = fromHash(location.hash);
    reading = true;
    state.set(restored(entry, steps, to));
    reading = false;
    steps = to || [...steps, Object.keys(entry)];
    if (to === null || latest !== location.hash) write("replaceState", latest, steps);
  }
}

const hashOf = (state) => toHash({ ...state, theme: "" });

const stepsOf = (kept) => (Array.isArray(kept?.steps) ? kept.steps : null);

function write(method, hash, steps) {
  try {
    history[method]({ steps }, "", hash || location.pathname + location.search);
  } catch {
    // A page inside another one (Jupyter, VS Code) may have no address of its own.
    return;
  }
}
