// Files and texts that leave the page: by the browser's own download, or by the clipboard.
import { el } from "./dom.js";

/**
 * Offer a text as a file. The page's policy lets a link lead to an object of its own; nothing is loaded.
 * @param {string} name of the file
 * @param {string} text
 * @param {string} type as in "text/csv"
 */
export function download(name, text, type) {
  const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = el("a", { download: name, hidden: true });
  link.setAttribute("href", url);
  document.body.append(link);
  link.click();
  link.remove();
  // Firefox reads it after the click.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/**
 * Put a text on the clipboard; a page from a file, or in a frame, may only do it the old way.
 * @param {string} text
 * @param {Element} [parent] where focus may be: in an open dialog, that
 * @returns {Promise<boolean>} whether it is there
 */
export async function copyText(text, parent = document.body) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = el("textarea", { class: "visually-hidden", "aria-hidden": "true", readonly: true });
    area.value = text;
    parent.append(area);
    const before = document.activeElement;
    area.select();
    const said = document.execCommand("copy");
    area.remove();
    if (before instanceof HTMLElement) before.focus({ preventScroll: true });
    return said;
  }
}

/**
 * Say for a moment on a button what came of it.
 * @param {HTMLElement} button
 * @param {string} text
 */
export function sayOn(button, text) {
  const usual = button.dataset.usual || button.textContent;
  button.dataset.usual = usual;
  button.textContent = text;
  setTimeout(() => {
    if (button.textContent === text) button.textContent = usual;
  }, 2000);
}
