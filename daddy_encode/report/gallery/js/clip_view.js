// The picture of one job as a deck plays it: its video; without one its sprite, cell for cell; else the reason.

import { el, replace, safeImage, safeUrl } from "./dom.js";
import { fit } from "./fit.js";
import { releaseVideo, takeVideo } from "./live_videos.js";
import { framesOf, rateOf, timeOf } from "./sync.js";

// A video that does not come (a file system that hangs) must not stop the others for ever.
const PATIENCE_MS = 10_000;
// A decoded frame is given to the screen within some pictures of it, also of a busy machine.
const PRESENTED_MS = 1_000;
const H264 = 'video/mp4; codecs="avc1.64001f"';
const NO_H264 = "This browser plays no H.264, which the video is in: Firefox needs the system's libavcodec for it.";
const UNREADABLE = "The video cannot be read: its file is not there, or damaged.";

/**
 * @param {object} app
 * @param {object} job
 * @param {object} [options]
 * @param {(frame: number, phase: string) => void} [options.onLabel]  the picture of that frame is on the screen
 * @param {boolean} [options.playGif]  show the GIF of a job without an MP4 as it is, moving by itself
 * @param {boolean} [options.still]  no video: the sprite
 */
export function createClipView(app, job, { onLabel = () => {}, playGif = false, still = false } = {}) {
  const stage = el("div", { class: "clip" });
  const rate = rateOf(job);
  const picture = { width: job.width || 4, height: job.height || 3 };
  /** @type {HTMLVideoElement | null} */
  let video = null;
  /** @type {HTMLElement | null} */
  let media = null;
  let shape = null;
  let seek = async () => {};
  let gif = false;
  let isReduced = false;
  let cells = null;
  let frame = 0;
  let closed = false;

  const shown = {
    moves: false,
    async show(wanted) {
      frame = wanted;
      if (video !== null) await seek(wanted);
      else showCell();
    },
    play(factor) {
      if (video === null) return;
      if (Math.abs(video.playbackRate - factor) > 0.01 * factor) video.playbackRate = factor;
      // Refused where the element has just gone: nothing plays then.
      if (video.paused) video.play().catch(() => undefined);
    },
    pause: () => video?.pause(),
    at: () => (video === null || video.seeking ? null : video.currentTime * rate),
    label(number, phase) {
      stage.dataset.phase = phase;
      onLabel(number, phase);
    },
  };

  function begin() {
    const url = safeUrl(job.mp4);
    video = still || url === "" ? null : takeVideo(url);
    if (video !== null) {
      shown.moves = true;
      seek = createSeeker(video, rate);
      video.setAttribute("aria-label", `Video of ${job.job}`);
      const element = video;
      video.addEventListener("error", () => instead(element.canPlayType(H264) === "" ? NO_H264 : UNREADABLE));
      put(video);
    } else if (playGif && safeUrl(job.gif) !== "") {
      gif = true;
      const image = el("img", { src: job.gif, alt: `GIF of ${job.job}` });
      image.addEventListener("error", () => instead("The GIF cannot be read: its file is not there, or damaged."));
      put(image);
    } else {
      instead(job.mp4 || job.gif ? "" : reasonOf(job));
    }
  }

  /** The sprite, where there is one, and why there is no video. */
  function instead(reason) {
    if (closed) return;
    if (video !== null) releaseVideo(video);
    video = null;
    shown.moves = false;
    const said = reason === "" ? null : el("p", { class: "clip-reason" }, reason);
    replace(stage, said);
    if (!Array.isArray(job.sprite)) {
      if (said === null) stage.append(el("p", { class: "clip-reason" }, "There is no picture of it yet."));
      return;
    }
    app.details(job.id).then(
      (details) => {
        const image = safeImage(details.sprite);
        if (closed || image === "") return;
        const [columns, rows, width, height] = job.sprite;
        // As large as its video would be.
        if (!(job.width > 0 && job.height > 0)) Object.assign(picture, { width, height });
        isReduced = width < job.width;
        cells = Array.isArray(details.cells) ? details.cells : [];
        const sprite = el("div", { class: "clip-sprite", role: "img", "aria-label": `Pictures of ${job.job}` });
        sprite.style.backgroundImage = `url("${image}")`;
        sprite.style.backgroundSize = `${100 * columns}% ${100 * rows}%`;
        sprite.style.aspectRatio = `${width} / ${height}`;
        put(sprite, said);
        showCell();
      },
      () => undefined,
    );
  }

  function put(element, caption = null) {
    media = element;
    media.classList.add("clip-media");
    replace(stage, media, caption);
    resize();
  }

  function showCell() {
    if (cells === null || cells.length === 0) return;
    let nearest = 0;
    cells.forEach((each, i) => {
      if (Math.abs(each - frame) < Math.abs(cells[nearest] - frame)) nearest = i;
    });
    const [columns, rows] = job.sprite;
    const part = (place, many) => (many > 1 ? (100 * place) / (many - 1) : 0);
    media.style.backgroundPosition = `${part(nearest % columns, columns)}% ${part(Math.floor(nearest / columns), rows)}%`;
  }

  function resize() {
    const { clientWidth: width, clientHeight: height } = stage;
    if (media === null || width === 0 || height === 0) return;
    const size = fit(shape ?? picture, { width, height }, globalThis.devicePixelRatio || 1);
    media.style.width = `${size.width}px`;
    media.style.height = `${size.height}px`;
    media.classList.toggle("sharp", size.sharp && !isReduced);
  }

  const observer = new ResizeObserver(resize);
  observer.observe(stage);
  begin();
  return {
    element: stage,
    shown,
    clip: { frames: framesOf(job), fps: job.fps },
    isGif: () => gif,
    /** Fit it into its place anew. */
    resize,
    /** Show it in the shape of another, or of its own. @param {{width: number, height: number} | null} other */
    stretchTo(other) {
      shape = other?.width && other?.height ? other : null;
      resize();
    },
    /** Whether it shows the cells of its sprite, or nothing: not every frame. */
    cellsOnly: () => video === null && !gif,
    close() {
      closed = true;
      observer.disconnect();
      if (video !== null) releaseVideo(video);
      video = null;
      shown.moves = false;
      stage.remove();
    },
  };
}

