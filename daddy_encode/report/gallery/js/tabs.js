// The views and their tabs.
import { el } from "./dom.js";
import { register } from "./keyboard.js";

/**
 * @typedef {{name: string, title: string, create: (app: object) => object,
 *   badge?: (app: object, state: object) => string|number}} View
 * @param {object} app
 * @param {View[]} views
 * @returns {{tabs: HTMLElement, panels: HTMLElement[], focus(): void,
 *   update(visible: object[], state: object, changed: Set<string>): void}}
 */
export function createTabs(app, views) {
  const all = views.map((view) => createTab(app, view));
  const tabs = el("div", { class: "tabs", role: "tablist", "aria-label": "Views", onkeydown: pressed }, all.map(({ tab }) => tab));

  views.forEach(({ name, title }, place) => {
    const show = () => {
      app.state.set({ view: name, job: null });
      // Once it is shown, which is in this turn.
      queueMicrotask(all[place].focus);
    };
    register(String(place + 1), title, show, undefined, "Views");
  });

  function pressed(event) {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (way === undefined) return;
    event.preventDefault();
    const now = all.findIndex(({ tab }) => tab === document.activeElement);
    const next = all[(now + way + all.length) % all.length];
    app.state.set({ view: next.name });
    next.tab.focus();
  }

  return {
    tabs,
    panels: all.map(({ panel }) => panel),
    focus: () => all.find(({ name }) => name === app.state.get().view)?.focus(),
    update(visible, state, changed) {
      // The view that is left gives its videos back before the next one takes them: there may be only so many.
      for (const one of all) if (one.name !== state.view) one.update(visible, state, changed);
      for (const one of all) if (one.name === state.view) one.update(visible, state, changed);
    },
  };
}

// A view is made when it is first shown, and only the one that is shown is updated.
function createTab(app, { name, title, create, badge }) {
  const number = el("span", { class: "badge" });
  const tab = el("button", {
    type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `panel-${name}`,
    onclick: () => app.state.set({ view: name }),
  }, title, number);
  const panel = el("section", { role: "tabpanel", id: `panel-${name}`, "aria-labelledby": `tab-${name}`, tabindex: "-1", hidden: true });
  let view = null;
  let wasShown = false;

  function update(visible, state, changed) {
    const shown = state.view === name;
    tab.setAttribute("aria-selected", String(shown));
    tab.tabIndex = shown ? 0 : -1;
    // On a phone there are more than fit.
    if (shown && !wasShown) tab.scrollIntoView({ block: "nearest", inline: "nearest" });
    panel.hidden = !shown;
    number.textContent = badge ? badge(app, state) : "";
    number.hidden = number.textContent === "";
    if (shown && view === null) {
      view = create(app);
      panel.append(view.element);
    }
    if (view !== null && shown !== wasShown) view.shown(shown);
    if (shown) view.update(visible, state, wasShown ? changed : new Set([...Object.keys(state), "marks"]));
    wasShown = shown;
  }

  // A view that has nothing to go to, as one without jobs: its panel.
  function focus() {
    view?.focus?.();
    if (!panel.contains(document.activeElement)) panel.focus({ preventScroll: true });
  }

  return { name, tab, panel, update, focus };
}
