// Marks where people see and set them: at a job, by keys, and all of them in one place, with files in and out.
import { el, replace } from "./dom.js";
import { copyText, download } from "./download.js";
import { register } from "./keyboard.js";
import { COMMANDS, LONGEST_NOTE, inWords } from "./marks.js";
import { narrowed } from "./matrix_data.js";
import { counted } from "./values.js";

const KINDS = [
  { kind: "good", sign: "✓", title: "Good", key: "g" },
  { kind: "bad", sign: "✗", title: "Bad", key: "b" },
  { kind: "star", sign: "★", title: "Star", key: "s" },
];
const QUERIES = { good: "mark:good", bad: "mark:bad", star: "mark:star", note: "mark:note" };

/**
 * The browser's storage, where it lets this page have any.
 * @returns {Storage|null}
 */
export function browserStorage() {
  try {
    return globalThis.localStorage;
  } catch {
    // A page in a frame without rights of its own.
    return null;
  }
}

const has = (mark, kind) => (kind === "star" ? mark.star : mark.mark === kind);
const toggled = (mark, kind) => (kind === "star" ? { star: !mark.star } : { mark: mark.mark === kind ? null : kind });

/**
 * The buttons and the note of one job.
 * @param {object} app
 * @param {string} id
 * @returns {HTMLElement}
 */
export function createMarkButtons(app, id) {
  const buttons = KINDS.map(({ kind, sign, title, key }) => el("button", {
    type: "button", class: `button ${kind}`, "data-kind": kind, title: `${title} (${key})`,
    onclick: () => app.marks.set(id, toggled(app.marks.get(id), kind)),
  }, el("span", { class: "sign", "aria-hidden": "true" }, sign), title));
  const note = el("input", {
    type: "text", class: "note", placeholder: "Note", "aria-label": "Note", maxlength: LONGEST_NOTE, title: "Note (n)",
    onchange: () => app.marks.set(id, { note: note.value }),
    onkeydown: (event) => {
      if (event.key !== "Enter" && event.key !== "Escape") return;
      // Neither of them is meant for what lies around.
      event.preventDefault();
      event.stopPropagation();
      if (event.key === "Escape") note.value = app.marks.get(id).note;
      note.blur();
      note.closest("dialog")?.querySelector("[tabindex='-1']")?.focus();
    },
  });
  const before = el("p", { class: "earlier" });
  const element = el("div", { class: "mark-buttons", role: "group", "aria-label": "Marks" }, buttons, note, before);
  let wasShown = false;

  function update() {
    if (wasShown && !element.isConnected) {
      stop();
      return;
    }
    wasShown = element.isConnected;
    const mark = app.marks.get(id);
    for (const button of buttons) button.setAttribute("aria-pressed", String(has(mark, button.dataset.kind)));
    if (document.activeElement !== note) note.value = mark.note;
    before.textContent = mark.earlier === undefined ? "" : `Said of an earlier recording: ${inWords(mark.earlier)}`;
  }

  const stop = app.marks.subscribe(update);
  update();
  return element;
}

/**
 * All marks: how many, those of all that is found at once, files, and the keys g, b, s and n.
 * @param {object} app
 * @returns {{button: HTMLElement, elements: HTMLElement[], update(): void}}
 */
