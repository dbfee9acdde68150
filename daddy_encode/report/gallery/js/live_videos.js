// Few videos live at once: each costs a browser memory and a decoder, and beyond some it shows black pictures.

import { safeUrl } from "./dom.js";

/** The most <video> elements of the page at any time. */
export const MOST_LIVE = 12;

const live = new Set();

/**
 * A silent video that shows its first frame and waits; null where there are enough.
 * @param {string} url
 * @returns {HTMLVideoElement | null}
 */
export function takeVideo(url) {
  if (live.size >= MOST_LIVE) return null;
  const video = document.createElement("video");
  live.add(video);
  video.muted = true;
  video.playsInline = true;
  video.disablePictureInPicture = true;
  video.disableRemotePlayback = true;
  video.preload = "auto";
  video.tabIndex = -1;
  video.src = safeUrl(url);
  return video;
}

/** Take it off the page, and give its memory and decoder back. @param {HTMLVideoElement} video */
export function releaseVideo(video) {
  if (!live.delete(video)) return;
  video.pause();
  video.removeAttribute("src");
  // Without a source: this frees what the old one held.
  video.load();
  video.remove();
}
