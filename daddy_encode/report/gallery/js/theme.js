// Light, dark, or as the system has it; remembered in this browser.
import { el } from "./dom.js";

const NEXT = { "": "light", light: "dark", dark: "" };
const NAMES = { "": "as the system", light: "light", dark: "dark" };
const SIGNS = { "": "◐", light: "☀", dark: "☾" };
const REMEMBERED = "daddy-encode-theme";

/**
 * @param {object} app
 * @returns {{element: HTMLElement, update(state: object): void, turn(): void}} a button that goes through the three
 */
export function createTheme(app) {
  const element = el("button", { type: "button", class: "icon-button theme", onclick: turn });

  function turn() {
    const theme = NEXT[app.state.get().theme];
    remember(theme);
    app.state.set({ theme });
  }

  function update({ theme }) {
    if (theme === "") document.documentElement.removeAttribute("data-theme");
    else document.documentElement.setAttribute("data-theme", theme);
    element.textContent = SIGNS[theme];
    element.setAttribute("aria-label", `Colours: ${NAMES[theme]}`);
    element.title = `Colours: ${NAMES[theme]}`;
  }

  return { element, update, turn };
}

/** @returns {string} the theme that was chosen in this browser */
export function rememberedTheme() {
  try {
    const theme = localStorage.getItem(REMEMBERED);
    return theme === "light" || theme === "dark" ? theme : "";
  } catch {
    return "";
  }
}

// A browser may keep nothing for a page from a file: then the choice lasts as long as the page.
function remember(theme) {
  try {
    localStorage.setItem(REMEMBERED, theme);
  } catch {
    return;
  }
}
