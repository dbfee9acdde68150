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
 * Put a text on the clipboard, and say for a moment on the button whether it is there.
 * @param {string} text
 * @param {HTMLElement} button
 * @param {Element} parent where focus may be: in an open dialog, that
 */
export async function copyText(text, button, parent) {
  sayOn(button, (await isCopied(text, parent)) ? "Copied" : "Not copied");
}

// A page from a file, or in a frame, may only do it the old way.
async function isCopied(text, parent) {
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

function sayOn(button, text) {
  const usual = button.dataset.usual || button.textContent;
  button.dataset.usual = usual;
  button.textContent = text;
  setTimeout(() => {
    if (button.textContent === text) button.textContent = usual;
  }, 2000);
}
