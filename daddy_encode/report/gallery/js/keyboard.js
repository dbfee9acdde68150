// One table of keys: a key that is not in it does nothing, and `?` shows all that are.

const entries = [];

/**
 * @param {string|string[]} keys names as in KeyboardEvent.key, with "Shift+", "Ctrl+" or "Alt+" in front; for characters
 *   that need Shift themselves ("?") without it
 * @param {string} description what it does, for the list of keys
 * @param {(event: KeyboardEvent) => void} handler
 * @param {() => boolean} [when] whether it means something now; of several, the one registered last is asked first
 * @param {string} [section] heading in the list of keys
 * @returns {() => void} takes it out of the table
 */
export function register(keys, description, handler, when = () => true, section = "Everywhere") {
  const entry = { keys: Array.isArray(keys) ? keys : [keys], description, handler, when, section };
  entries.push(entry);
  return () => {
    const place = entries.indexOf(entry);
    if (place >= 0) entries.splice(place, 1);
  };
}

/**
 * @returns {{section: string, keys: string[], description: string}[]} in the order of registration; the same key with
 *   the same description once
 */
export function registered() {
  const seen = new Set();
  return entries.filter(({ section, keys, description }) => {
    const name = JSON.stringify([section, keys, description]);
    return !seen.has(name) && seen.add(name);
  });
}

/**
 * @param {KeyboardEvent} event
 * @returns {string} its name in the table
 */
export function keyName(event) {
  const shift = event.shiftKey && (event.key.length > 1 || event.key === " ");
  const key = event.key === " " ? "Space" : event.key;
  return `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${event.altKey ? "Alt+" : ""}${shift ? "Shift+" : ""}${key}`;
}

/**
 * Call the handler of a key, if it has one now.
 * @param {KeyboardEvent} event
 * @returns {boolean} whether it had
 */
export function press(event) {
  const name = keyName(event);
  if (event.defaultPrevented || event.isComposing || belongsToElement(event.target, name)) return false;
  for (const entry of [...entries].reverse()) {
    if (!entry.keys.includes(name) || !entry.when()) continue;
    event.preventDefault();
    entry.handler(event);
    return true;
  }
  return false;
}

/** @param {Document} page */
export function listen(page) {
  page.addEventListener("keydown", press);
}

/**
 * Whether keys that have no meaning elsewhere are a view's: the focus is in it, or nowhere and it is in sight.
 * @param {HTMLElement} element
 * @returns {boolean}
 */
export function reaches(element) {
  return element.contains(document.activeElement) || (isNowhere() && element.getClientRects().length > 0);
}

/** @returns {boolean} whether nothing has the focus, as on a page that was just opened */
export function isNowhere() {
  return (document.activeElement ?? document.body) === document.body && document.querySelector("dialog[open]") === null;
}

const MOVES = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"];

// In a text field keys are text; a button is pressed by Enter and Space; a slider moves by arrows.
function belongsToElement(element, name) {
  if (!element || name === "Escape") return false;
  const tag = String(element.tagName || "").toLowerCase();
  if (tag === "textarea" || tag === "select" || element.isContentEditable) return true;
  if (tag === "button" || tag === "summary") return name === "Enter" || name === "Space";
  if (tag === "a") return name === "Enter";
  if (tag !== "input") return false;
  if (element.type === "range") return MOVES.includes(name);
  if (element.type === "checkbox" || element.type === "radio") return MOVES.includes(name) || name === "Space";
  return true;
}
