// Drives Chromium for a test: one JSON line in, one JSON line out, until standard input ends. It decides nothing and
// waits for nothing but what the page itself does; what must hold is said by the test.
"use strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [, , packages, chromiumPath] = process.argv;
const require = createRequire(packages + "/");
const { chromium } = require("playwright-core");
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

// Long enough for a loaded machine; reaching it is a failure.
const LIMIT = 60_000;
// Without these Chromium looks for its maker's servers at every start.
const OFFLINE = [
  "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
  "--disable-sync",
];

const browser = await chromium.launch({ executablePath: chromiumPath, args: OFFLINE });
const screens = new Map();

const locate = (screen, selector, text) => {
  const found = screen.page.locator(selector);
  return (text === undefined || text === null ? found : found.filter({ hasText: text })).first();
};

const listen = (screen) => {
  const { page } = screen;
  page.setDefaultTimeout(LIMIT);
  page.on("pageerror", (error) => screen.noise.push("error: " + error));
  page.on("console", (message) => {
    const { url } = message.location();
    // A refusal is an answer; everything else that a browser complains of is a fault of the page.
    if (message.type() === "error" && !/status of 4\d\d/.test(message.text())) screen.noise.push(message.text() + " " + url);
  });
  page.on("request", (request) => {
    const { origin } = new URL(request.url());
    if (origin !== screen.origin) screen.noise.push("foreign request: " + request.url());
  });
};

const does = {
  async screen({ name, origin, lang, width, height, script, like }) {
    const context = await browser.newContext({
      baseURL: origin,
      locale: lang === "en" ? "en-GB" : "de-DE",
      viewport: { width, height },
      javaScriptEnabled: script,
      reducedMotion: "reduce",
    });
    if (like) await context.addCookies(await screens.get(like).context.cookies());
    const screen = { context, origin, noise: [], page: await context.newPage() };
    listen(screen);
    screens.set(name, screen);
  },
  async leave({ name }) {
    await screens.get(name).context.close();
    screens.delete(name);
  },
  async go({ name, path }) {
    const answer = await screens.get(name).page.goto(path, { waitUntil: "load" });
    return answer.status();
  },
  async reload({ name }) {
    return (await screens.get(name).page.reload({ waitUntil: "load" })).status();
  },
  async fill({ name, selector, text }) {
    await locate(screens.get(name), selector).fill(text);
  },
  async choose({ name, selector, text }) {
    await locate(screens.get(name), selector).selectOption(text);
  },
  async tick({ name, selector }) {
    await locate(screens.get(name), selector).check();
  },
  async press({ name, text }) {
    await screens.get(name).page.keyboard.press(text);
  },
  async focus({ name, selector }) {
    await locate(screens.get(name), selector).focus();
  },
  // Clicks something that leads to another page, and waits until that page is there.
  async follow({ name, selector, text }) {
    const screen = screens.get(name);
    const there = screen.page.waitForEvent("load");
    await locate(screen, selector, text).click();
    await there;
  },
  async click({ name, selector, text }) {
    await locate(screens.get(name), selector, text).click();
  },
  async until({ name, selector, text }) {
    await locate(screens.get(name), selector, text).waitFor({ state: "attached" });
  },
  async gone({ name, selector, text }) {
    await locate(screens.get(name), selector, text).waitFor({ state: "detached" });
  },
  async count({ name, selector }) {
    return screens.get(name).page.locator(selector).count();
  },
  async text({ name, selector }) {
    return locate(screens.get(name), selector).innerText();
  },
  async texts({ name, selector }) {
    return screens.get(name).page.locator(selector).allInnerTexts();
  },
  async value({ name, selector }) {
    return locate(screens.get(name), selector).inputValue();
  },
  async visible({ name, selector }) {
    return locate(screens.get(name), selector).isVisible();
  },
  async focused({ name }) {
    return screens.get(name).page.evaluate(() => {
      const node = document.activeElement;
      return [node.tagName, node.id, node.getAttribute("href") ?? ""].join(" ");
    });
  },
  async html({ name }) {
    return screens.get(name).page.content();
  },
  async links({ name }) {
    return screens.get(name).page.locator("[href]").evaluateAll((all) => all.map((one) => one.getAttribute("href")));
  },
  async path({ name }) {
    const { pathname, search } = new URL(screens.get(name).page.url());
    return pathname + search;
  },
  async size({ name, width, height }) {
    await screens.get(name).page.setViewportSize({ width, height });
  },
  async media({ name, text }) {
    await screens.get(name).page.emulateMedia({ media: text });
  },
  // What sticks out of the page to the right: parts that scroll in a box of their own do not.
  async wide({ name }) {
    return screens.get(name).page.evaluate(() => {
      const root = document.documentElement;
      const boxed = (node) => {
        for (let up = node.parentElement; up && up !== document.body; up = up.parentElement) {
          if (/auto|scroll|hidden/.test(getComputedStyle(up).overflowX)) return true;
        }
        return false;
      };
      if (root.scrollWidth <= root.clientWidth) return [];
      const out = [...document.body.querySelectorAll("*")].filter(
        (node) => node.getBoundingClientRect().right > root.clientWidth + 0.5 && !boxed(node),
      );
      return [root.scrollWidth + " px of " + root.clientWidth, ...out.slice(0, 8).map((node) => node.outerHTML.slice(0, 160))];
    });
  },
  async axe({ name }) {
    const { page } = screens.get(name);
    await page.evaluate(AXE);
    const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
    return found.violations.map((one) => ({
      id: one.id,
      impact: one.impact,
      help: one.help,
      nodes: one.nodes.slice(0, 5).map((node) => node.html.slice(0, 200) + " | " + node.failureSummary.slice(0, 300)),
    }));
  },
  async shot({ name, path }) {
    await screens.get(name).page.screenshot({ path, fullPage: true });
  },
  async print({ name, path }) {
    await screens.get(name).page.emulateMedia({ media: null });
    await screens.get(name).page.pdf({ path, format: "A4", printBackground: false });
  },
  // So many seconds from now, as people at a desk in Berlin write it into a form.
  async berlin({ seconds }) {
    const at = new Date(Date.now() + seconds * 1000);
    return at.toLocaleString("sv-SE", { timeZone: "Europe/Berlin" }).slice(0, 16).replace(" ", "T");
  },
  async noise({ name }) {
    return screens.get(name).noise;
  },
};

const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");
say({ ready: browser.version() });
for await (const line of createInterface({ input: process.stdin })) {
  const { does: what, ...rest } = JSON.parse(line);
  try {
    say({ said: (await does[what](rest)) ?? null });
  } catch (error) {
    const page = screens.get(rest.name)?.page;
    say({ failed: String(error?.message ?? error), at: page?.url() ?? "", page: (await page?.content().catch(() => "")) ?? "" });
  }
}
await browser.close();
