// Debian's Chromium for the tests: a context for each person, who signs in by choosing themselves
// as people do. What a page complains of (its console, its policy, an exception) is collected, and
// a test ends with "nothing to complain of". What a test prints goes to standard error: standard
// output is TAP.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { root } from "./demo.mjs";

const require = createRequire(join(root, "web/package.json"));
const { chromium } = require("playwright-core");
const axeSource = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

export const desktop = { width: 1280, height: 800 };
export const phone = { width: 390, height: 844 };

export function launch(options = {}) {
  return chromium.launch({
    ...options,
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--disable-background-networking",
    ],
  });
}

/**
 * Somebody with a browser of their own. `expected`: what the console may say all the same, as
 * regular expressions; Chromium reports every refused request there.
 */
export async function newPerson(browser, options = {}) {
  const { expected = [], viewport = desktop, dark = false, ...more } = options;
  const context = await browser.newContext({
    viewport,
    colorScheme: dark ? "dark" : "light",
    locale: "fr-FR",
    timezoneId: "Europe/Paris",
    reducedMotion: "reduce",
    hasTouch: viewport.width < 600,
    isMobile: viewport.width < 600,
    ...more,
  });
  const complaints = [];
  const complain = (text) => {
    if (!expected.some((pattern) => pattern.test(text))) complaints.push(text);
  };
  context.on("console", (message) => {
    if (message.type() !== "error" && message.type() !== "warning") return;
    complain(`console: ${message.text()} (${message.location().url})`);
  });
  context.on("weberror", (web) => complain(`exception: ${web.error()?.stack ?? web.error()}`));
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) =>
      console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`),
    );
  });
  const page = await context.newPage();
  return { context, page, complaints, expected };
}

/** Chooses who to be on the site's own sign-in page, and goes where that leads. */
export async function signIn(page, demo, site, name, to = null) {
  await page.goto(demo.url(site, to ? `/signin?to=${to}` : "/signin"));
  await page.locator(".choices a").filter({ hasText: name }).first().click();
  await page.waitForURL((url) => !url.pathname.startsWith("/signin"));
  await settled(page);
}

/** Loaded, and each provider has its client: one that goes on before that breaks off its requests,
 *  which the page then complains of. */
export async function settled(page) {
  await page.waitForLoadState("load");
  await page.waitForFunction(() =>
    [...document.querySelectorAll("messaging-provider:defined")].every(({ client }) => client),
  );
}

export function nothingToComplain(...people) {
  for (const { complaints } of people) assert.deepEqual(complaints, []);
}

/** Into build/screens, to be looked at. */
export async function screenshot(page, name, options = {}) {
  const folder = join(root, "build/screens");
  mkdirSync(folder, { recursive: true });
  const file = `${name.replace(/\W+/g, "-")}.png`;
  await page.screenshot({ path: join(folder, file), animations: "disabled", ...options });
}

/**
 * What axe-core finds against WCAG 2.2 AA and its own best practice, a line each. It runs by the
 * debugger's evaluate, which no policy of the page's forbids; shadow roots are looked into.
 */
export async function axe(page, include = null) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axeSource);
  const violations = await page.evaluate(async (selector) => {
    const values = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const found = await window.axe.run(selector ?? document, {
      runOnly: { type: "tag", values },
      resultTypes: ["violations"],
    });
    return found.violations.flatMap(({ id, nodes }) =>
      nodes.map((node) => `${id}: ${node.target.flat().join(" ")}: ${node.failureSummary}`),
    );
  }, include);
  return violations;
}

export async function accessible(page, what, include = null) {
  assert.deepEqual(await axe(page, include), [], `axe: ${what}`);
}

/**
 * Somebody of the canonical API on a page of nothing but `markup`, which the browser is handed under
 * /bare: signed in by the site's own cookie.
 */
export async function bare(person, demo, name, markup, { lang = "en", dir = "ltr", to = "" } = {}) {
  const { context, page } = person;
  const id = name.toLowerCase();
  const [value] = await demo.tokens(id, "--name", name);
  await context.addCookies([{ name: "session", value, url: demo.url(null) }]);
  await page.route("**/bare*", (route) =>
    route.fulfill({
      contentType: "text/html; charset=utf-8",
      headers: { "Content-Security-Policy": "default-src 'self'; base-uri 'none'" },
      body: `<!doctype html><html lang="${lang}" dir="${dir}"><head><title>Messages</title>
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <link rel="stylesheet" href="/bare.css">
        <script src="/messaging/messaging.js" defer></script></head>
        <body><main><h1>Messages</h1>
        <messaging-provider api="/api/messages" theme="auto" sign-in="/signin">${markup}</messaging-provider>
        </main></body></html>`,
    }),
  );
  await page.route("**/bare.css", (route) =>
    route.fulfill({ contentType: "text/css", body: "html { background: light-dark(#fff, #111) }" }),
  );
  await page.goto(demo.url(null, `/bare${to}`));
  await settled(page);
}
