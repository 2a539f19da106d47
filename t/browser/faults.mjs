// Two people write to each other without a pause while everything under them is reloaded, killed and
// emptied: each message is stored once, in its writer's order, and both see what the server has.
// And what people are told of a connection that is away.

import assert from "node:assert/strict";
import { test } from "node:test";
import { newPerson, nothingToComplain, screenshot } from "./lib/browser.mjs";
import { hears, open, rows, said, write } from "./lib/chat.mjs";
import { until } from "./lib/demo.mjs";
import { browser, demo } from "./lib/stage.mjs";
import { becomes, caller, history, isIn, knows, newTab, say } from "./lib/tabs.mjs";

// Requests that find nobody, or a proxy's 502 and 503, are complained of, rightly.
const broken = [/Failed to load resource/, /net::ERR_/];
const MESSAGES = 200;
const PACE = 90; // ms: while they write, all of it happens

async function person(t, id, options = {}) {
  const someone = await newPerson(browser, { expected: broken });
  t.after(() => someone.context.close());
  await someone.page.close();
  await becomes(someone.context, demo, id);
  someone.page = await newTab(someone.context, demo, options);
  return someone;
}

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** Writes by the page's own client, at its pace, whatever becomes of it. */
const writes = (page, id, who) =>
  page.evaluate(
    async ([id, who, count, pace]) => {
      const { client } = document.querySelector("messaging-provider");
      for (let number = 0; number < count; number++) {
        client.send({ conversation: id }, { content: `${who} ${number}` });
        await new Promise((done) => setTimeout(done, pace));
      }
    },
    [id, who, MESSAGES, PACE],
  );

/** All that the page's client has of a conversation, from oldest to newest. */
const has = (page, id) =>
  page.evaluate((id) => {
    const { client } = document.querySelector("messaging-provider");
    return client.thread(id).messages.map(({ content }) => content);
  }, id);

for (const [what, attributes] of [
  ["a SharedWorker", ""],
  ["a leader", 'worker="none"'],
]) {
  test(`two people write while nginx, worker and Redis come and go; the stream by ${what}`, async (t) => {
    const names = ["ann", "ben"].map((name) => `${name}-${what.split(" ")[1]}`);
    const calls = await Promise.all(names.map((name) => caller(demo, name)));
    const id = await say(calls[0], names[1], "begin");
    const to = `?conversation=${id}`;
    const people = await Promise.all(names.map((name) => person(t, name, { attributes, to })));
    // A third has another conversation with one of them, which nobody opens.
    const third = await caller(demo, `third-${names[0]}`);
    for (const { page } of people) {
      await hears(page, "begin");
      await isIn(page, "open");
    }
    const writing = people.map(({ page }, at) => writes(page, id, names[at]));
    const faults = [
      () => demo.reload(),
      () => demo.kill("worker"),
      () => demo.reload(),
      () => demo.kill("redis"),
      () => demo.reload(),
      () => demo.kill("nginx"),
      () => demo.kill("worker"),
      () => demo.kill("redis"),
    ];
    let unseen = 0;
    for (const fault of faults) {
      await pause(1800);
      await until("it runs again", () => {
        try {
          fault();
          return true;
        } catch {
          return false; // who was killed before is not yet back
        }
      });
      await until("somebody else is heard", () =>
        say(third, names[0], `unseen ${unseen}`).then(
          () => true,
          () => false,
        ),
      );
      unseen++;
    }
    await Promise.all(writing);
    for (const { page } of people) {
      await until("nothing is unsent", async () => (await knows(page)).unsent === 0, 60_000);
      await isIn(page, "open");
    }
    const stored = (await history(calls[0], id)).map(({ content }) => content);
    assert.equal(stored.length, 1 + 2 * MESSAGES);
    for (const name of names) {
      const own = stored.filter((content) => content.startsWith(`${name} `));
      assert.deepEqual(
        own,
        Array.from({ length: MESSAGES }, (_, number) => `${name} ${number}`),
        "once each, in order",
      );
    }
    for (const [at, { page }] of people.entries()) {
      await until("all is there", async () => (await has(page, id)).length >= stored.length);
      assert.deepEqual(await has(page, id), stored);
      await until("it is shown", async () => (await said(page)).at(-1) === stored.at(-1));
      assert.deepEqual(await said(page), stored);
      const unread = async () => (await calls[at]("GET", "/unread-count")).count;
      await until("as many are unread as the server says", async () => {
        const [there, here] = [await unread(), (await knows(page)).unread];
        return there === here;
      });
      assert.equal(await page.locator(".unsent").count(), 0);
    }
    assert.ok((await knows(people[0].page)).unread >= unseen, "those of the third");
    assert.equal((await knows(people[1].page)).unread, 0, "what was in sight was read");
    await rows(people[0].page, `unseen ${unseen - 1}`).waitFor();
    nothingToComplain(...people);
  });
}

