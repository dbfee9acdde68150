// Each job's sprite and annotations lie in a file of their own, read when they are needed: as a script, since a page
// that was opened from a file may read nothing else.

/** Characters of sprites and numbers that are kept: about 100 jobs, some 25 MB. */
const KEPT = 24_000_000;
const AT_ONCE = 6;
const TIMEOUT_MS = 30_000;

/**
 * What was used last is kept, up to a total weight; the newest is kept in any case.
 * @param {number} limit
 */
export function createCache(limit) {
  const entries = new Map();
  let total = 0;
  return {
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      entries.delete(key);
      entries.set(key, entry);
      return entry.value;
    },
    put(key, value, weight) {
      if (entries.has(key)) total -= entries.get(key).weight;
      entries.delete(key);
      entries.set(key, { value, weight });
      total += weight;
      for (const [oldest, entry] of entries) {
        if (total <= limit || oldest === key) break;
        entries.delete(oldest);
        total -= entry.weight;
      }
    },
    keys: () => [...entries.keys()],
  };
}

/**
 * @param {string} files URL of the folder of the jobs' files, relative to the page
 * @param {(url: string, done: (ok: boolean) => void) => void} load loads a script
 * @returns {((id: string) => Promise<object>) & {received(id: string, value: object): void, forget(id: string): void,
 *   hold(isHeld: boolean): void}}
 *   a job's details; asking twice loads once, and who asked last is served first: that is what is in view
 */
export function createDetails(files, load) {
  const cache = createCache(KEPT);
  const wanted = new Map();
  let loading = 0;
  let held = false;

  function next() {
    while (!held && loading < AT_ONCE) {
      const request = [...wanted.values()].filter((one) => !one.started).pop();
      if (request === undefined) return;
      request.started = true;
      loading += 1;
      load(`${files}${request.id}.js`, () => finish(request));
    }
  }

  function finish(request) {
    loading -= 1;
    wanted.delete(request.id);
    if (request.value === undefined) request.reject(new Error("its file in the folder beside this page cannot be read"));
    else {
      cache.put(request.id, request.value, weight(request.value));
      request.resolve(request.value);
    }
    next();
  }

  function details(id) {
    const known = cache.get(id);
    if (known !== undefined) return Promise.resolve(known);
    if (!wanted.has(id)) {
      const request = { id, started: false, askers: 0 };
      request.promise = new Promise((resolve, reject) => Object.assign(request, { resolve, reject }));
      wanted.set(id, request);
      // Not at once: who scrolls past asks for many in one turn, and the last of them comes first.
      Promise.resolve().then(next);
    }
    wanted.get(id).askers += 1;
    return wanted.get(id).promise;
  }

  /** A job's file has run. */
  details.received = (id, value) => {
    const request = wanted.get(id);
    if (request !== undefined && request.started) request.value = value;
  };
  /** Begin no loading until told otherwise. */
  details.hold = (isHeld) => {
    held = isHeld;
    next();
  };
  /** One of those who asked waits no more; when nobody does, it is not loaded, if that has not begun. */
  details.forget = (id) => {
    const request = wanted.get(id);
    if (request === undefined || request.started) return;
    request.askers -= 1;
    if (request.askers > 0) return;
    wanted.delete(id);
    request.promise.catch(() => undefined);
    request.reject(new Error("no longer wanted"));
  };
  return details;
}

/**
 * Load a script beside the page, and remove its element again.
 * @param {string} url
 * @param {(ok: boolean) => void} done called once
 */
export function loadScript(url, done) {
  const script = document.createElement("script");
  let finished = false;
  const finish = (ok) => {
    if (finished) return;
    finished = true;
    clearTimeout(timer);
    script.remove();
    done(ok);
  };
  const timer = setTimeout(() => finish(false), TIMEOUT_MS);
  script.addEventListener("load", () => finish(true));
  script.addEventListener("error", () => finish(false));
  script.src = url;
  document.head.append(script);
}

function weight(details) {
  let total = [details.poster, details.sprite].reduce((sum, url) => sum + (typeof url === "string" ? url.length : 0), 0);
  for (const numbers of Object.values(details.columns || {})) total += 8 * numbers.length;
  for (const texts of Object.values(details.texts || {})) {
    for (const [, words] of texts) total += 16 + 2 * words.length;
  }
  return total + 1000;
}
