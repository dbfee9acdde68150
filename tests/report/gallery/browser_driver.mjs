// Drives one real browser for browser.py. Each line on standard input is a command as JSON, `{"id", "name", ...}`, and is
// answered by one line, `{"id", "value"}` or `{"id", "error"}`. The end of standard input closes the browser, and removes
// its home: so nothing stays of a test run that was killed.
import { rmSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";

const [modules, kind, executablePath, home, preferences] = process.argv.slice(2);
let browser = null;
process.on("exit", () => {
  // Its process group, which has most of what still writes there.
  try {
    process.kill(-browser.process().pid, "SIGKILL");
  } catch {
    // It has ended, or has never begun.
  }
  rmSync(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});
const puppeteer = createRequire(`${modules}/`)("puppeteer-core");

/** No part of a test takes longer, even on a machine with other work. */
const LIMIT = 60_000;

/** Policies are violated silently in Firefox: in both, the page says so in the console, which is recorded. */
const REPORT_VIOLATIONS = `addEventListener("securitypolicyviolation", (event) => console.error(
    "Content-Security-Policy: " + event.effectiveDirective + " forbids " + event.blockedURI + " " + event.sample));`;

/** What goes to the network arrives here and is recorded; nothing is answered. Browsers ask for updates by themselves. */
const OWN_HOSTS = /\b(mozilla\.(com|org|net)|firefox\.com|google\.com|googleapis\.com|gstatic\.com|gvt1\.com)\b/;
const network = [];
const proxy = createServer((socket) => {
  socket.on("error", () => {});
  socket.once("data", (data) => {
    const line = data.toString("latin1").split("\r\n")[0];
    if (!OWN_HOSTS.test(line)) network.push(line);
    socket.destroy();
  });
});
await new Promise((listening) => proxy.listen(0, "127.0.0.1", listening));
const port = proxy.address().port;

browser = await puppeteer.launch({
  browser: kind,
  executablePath,
  userDataDir: join(home, "profile"),
  headless: true,
  defaultViewport: null,
  protocolTimeout: 3 * LIMIT,
  timeout: LIMIT,
  ...(kind === "chrome"
    ? {
        pipe: true,
        args: [
          "--no-sandbox",
          "--disable-gpu",
          "--disable-dev-shm-usage",
          "--disable-quic",
          "--no-first-run",
          "--mute-audio",
          "--hide-scrollbars=0",
          `--proxy-server=http://127.0.0.1:${port}`,
          "--proxy-bypass-list=<-loopback>",
        ],
      }
    : {
        extraPrefsFirefox: {
          "network.proxy.type": 1,
          "network.proxy.http": "127.0.0.1",
          "network.proxy.http_port": port,
          "network.proxy.ssl": "127.0.0.1",
          "network.proxy.ssl_port": port,
          "network.proxy.allow_hijacking_localhost": true,
          "network.captive-portal-service.enabled": false,
          "network.connectivity-service.enabled": false,
          "media.autoplay.default": 0,
          ...JSON.parse(preferences),
        },
      }),
});

const pages = new Map();
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Calls `look` until it returns something; what it throws counts as nothing yet. */
async function until(look, what, limit = LIMIT) {
  const end = performance.now() + limit;
  let error = null;
  for (;;) {
    try {
      const found = await look();
      if (found) return found;
      error = null;
    } catch (thrown) {
      error = thrown;
    }
    if (performance.now() > end) throw new Error(`${what}: not after ${limit / 1000} s${error ? `: ${error.message}` : ""}`);
    await pause(30);
  }
}

/** The first visible element that matches. */
const find = (page, selector) =>
  until(async () => {
    const element = await page.$(selector);
    return element && (await element.isVisible()) && element;
  }, `a visible ${selector}`);

/** `[x, y]` as it is, of a selector the middle of its element, scrolled into view. */
async function point(page, place) {
  if (Array.isArray(place)) return place;
  const element = await find(page, place);
  await element.scrollIntoView();
  const { x, y } = await element.clickablePoint();
  return [x, y];
}

async function open({ url, width, height, scale, scheme, downloads, before }) {
  const context = await browser.createBrowserContext({ downloadBehavior: { policy: "allow", downloadPath: downloads } });
  const page = await context.newPage();
  const record = { page, context, console: [], errors: [], requests: [], cdp: null };
  page.on("console", (message) => {
    const kept = ["error", "warn", "warning", "assert"].includes(message.type()) ? record.errors : record.console;
    kept.push(`${message.type()}: ${message.text()}${message.location()?.url ? ` (${message.location().url})` : ""}`);
  });
  page.on("pageerror", (error) => record.errors.push(`uncaught: ${error.stack ?? error.message ?? error}`));
  page.on("error", (error) => record.errors.push(`crashed: ${error.message}`));
  page.on("dialog", (dialog) => {
    record.errors.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("popup", (popup) => record.errors.push(`opened a window: ${popup?.url()}`));
  page.on("request", (request) => record.requests.push(request.url()));
  // A page that is watched keeps the bodies of all that it loads; its memory is to be the page's own.
  if (kind === "chrome") await page._client().send("Network.enable", { maxTotalBufferSize: 1, maxResourceBufferSize: 1 });
  await page.evaluateOnNewDocument(REPORT_VIOLATIONS + before);
  await page.setViewport({ width, height, deviceScaleFactor: scale });
  if (kind === "chrome") await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  else if (scheme !== "light") throw new Error("only Chromium can be asked for a dark page");
  const id = pages.size + 1;
  pages.set(id, record);
  await page.goto(url, { timeout: LIMIT });
  return id;
}

const COMMANDS = {
  version: () => browser.version(),
  network: () => network,
  open,
  records: ({ page }) => (({ console, errors, requests }) => ({ console, errors, requests }))(pages.get(page)),
  async close({ page }) {
    await pages.get(page).context.close();
    pages.delete(page);
  },
};

const ON_PAGE = {
  goto: (page, { url }) => page.goto(url, { timeout: LIMIT }),
  reload: (page) => page.reload({ timeout: LIMIT }),
  back: (page) => page.goBack({ timeout: LIMIT }),
  evaluate: (page, { script }) => page.evaluate(script),
  run_file: (page, { path }) => page.addScriptTag({ path }),
  wait_for: (page, { script, limit }) => until(() => page.evaluate(script), script, limit * 1000),
  async click(page, { place, count, button }) {
    await page.mouse.click(...(await point(page, place)), { count, button });
  },
  async hover(page, { place }) {
    await page.mouse.move(...(await point(page, place)), { steps: 3 });
  },
  async tap(page, { place }) {
    await page.touchscreen.tap(...(await point(page, place)));
  },
  async drag(page, { start, end, steps }) {
    await page.mouse.move(...(await point(page, start)));
    await page.mouse.down();
    await page.mouse.move(...(await point(page, end)), { steps });
    await page.mouse.up();
  },
  async wheel(page, { x, y }) {
    await page.mouse.wheel({ deltaX: x, deltaY: y });
  },
  async press(page, { keys }) {
    const held = keys.split("+").filter((key) => key !== "");
    const last = held.pop() ?? "+";
    for (const key of held) await page.keyboard.down(key);
    await page.keyboard.press(last);
    for (const key of held.reverse()) await page.keyboard.up(key);
  },
  async type(page, { selector, text }) {
    if (selector) await (await find(page, selector)).focus();
    await page.keyboard.type(text);
  },
  async select(page, { selector, values }) {
    await find(page, selector);
    return page.select(selector, ...values);
  },
  async upload(page, { selector, paths }) {
    const element = await until(() => page.$(selector), selector);
    await element.uploadFile(...paths);
  },
  async screenshot(page, { selector, whole }) {
    const target = selector ? await find(page, selector) : page;
    return target.screenshot({ type: "png", encoding: "base64", ...(whole ? { fullPage: true } : {}) });
  },
  viewport: (page, { width, height, scale }) => page.setViewport({ width, height, deviceScaleFactor: scale }),
  media: (page, { type }) => page.emulateMediaType(type),
  async cdp(page, { method, params }, record) {
    record.cdp ??= await page.createCDPSession();
    return record.cdp.send(method, params);
  },
};

async function answer(command) {
  if (command.name in COMMANDS) return COMMANDS[command.name](command);
  const record = pages.get(command.page);
  return ON_PAGE[command.name](record.page, command, record);
}

/** At once, also in the middle of a command: nobody waits for its answer any more. */
async function end() {
  setTimeout(() => process.exit(1), LIMIT / 3);
  await browser.close();
  process.exit(0);
}

process.stdin.on("end", end);
process.stdout.on("error", end);
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
const empty = await browser.newPage();
const playsH264 = await empty.evaluate(() => document.createElement("video").canPlayType('video/mp4; codecs="avc1.64001f"'));
await empty.close();
say({ id: 0, value: [browser.process().pid, playsH264 !== ""] });
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  try {
    const value = await answer(command);
    say({ id: command.id, value: ["goto", "reload", "back", "run_file"].includes(command.name) ? null : (value ?? null) });
  } catch (error) {
    say({ id: command.id, error: error.message });
  }
}