/** Why a job has no video. */
function reasonOf(job) {
  const said = (job.chips || []).find(([kind, text]) => kind === job.state && text);
  return job.error || (said ? `No video: ${said[1]}.` : "There is no video.");
}

/**
 * Shows single frames of a video, and knows when one is on the screen: `seeked` says only that it was decoded, and the
 * screen may have the one before for several pictures more. Each that it is given is told by its own time.
 * @param {HTMLVideoElement} video
 * @param {number} rate  its frames per second
 */
function createSeeker(video, rate) {
  const tells = "requestVideoFrameCallback" in video;
  let presented = -1;
  let begun = 0;
  let waiting = () => {};
  const watch = (_, { mediaTime, presentationTime }) => {
    video.requestVideoFrameCallback(watch);
    // Of before the seek: told late.
    if (presentationTime < begun) return;
    // Chromium tells the time at which the frame begins, Firefox after a seek the one that was sought.
    presented = Math.floor(mediaTime * rate + 0.01);
    waiting();
  };
  if (tells) video.requestVideoFrameCallback(watch);

  /** Resolved when the frame is on the screen, or when it cannot be. @param {number} frame */
  return async function seek(frame) {
    const time = timeOf(frame, rate);
    if (video.readyState < HTMLMediaElement.HAVE_METADATA) await eventOf(video, ["loadedmetadata"], () => true);
    const there = () => !video.seeking && Math.abs(video.currentTime - time) < 0.001;
    const known = () => !tells || presented === frame;
    if (video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA && there() && known()) return;
    begun = performance.now();
    presented = -1;
    video.currentTime = time;
    await eventOf(video, ["seeked", "loadeddata"], () => there() && video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA);
    if (!known()) await new Promise((resolve) => {
      // A page in the background presents nothing.
      const timer = setTimeout(resolve, PRESENTED_MS);
      waiting = () => {
        if (!known()) return;
        clearTimeout(timer);
        resolve();
      };
    });
    // Given to the screen, which has it two pictures later.
    await nextPicture();
    await nextPicture();
  };
}

function eventOf(video, names, isEnough) {
  return new Promise((resolve) => {
    const all = [...names, "error", "emptied"];
    const finish = (event) => {
      if (event && names.includes(event.type) && !isEnough()) return;
      clearTimeout(timer);
      for (const name of all) video.removeEventListener(name, finish);
      resolve();
    };
    const timer = setTimeout(finish, PATIENCE_MS);
    for (const name of all) video.addEventListener(name, finish);
  });
}

/** The screen's next picture; a page in the background has none, and goes on. */
function nextPicture() {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 250);
    requestAnimationFrame(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
