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

  state.subscribe((_, changed) => {
    if (reading) return;
    if (STEPS.some((key) => changed.has(key))) {
      flush();
      write("pushState");
    } else timer ??= setTimeout(flush, PAUSE_MS);
  });

  function flush() {
    if (timer === null) return;
    clearTimeout(timer);
    timer = null;
    write("replaceState");
  }

  function write(method) {
    const hash = toHash({ ...state.get(), theme: "" });
    if (hash === location.hash) return;
    try {
      history[method](null, "", hash || location.pathname + location.search);
    } catch {
      // A page inside another one (Jupyter, VS Code) may have no address of its own.
      return;
    }
  }

  addEventListener("popstate", read);
  addEventListener("hashchange", read);

  function read() {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    reading = true;
    const { theme, ...rest } = fromHash(location.hash);
    state.set(theme === "" ? rest : { ...rest, theme });
    reading = false;
  }
}