test("a connection that is away is told of only after some seconds, with a button that tries again", async (t) => {
  // The longest pauses that there can be, in the page, where requests are seen.
  const one = await person(t, "waiter", {
    attributes: 'worker="none"',
    prepare: (page) =>
      page.addInitScript(() => {
        Math.random = () => 0.99;
      }),
  });
  const { page } = one;
  const call = await caller(demo, "friend-of-waiter");
  await say(call, "waiter", "before");
  await open(page, "friend-of-waiter");
  const status = page.locator("messaging-provider > messaging-status");
  await status.getByText("Connected").waitFor();
  // Every word that is said of it, and when.
  await page.evaluate(() => {
    globalThis.told = [];
    const { renderRoot } = document.querySelector("messaging-status");
    const look = () => {
      const text = renderRoot.textContent.trim().replaceAll(/\s+/g, " ");
      if (globalThis.told.at(-1)?.[0] !== text) globalThis.told.push([text, performance.now()]);
    };
    new MutationObserver(look).observe(renderRoot, {
      subtree: true,
      childList: true,
      characterData: true,
    });
    look();
  });
  // A short absence is nobody's business.
  demo.kill("nginx");
  await until("it is away", async () => (await knows(page)).state === "connecting");
  const away = Date.now();
  await isIn(page, "open");
  const told = await page.evaluate(() => globalThis.told.splice(1));
  // The second attempt may fall after that time.
  assert.ok(told.length === 0 || Date.now() - away > 3500, `nothing is said: ${told}`);

  const back = demo.takeAway("nginx");
  const left = Date.now();
  t.after(back);
  await until("it is away", async () => (await knows(page)).state === "connecting");
  const began = await page.evaluate(() => performance.now());
  await write(page, "while it was away");
  const retry = status.getByRole("button", { name: /try again|retry|reconnect/i });
  await retry.waitFor();
  const [text, at] = await page.evaluate(() => globalThis.told.at(-1));
  assert.match(text, /Reconnecting|No connection/i);
  assert.ok(at - began > 3000, `said after ${at - began} ms`);
  await screenshot(page, "faults-reconnecting");
  // The pauses between attempts have grown to 8 s and more; the button does not wait for them.
  let failed = 0;
  page.on("requestfailed", (request) => {
    if (request.url().endsWith("/stream")) failed = Date.now();
  });
  await until("an attempt, some time later", () => failed > left + 7500);
  back();
  await until("nginx is there", async () =>
    demo.ask(null, "/api/messages/status").then(
      ({ status }) => status === 200,
      () => false,
    ),
  );
  const pressed = Date.now();
  if (await retry.isVisible()) await retry.click().catch(() => {});
  await isIn(page, "open");
  await status.getByText("Connected").waitFor();
  const took = Date.now() - pressed;
  assert.ok(took < 2500, `open after ${took} ms`);
  await until("it is sent", async () => (await knows(page)).unsent === 0);
  await say(call, "waiter", "after");
  await hears(page, "after");
  assert.deepEqual(await said(page), ["before", "while it was away", "after"]);
  nothingToComplain(one);
});
