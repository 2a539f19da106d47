// What one person learns of another: read is what was looked at, in front and at the end; who writes
// and who is there; what was begun is kept. And how few requests the first sight of an inbox takes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { nothingToComplain } from "./lib/browser.mjs";
import { badgeIs, box, hears, open, rows } from "./lib/chat.mjs";
import { until } from "./lib/demo.mjs";
import { browser, demo } from "./lib/stage.mjs";
import { caller, counted, isIn, newTab, say } from "./lib/tabs.mjs";

async function person(t, id, options = {}) {
  const someone = await counted(t, browser, demo, id);
  if (options) someone.page = await newTab(someone.context, someone.relay, options);
  return someone;
}

/** The page is in front, or not: all of a headless Chromium's are, so it is told. */
const inFront = (page, is) =>
  page.evaluate((is) => {
    Object.defineProperty(document, "visibilityState", {
      configurable: true,
      get: () => (is ? "visible" : "hidden"),
    });
    document.hasFocus = () => is;
    document.dispatchEvent(new Event("visibilitychange"));
    window.dispatchEvent(new Event(is ? "focus" : "blur"));
  }, is);

const reads = (relay) => relay.asked(/^PATCH .*\/read/).length;

test("read is what is in sight, in a page that is in front", async (t) => {
  const one = await person(t, "reader");
  const { page, relay } = one;
  const call = await caller(demo, "friend-of-reader");
  for (let number = 0; number < 30; number++) await say(call, "reader", `line ${number}`);
  const unread = async () => (await (await caller(demo, "reader"))("GET", "/unread-count")).count;
  await badgeIs(page, 30);
  assert.equal(await page.title(), "(30) Tab");
  assert.equal(reads(relay), 0, "in the list, nothing is read");
  await open(page, "friend-of-reader");
  await badgeIs(page, 0);
  await until("the title says so", async () => (await page.title()) === "Tab");
  assert.equal(await unread(), 0);
  const before = reads(relay);
  assert.equal(before, 1, "one request for all of them");

  await inFront(page, false);
  await say(call, "reader", "in the background");
  await hears(page, "in the background");
  await badgeIs(page, 1);
  assert.equal(await page.title(), "(1) Tab");
  assert.equal(reads(relay), before);
  await inFront(page, true);
  await badgeIs(page, 0);
  assert.equal(await unread(), 0);

  const scroller = page.locator("messaging-thread .scroller");
  await scroller.evaluate((one) => one.scrollTo({ top: -one.scrollHeight }));
  await page.getByRole("button", { name: /newest/i }).waitFor();
  const then = reads(relay);
  await say(call, "reader", "further down");
  await badgeIs(page, 1);
  await hears(page, "further down");
  assert.equal(reads(relay), then, "it is not in sight");
  assert.equal(await unread(), 1);
  await page.getByRole("button", { name: /newest/i }).click();
  await badgeIs(page, 0);
  assert.equal(await unread(), 0);
  nothingToComplain(one);
});

test("typing is said seldom, and ends by itself; who is there is shown", async (t) => {
  const id = await say(await caller(demo, "writer"), "watcher", "begin");
  const to = `?conversation=${id}`;
  const watcher = await person(t, "watcher", { to });
  await hears(watcher.page, "begin");
  const header = watcher.page.locator("messaging-thread header small");
  assert.doesNotMatch(await header.textContent(), /^online/i);
  const writer = await person(t, "writer", { to });
  await hears(writer.page, "begin");
  await header.getByText(/online/i).waitFor();
  const said = () => writer.relay.asked(/^POST .*\/typing/).length;
  await box(writer.page).pressSequentially("a text of more than thirty keys, in a go", {
    delay: 30,
  });
  const typing = watcher.page.locator("messaging-thread .typing");
  await typing.getByText(/writer/).waitFor();
  assert.equal(said(), 1, "once for all those keys");
  await box(writer.page).fill("");
  await until("it ends", async () => (await typing.textContent()).trim() === "");
  assert.equal(said(), 2);
  // Somebody who goes away in mid-word.
  await box(writer.page).pressSequentially("and");
  await typing.getByText(/writer/).waitFor();
  await writer.page.close();
  await until("it ends by itself", async () => (await typing.textContent()).trim() === "");
  await until("is not there", async () => !/^online/i.test(await header.textContent()), 60_000);
  nothingToComplain(watcher, writer);
});

test("each conversation has a draft of its own", async (t) => {
  for (const name of ["left", "right"])
    await say(await caller(demo, name), "drafter", `of ${name}`);
  const one = await person(t, "drafter");
  const { page } = one;
  for (const name of ["left", "right"]) {
    await open(page, `of ${name}`);
    await hears(page, `of ${name}`);
    assert.equal(await box(page).inputValue(), "");
    await box(page).fill(`draft for ${name}`);
  }
  await page.reload();
  await isIn(page, "open");
  for (const name of ["left", "right"]) {
    await open(page, `of ${name}`);
    await hears(page, `of ${name}`);
    await until("it is there", async () => (await box(page).inputValue()) === `draft for ${name}`);
  }
  nothingToComplain(one);
});

test("what is typed before the server has said who types stays", async (t) => {
  const one = await person(t, "early", null);
  const { relay, context } = one;
  const id = await say(await caller(demo, "late"), "early", "of late");
  let release = () => {};
  const free = new Promise((done) => {
    release = done;
  });
  relay.answer = async ({ path }) => {
    if (path.startsWith("/api/")) await free;
    return null;
  };
  const page = await newTab(context, relay, { to: `?conversation=${id}` });
  await box(page).fill("begun early");
  release();
  await isIn(page, "open");
  await hears(page, "of late");
  assert.equal(await box(page).inputValue(), "begun early");
  await page.reload();
  await isIn(page, "open");
  await until("it is a draft", async () => (await box(page).inputValue()) === "begun early");
  nothingToComplain(one);
});

test("the first sight of the inbox takes one request", async (t) => {
  const one = await person(t, "visitor", null);
  const { relay, context } = one;
  for (const name of ["x", "y", "z"]) await say(await caller(demo, name), "visitor", `of ${name}`);
  const held = [];
  let release = () => {};
  const free = new Promise((done) => {
    release = done;
  });
  relay.answer = async ({ method, path }) => {
    if (path.startsWith("/api/") && !/^\/api\/messages\/conversations(\?|$)/.test(path)) {
      held.push(`${method} ${path}`);
      await free;
    }
    return null;
  };
  const page = await newTab(context, relay);
  await rows(page, "of x").waitFor();
  assert.equal(await rows(page).count(), 3);
  const answered = relay.asked(/ \/api\//).filter(({ status }) => status > 0);
  assert.deepEqual(
    answered.map(({ method, status }) => [method, status]),
    [["GET", 200]],
  );
  assert.ok(held.length <= 2, `beside it: ${held}`);
  release();
  await isIn(page, "open");
  await badgeIs(page, 3);
  nothingToComplain(one);
});