export function createMarksPanel(app) {
  const number = el("span", { class: "badge" });
  const button = el("button", { type: "button", class: "button marks-button", title: "Good, bad, star, note", onclick: open }, "Marks", number);
  const counts = el("div", { class: "counts", role: "group", "aria-label": "Show only" });
  const many = el("div", { class: "many" });
  const told = el("p", { class: "told", role: "status" });
  const kept = el("p", { class: "kept" });
  const earlier = el("p", { class: "kept" });
  const file = el("input", { type: "file", accept: ".json,application/json", "aria-label": "A marks.json to import", class: "visually-hidden", tabindex: -1, onchange: take });
  const copy = el("button", { type: "button", class: "button", onclick: copyAll }, "Copy");
  const command = el("code", {}, "daddy-encode clean ROOT --from marks.json --mark bad");
  const panel = el("dialog", { class: "marks-panel", "aria-labelledby": "marks-title", onclick: outside, onkeydown: keepKeys },
    el("div", { class: "head" }, el("h2", { id: "marks-title" }, "Marks"),
      el("button", { type: "button", class: "icon-button", "aria-label": "Close", onclick: () => panel.close() }, "×")),
    counts, many,
    el("section", {}, el("h3", {}, "As a file"),
      el("div", { class: "row" },
        el("button", { type: "button", class: "button primary", onclick: () => download("marks.json", app.marks.export(), "application/json") }, "Export marks.json"),
        copy,
        el("button", { type: "button", class: "button", onclick: () => file.click() }, "Import …"), file),
      told,
      el("p", { class: "hint" }, `${COMMANDS.slice(0, -1).join(", ")} and ${COMMANDS[COMMANDS.length - 1]} take it: `, command), kept, earlier));
  const noteTitle = el("h2", { id: "note-title" });
  const noteText = el("input", { type: "text", maxlength: LONGEST_NOTE, "aria-label": "Note" });
  const noteForm = el("dialog", { class: "note-panel", "aria-labelledby": "note-title", onkeydown: keepKeys },
    noteTitle,
    el("div", { class: "row" }, noteText,
      el("button", { type: "button", class: "button primary", onclick: saveNote }, "Save"),
      el("button", { type: "button", class: "button", onclick: () => noteForm.close() }, "Cancel")));
  let undo = null;
  let noted = null;

  noteText.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    // Or the same key would open the card that has the focus then.
    event.preventDefault();
    saveNote();
  });
  for (const { kind, title, key } of KINDS) {
    register(key, `${title}, or no longer`, () => {
      const id = target(app);
      app.marks.set(id, toggled(app.marks.get(id), kind));
    }, () => target(app) !== null, "Marks");
  }
  register("n", "Note", () => writeNote(target(app)), () => target(app) !== null, "Marks");
  register("m", "All marks", open, () => app.state.get().job === null, "Marks");
  addEventListener("storage", (event) => (event.key === app.marks.key || event.key === null) && app.marks.refresh());

  function open() {
    undo = null;
    told.textContent = "";
    show();
    panel.showModal();
  }

  function outside(event) {
    if (event.target === panel) panel.close();
  }

  function update() {
    const { jobs } = app.marks.counts();
    number.textContent = jobs > 0 ? String(jobs) : "";
    number.hidden = jobs === 0;
    if (panel.open) show();
  }

  function show() {
    const has = app.marks.counts();
    replace(counts, [...KINDS, { kind: "note", sign: "✎", title: "Notes" }].map(({ kind, sign, title }) => el("button", {
      type: "button", class: `count ${kind}`, disabled: has[kind] === 0, onclick: () => showOnly(QUERIES[kind]),
    }, el("span", { class: "sign", "aria-hidden": "true" }, sign), el("b", {}, String(has[kind])), el("span", { class: "name" }, title))));
    const ids = app.visible().map(({ id }) => id);
    const all = (title, patch) => el("button", { type: "button", class: "button", disabled: ids.length === 0, onclick: () => markAll(ids, patch) }, title);
    replace(many, el("h3", {}, `${counted(ids.length, "job")} found`),
      el("div", { class: "row" }, all("All good", { mark: "good" }), all("All bad", { mark: "bad" }), all("Star all", { star: true }),
        all("Clear all", { mark: null, star: false, note: "" }),
        undo && el("button", { type: "button", class: "button", onclick: takeBack }, "Undo")));
    const elsewhere = has.elsewhere > 0 ? ` ${counted(has.elsewhere, "mark")} of jobs that are not on this page are kept with them.` : "";
    kept.textContent = (app.marks.isKept()
      ? "Kept in this browser, for this page: export them before you move it."
      : "This browser keeps nothing for this page: export them before you close it.") + elsewhere;
    kept.classList.toggle("lost", !app.marks.isKept());
    replace(earlier, has.earlier > 0 && [
      `${counted(has.earlier, "mark")} of earlier recordings, not counted here. `,
      el("button", { type: "button", class: "button", onclick: () => showOnly("mark:earlier") }, "Show these jobs"),
    ]);
  }

  function showOnly(query) {
    panel.close();
    app.state.set(({ query: now }) => ({ query: narrowed(now, query), view: "cards" }));
  }

  function markAll(ids, patch) {
    undo = app.marks.all();
    app.marks.setAll(ids, patch);
  }

  function takeBack() {
    const before = undo;
    undo = null;
    app.marks.restore(before);
  }

  function copyAll() {
    void copyText(app.marks.export(), copy, panel);
  }

  async function take() {
    const [chosen] = file.files;
    if (chosen === undefined) return;
    try {
      undo = app.marks.all();
      const { read, changed, earlier: others, elsewhere } = app.marks.import(await chosen.text());
      told.textContent = `${counted(read, "mark")} read, ${changed} new or changed${others > 0 ? `, ${others} of other recordings` : ""}${elsewhere > 0 ? `, ${elsewhere} of jobs that are not on this page` : ""}.`;
    } catch (error) {
      undo = null;
      told.textContent = error instanceof Error ? error.message : String(error);
    }
    file.value = "";
    show();
  }

  function writeNote(id) {
    const input = document.querySelector("dialog[open] .mark-buttons .note");
    if (input !== null) {
      input.focus();
      return;
    }
    noted = id;
    replace(noteTitle, app.byId.get(id).job);
    noteText.value = app.marks.get(id).note;
    noteForm.showModal();
    noteText.focus();
  }

  function saveNote() {
    app.marks.set(noted, { note: noteText.value });
    noteForm.close();
  }

  return { button, elements: [panel, noteForm], update };
}

// In an open dialog keys mean nothing to what is behind it.
function keepKeys(event) {
  event.stopPropagation();
}

// The job that a key means: the one that is open, or that has the focus.
function target(app) {
  const { job } = app.state.get();
  if (job !== null) return app.byId.has(job) ? job : null;
  const focused = document.activeElement?.closest("[data-job], a[href^='#job=']");
  if (!focused) return null;
  const id = focused.dataset.job || focused.getAttribute("href").slice(5);
  return app.byId.has(id) ? id : null;
}
