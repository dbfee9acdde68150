// The state and the browser's address follow each other: links can be shared, back and forward work.
import { fromHash, toHash } from "./link.js";

/** Changes of these are steps that "back" undoes; the others only rewrite the address. */
const STEPS = ["view", "job", "rows", "columns", "group"];
/** Browsers refuse more than some 100 changes of the address in 10 seconds: typing and playing are written now and then. */
const PAUSE_MS = 300;

/**
 * @param {{get(): object, set(patch: object): void, subscribe(listener: Function): Function}} state
 */
export function followAddress(state) {
  let timer = null;
  let reading = false;
  let latest = hashOf(state.get());

  state.subscribe((now, changed) => {
    const before = latest;
    latest = hashOf(now);
    if (reading) return;
    if (STEPS.some((key) => changed.has(key))) {
      // What "back" leads to.
      if (timer !== null) write("replaceState", before);
      stop();
      write("pushState", latest);
    } else timer ??= setTimeout(rewrite, PAUSE_MS);
  });

  function rewrite() {
    stop();
    write("replaceState", latest);
  }

  function stop() {
    clearTimeout(timer);
    timer = null;
  }

  addEventListener("popstate", read);
  addEventListener("hashchange", read);

  function read() {
    stop();
    reading = true;
    const { theme, ...rest } = fromHash(location.hash);
    state.set(theme === "" ? rest : { ...rest, theme });
    reading = false;
  }
}

// The choice of colours is this browser's, not the link's; a link may still say it.
const hashOf = (state) => toHash({ ...state, theme: "" });

function write(method, hash) {
  if (hash === location.hash) return;
  try {
    history[method](null, "", hash || location.pathname + location.search);
  } catch {
    // A page inside another one (Jupyter, VS Code) may have no address of its own.
    return;
  }
}
