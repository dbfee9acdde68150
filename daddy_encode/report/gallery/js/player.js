// One job, large: its video frame for frame, what the rollout wrote about the frame, and all that is known of it.

import { createAnnotations } from "./annotations.js";
import { createClipView } from "./clip_view.js";
import { cut } from "./cut.js";
import { el, replace, safeUrl } from "./dom.js";
import { copyText } from "./download.js";
import { label, metaLines } from "./facts.js";
import { register } from "./keyboard.js";
import { toHash } from "./link.js";
import { toggleCompared } from "./state.js";
import { boundedSpeed, planOf, rateOf } from "./sync.js";
import { createPageDeck, createTransport, registerTransport } from "./transport.js";
import { writeBytes, writeDate, writeDuration, writeValue } from "./values.js";

/** Said of states and chips that nobody reads as good. */
const BAD = ["failed", "missing"];

/**
 * @param {object} app
 * @param {{marks?: (app: object, id: string) => HTMLElement}} [slots]  what others put into it
 * @returns {{element: HTMLDialogElement, update(state: object, changed: Set<string>): void}}
 */
export function createPlayer(app, slots = {}) {
  const element = el("dialog", { class: "player", "aria-labelledby": "player-title" });
  let view = null;
  let openId = null;
  let annotations = null;
  let transport = null;
  let opener = null;
  // The frame that this wrote into the state, so that one from outside is told from it.
  let written = null;
  // Of the job among those that are found; where it was, if it is no longer one of them.
  let place = 0;
  const deck = createPageDeck(showPosition);
  const isOpen = () => openId !== null;
  const isPlayable = () => isOpen() && view !== null && !view.isGif() && !view.cellsOnly();
  const setSpeed = (speed) => app.state.set({ speed: boundedSpeed(speed) });
  const close = () => app.state.set({ job: null, frame: 0 });

  element.addEventListener("cancel", (event) => {
    event.preventDefault();
    close();
  });
  // On what lies around it.
  element.addEventListener("click", (event) => {
    if (event.target === element) close();
  });
  element.addEventListener("keydown", keepFocus);
  registerTransport(deck, isPlayable, "Player", () => app.state.get().speed, setSpeed);
  register(["PageUp", "k"], "Previous job", () => move(-1), isOpen, "Player");
  register(["PageDown", "j"], "Next job", () => move(1), isOpen, "Player");
  register("y", "Copy a link to this frame", copyLink, isOpen, "Player");
  register("x", "Select this job for comparison, or no longer", toggleCompare, isOpen, "Player");
  register("Escape", "Close", close, isOpen, "Player");

  function update(state, changed) {
    const job = state.job === null ? undefined : app.byId.get(state.job);
    if (job === undefined) {
      if (isOpen()) shut();
      return;
    }
    if (job.id !== openId) open(job, state);
    else if (changed.has("frame") && state.frame !== written) void deck.seek(state.frame);
    if (changed.has("speed")) deck.setSpeed(state.speed);
    if (changed.has("compare")) showCompare();
    showPlace();
    transport?.update(state.speed);
  }

  function open(job, state) {
    const wasOpen = isOpen();
    if (!wasOpen) {
      opener = document.activeElement;
      place = 0;
    }
    release();
    openId = job.id;
    written = null;
    build(job);
    if (!wasOpen) element.showModal();
    element.querySelector(".player-stage").focus({ preventScroll: true });
    deck.setSpeed(state.speed);
    const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches || state.frame > 0;
    const id = job.id;
    void deck.load([view.shown], planOf([view.clip]), state.frame).then(() => {
      if (openId === id && !isStill && view.shown.moves) deck.play();
    });
    if (!job.columns && !job.sprite) return;
    app.details(job.id).then((details) => {
      if (openId !== id) return;
      annotations = createAnnotations(details, view.clip.frames, (frame) => deck.seek(frame), !view.isGif());
      replace(element.querySelector(".player-annotations"), annotations.element);
      annotations.show(deck.position());
    }, () => {
      if (openId !== id) return;
      const slot = element.querySelector(".player-annotations");
      if (job.columns) replace(slot, el("p", { class: "player-note" }, "The annotations cannot be read: the folder beside this page lacks them."));
    });
  }

  function release() {
    deck.close();
    view?.close();
    [view, annotations, transport, openId] = [null, null, null, null];
  }

  function shut() {
    release();
    element.close();
    replace(element);
    // The opener may be gone: a card out of sight is taken out of the page.
    if (opener?.isConnected) opener.focus({ preventScroll: true });
    opener = null;
  }

  function build(job) {
    view = createClipView(app, job, { playGif: true, onLabel: (frame) => annotations?.show(frame) });
    const { name, run } = label(app.facts.get(job.id));
    const stage = el("div", { class: "player-stage", tabindex: "-1" }, view.element);
    if (view.shown.moves) {
      view.element.addEventListener("click", () => deck.toggle());
      transport = createTransport(deck, {
        what: "Frame",
        text: (frame) => `frame ${frame} of ${view.clip.frames - 1} · ${(frame / rateOf(job)).toFixed(2)}\u00a0s`,
        setSpeed,
      });
    }
    const arrow = (title, sign, by) =>
      el("button", { type: "button", class: "icon-button", "data-by": by, title, "aria-label": title, onclick: () => move(by) }, sign);
    replace(element, el("div", { class: "player-frame" },
      el("header", { class: "player-head" },
        el("div", { class: "player-name" },
          run && el("p", { class: "player-run", title: run }, cut(run)),
          el("h2", { id: "player-title", title: name }, cut(name))),
        el("span", { class: "player-place" }),
        arrow("Previous job (k)", "‹", -1),
        arrow("Next job (j)", "›", 1),
        el("button", { type: "button", class: "icon-button", title: "Close (Esc)", "aria-label": "Close", onclick: close }, "✕")),
      el("div", { class: "player-body" },
        el("div", { class: "player-main" },
          stage,
          transport?.element,
          !transport && view.isGif() && el("p", { class: "player-note" }, "A GIF plays by itself. An MP4 can be stepped frame by frame: encode with --video both.")),
        el("div", { class: "player-side" },
          chips(job),
          slots.marks && el("div", { class: "player-marks" }, slots.marks(app, job.id)),
          actions(job),
          el("div", { class: "player-annotations" }),
          facts(job)))));
    showCompare();
  }

  function chips(job) {
    const own = job.chips || [];
    const isSaid = own.some(([kind]) => kind === job.state);
    const all = BAD.includes(job.state) && !isSaid ? [[job.state, ""], ...own] : own;
    // What the stage says is not said again.
    const said = all.filter(([kind, text]) => text && !BAD.includes(kind));
    if (all.length === 0 && !job.error) return null;
    return el("div", { class: "player-chips" },
      el("div", {}, all.map(([kind]) => el("span", { class: `chip ${BAD.includes(kind) ? "bad" : ""}` }, kind))),
      job.error && view.shown.moves && el("p", { class: "player-error" }, job.error),
      said.map(([kind, text]) => el("p", { class: "player-note" }, `${kind}: ${text}`)));
  }

  function actions(job) {
    const file = (name, url) => safeUrl(url) !== "" && el("a", { class: "button", href: url, target: "_blank", rel: "noopener" }, name);
    return el("div", { class: "player-actions" },
      el("button", { type: "button", class: "button player-compare", "aria-pressed": "false", onclick: toggleCompare }, "Compare"),
      el("button", { type: "button", class: "button player-copy", onclick: copyLink }, "Copy link"),
      file("MP4", job.mp4),
      file("GIF", job.gif),
      file("MP4 of the earlier recording", job.earlier?.mp4),
      file("GIF of the earlier recording", job.earlier?.gif));
  }

  function facts(job) {
    const built = app.facts.get(job.id);
    const lines = metaLines(job);
    lines.push(["frames", writeValue(job.frames)]);
    if (built.has("seconds")) lines.push(["duration", `${writeDuration(built.get("seconds"))} at ${writeValue(built.get("fps"))} fps`]);
    if (job.width) lines.push(["size", `${job.width}×${job.height}${job.bytes ? `, ${writeBytes(job.bytes)}` : ""}`]);
    if (job.finished) lines.push(["encoded", writeDate(job.finished) + (job.encode_seconds ? `, in ${writeDuration(job.encode_seconds)}` : "")]);
    if (job.host) lines.push(["host", job.host]);
    lines.push(["job", job.job]);
    return el("dl", { class: "player-facts" },
      lines.filter(([, value]) => value !== "").map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
  }

  function showPosition(frame, playing) {
    transport?.update(app.state.get().speed);
    // The address is rewritten when it stands still.
    if (playing || openId === null || app.state.get().frame === frame) return;
    written = frame;
    app.state.set({ frame });
  }

  function showCompare() {
    const chosen = app.state.get().compare.includes(openId);
    const button = element.querySelector(".player-compare");
    button.setAttribute("aria-pressed", String(chosen));
    button.textContent = chosen ? "Compared" : "Compare";
  }

  function toggleCompare() {
    app.state.set({ compare: toggleCompared(app.state.get().compare, openId) });
  }

  function showPlace() {
    const visible = app.visible();
    const at = visible.findIndex((job) => job.id === openId);
    if (at >= 0) place = at;
    element.querySelector(".player-place").textContent = at < 0 ? `not among the ${visible.length} found` : `${at + 1} of ${visible.length}`;
    for (const button of element.querySelectorAll("[data-by]")) button.disabled = beside(Number(button.dataset.by)) === undefined;
  }

  // A mark, say, may take a job out of what is found: then the next one is in its place.
  function beside(by) {
    const visible = app.visible();
    if (visible.some((job) => job.id === openId)) return visible[place + by];
    return visible[Math.min(place, visible.length) + Math.min(by, 0)];
  }

  function move(by) {
    const next = beside(by);
    if (next !== undefined) app.state.set({ job: next.id, frame: 0 });
  }

  async function copyLink() {
    await deck.pause();
    // The address follows the state after a moment; the link is to be this frame's in any case.
    const link = `${location.href.split("#")[0]}${toHash({ ...app.state.get(), frame: deck.position(), theme: "" })}`;
    await copyText(link, element.querySelector(".player-copy"), element);
  }

  return { element, update };

  /** Tab goes round inside. */
  function keepFocus(event) {
    if (event.key !== "Tab") return;
    const all = [...element.querySelectorAll("button:not(:disabled), a[href], input, select, textarea, summary")];
    const [first, last] = [all[0], all[all.length - 1]];
    const at = document.activeElement;
    if (event.shiftKey ? at === first || !all.includes(at) : at === last) {
      event.preventDefault();
      (event.shiftKey ? last : first).focus();
    }
  }
}
