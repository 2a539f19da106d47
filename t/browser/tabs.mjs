// Tabs of one browser: one stream for all of them, whoever holds it; nothing is missed when a tab
// comes or goes; who signs in after somebody else sees nothing of them; and what becomes of it where
// no stream can be had. Requests are counted between browser and server.

import assert from "node:assert/strict";
import { test } from "node:test";
import { launch, newPerson, nothingToComplain } from "./lib/browser.mjs";
import { badge, badgeIs, box, hears, open, rows, said, write } from "./lib/chat.mjs";
import { until } from "./lib/demo.mjs";
import { browser, demo } from "./lib/stage.mjs";
import { becomes, caller, counted, history, isIn, knows, newTab, say } from "./lib/tabs.mjs";

const refused = [/status of 401/, /ERR_/];

/** Shows the end of them, at least as much as is loaded at once. */
async function shows(page, texts) {
  await until("the last is shown", async () => (await said(page)).at(-1) === texts.at(-1));
  const shown = await said(page);
  assert.ok(shown.length >= Math.min(50, texts.length), `${shown.length} are shown`);
  assert.deepEqual(shown, texts.slice(-shown.length));
}

for (const [way, attributes] of [
  ["a SharedWorker", ""],
  ["one of them", 'worker="none"'],
]) {
  test(`three tabs have one stream, of ${way}; tabs close and open while somebody writes`, async (t) => {
    const id = way.replaceAll(" ", "-");
    const someone = await counted(t, browser, demo, id);
    const { context, relay } = someone;
    const call = await caller(demo, `friend-of-${id}`);
    const conversation = await say(call, id, "0");
    const to = `?conversation=${conversation}`;
    const tabs = [];
    for (let number = 0; number < 3; number++) {
      tabs.push(await newTab(context, relay, { attributes, to }));
      await isIn(tabs[number], "open");
      await hears(tabs[number], "0");
      await until("one stream is open", () => relay.streams === 1);
    }
    assert.ok(relay.asked(/GET .*\/stream/).length <= 3, "no stream but for a page that comes");

    const texts = ["0"];
    let writing = true;
    const writer = (async () => {
      while (writing) {
        await say(call, id, `${texts.length}`);
        texts.push(`${texts.length}`);
        await new Promise((done) => setTimeout(done, 25));
      }
    })();
    const more = (count) => {
      const wanted = texts.length + count;
      return until("more is written", () => texts.length >= wanted);
    };
    await more(10);
    const from = relay.requests.length;
    await tabs.shift().close(); // it leads, where one of them does
    const taken = () => relay.asked(/stream/, from).filter(({ status }) => status === 200).length;
    await until("another tab has taken it over", () => taken() === (attributes ? 1 : 0));
    await more(20);
    await until("one stream is open", () => relay.streams === 1);
    assert.deepEqual(
      relay.asked(/^GET .*(conversations|unread-count)/, from).map(({ path }) => path),
      [],
      "who goes on where the other was need not fetch",
    );
    tabs.push(await newTab(context, relay, { attributes, to }));
    await more(20);
    await tabs[0].goBack(); // to about:blank
    await more(10);
    await tabs[0].goForward();
    await more(10);
    writing = false;
    await writer;
    for (const page of tabs) {
      await shows(page, texts);
      await isIn(page, "open");
    }
    assert.deepEqual(
      (await history(call, conversation)).map(({ content }) => content),
      texts,
    );
    await until("one stream is open", () => relay.streams === 1);
    for (const page of tabs) await page.close();
    await until("none is open", () => relay.streams === 0);
    nothingToComplain(someone);
  });

  test(`another person signs in, in the same browser, with a stream of ${way}`, async (t) => {
    const id = way.replaceAll(" ", "-");
    const [first, second] = [`first-${id}`, `second-${id}`];
    const someone = await counted(t, browser, demo, first, [/Failed to load resource/]);
    const { context, relay } = someone;
    const call = await caller(demo, `friend-${id}`);
    const conversation = await say(call, first, "a secret of the first");
    await say(call, second, "for the second");
    const one = await newTab(context, relay, { attributes });
    await open(one, "friend");
    await isIn(one, "open");
    relay.answer = async ({ method, path }) =>
      method === "POST" && path.endsWith("/messages")
        ? { status: 503, headers: {}, body: "" }
        : null;
    await write(one, "unsent of the first");
    await one.locator(".unsent").first().waitFor();
    await box(one).fill("draft of the first");
    await until("nobody has just begun", () => new Promise((done) => setTimeout(done, 1100, true)));

    // Where the first has not signed out: the cookie is another's, the other tab is still there.
    await becomes(context, relay, second);
    const two = await newTab(context, relay, {
      attributes,
      prepare: (page) =>
        page.addInitScript(() => {
          globalThis.ids = [];
          addEventListener("messaging-ready", ({ detail }) => globalThis.ids.push(detail.id));
          addEventListener("messaging-message", ({ detail }) =>
            globalThis.ids.push(detail.content),
          );
        }),
    });
    await rows(two, "for the second").waitFor();
    for (const page of [one, two]) {
      await until("is the second", async () => (await knows(page)).me === second);
      await isIn(page, "open");
      await rows(page, "for the second").waitFor();
      await until("the first is gone", async () => (await rows(page).count()) === 1);
      assert.equal((await knows(page)).unsent, 0);
    }
    assert.deepEqual(await two.evaluate(() => globalThis.ids), [second], "never the first");
    relay.answer = async () => null;
    await say(call, first, "another secret");
    await say(call, second, "more for the second");
    for (const page of [one, two]) {
      await rows(page, "more for the second").waitFor();
      await open(page, "friend");
      await hears(page, "more for the second");
      assert.deepEqual(await said(page), ["for the second", "more for the second"]);
      assert.equal(await box(page).inputValue(), "");
    }
    // The first comes again, and finds what was left.
    await becomes(context, relay, first);
    await one.close();
    await two.reload();
    await open(two, "friend");
    await hears(two, "unsent of the first");
    assert.equal(await box(two).inputValue(), "draft of the first");
    const sent = () => history(call, conversation);
    await until("it is stored", async () =>
      (await sent()).some(({ senderId }) => senderId === first),
    );
    assert.deepEqual(
      (await sent()).map(({ senderId, content }) => [senderId === first, content]),
      [
        [false, "a secret of the first"],
        [false, "another secret"],
        [true, "unsent of the first"],
      ],
    );
    nothingToComplain(someone);
  });

  test(`two persons with tokens in two tabs of one site, with streams of ${way}`, async (t) => {
    const id = way.replaceAll(" ", "-");
    const someone = await counted(t, browser, demo, null, refused);
    const { context, relay } = someone;
    const call = await caller(demo, `third-${id}`);
    const people = [`left-${id}`, `right-${id}`];
    const pages = [];
    for (const name of people) {
      const page = await newTab(context, relay, { attributes });
      const [token] = await demo.tokens(name, "--name", name);
      await page.evaluate((token) => {
        globalThis.heard = [];
        const provider = document.querySelector("messaging-provider");
        addEventListener("messaging-message", ({ detail }) =>
          globalThis.heard.push(detail.content),
        );
        addEventListener("messaging-ready", ({ detail }) => globalThis.heard.push(detail.id));
        provider.getToken = async () => token;
      }, token);
      await until("is there", async () => (await knows(page)).me === name);
      await isIn(page, "open");
      pages.push(page);
    }
    await until("each has a stream", () => relay.streams === 2);
    for (const name of people)
      for (const text of ["a", "b", "c"]) await say(call, name, text + name);
    for (const [at, name] of people.entries()) {
      const heard = () => pages[at].evaluate(() => globalThis.heard);
      const wanted = [name, `a${name}`, `b${name}`, `c${name}`];
      await until("hears all", async () => (await heard()).length >= wanted.length);
      assert.deepEqual(await heard(), wanted);
      await badgeIs(pages[at], 3);
      assert.equal(await rows(pages[at]).count(), 1);
    }
    // One person in two tabs has one stream, with another token of theirs.
    const page = await newTab(context, relay, { attributes });
    const [token] = await demo.tokens(people[0], "--name", people[0], "--ttl", "4711");
    await page.evaluate((token) => {
      document.querySelector("messaging-provider").getToken = () => token;
    }, token);
    await until("is there", async () => (await knows(page)).me === people[0]);
    await isIn(page, "open");
    await badgeIs(page, 3);
    await until("still two streams", () => relay.streams === 2);

    // The page of the first has become another's: it hears no more of the first, nor the first of them.
    const [other] = await demo.tokens(people[1], "--name", people[1]);
    await pages[0].evaluate((token) => {
      globalThis.heard = [];
      document.querySelector("messaging-provider").getToken = () => token;
    }, other);
    await until("is the other", async () => (await knows(pages[0])).me === people[1]);
    await isIn(pages[0], "open");
    await say(call, people[0], "d");
    await badgeIs(page, 4);
    await badgeIs(pages[0], 3);
    nothingToComplain(someone);
  });
}

test("without a stream the badge and what is open follow by cheap polls, and a stream is taken again", async (t) => {
  const someone = await counted(t, browser, demo, "poller", [/status of 404/]);
  const { context, relay } = someone;
  const call = await caller(demo, "friend-of-poller");
  const conversation = await say(call, "poller", "before");
  await say(await caller(demo, "other-of-poller"), "poller", "of another");
  let tried = 0;
  const notAStream = async ({ path }) => {
    if (!path.includes("/stream")) return null;
    return tried++ % 2
      ? { status: 200, headers: { "content-type": "text/html" }, body: "<p>A relay's page</p>" }
      : { status: 404, headers: { "content-type": "text/html" }, body: "<p>Not here</p>" };
  };
  relay.answer = notAStream;
  const page = await newTab(context, relay, {
    attributes: 'worker="none"',
    to: `?conversation=${conversation}`,
    prepare: (page) => page.clock.install(),
  });
  await hears(page, "before");
  await isIn(page, "polling");
  await page
    .getByText(/connected|every few seconds|online/i)
    .first()
    .waitFor();
  await badgeIs(page, 1);
  assert.ok(tried <= 4, `${tried} attempts`);

  const polls = (from, status) =>
    relay.asked(/unread-count/, from).filter((one) => !status || one.status === status).length;
  const from = relay.requests.length;
  for (let round = 0; round < 2; round++) {
    const before = polls(from);
    await page.clock.fastForward(16_000);
    await until("a poll", () => polls(from) > before);
  }
  assert.ok(polls(from, 304) >= 1, "nothing new is a 304");
  assert.ok(
    relay.requests.slice(from).every(({ path }) => /unread-count|stream/.test(path)),
    "where nothing changed nothing else is asked for",
  );
  await say(call, "poller", "while there is no stream");
  await page.clock.fastForward(16_000);
  await hears(page, "while there is no stream");
  await say(await caller(demo, "other-of-poller"), "poller", "one more");
  await page.clock.fastForward(16_000);
  await badgeIs(page, 2);

  const before = relay.requests.length;
  relay.answer = async () => null;
  await until("a stream", async () => {
    await page.clock.fastForward(16_000);
    return (await knows(page)).state === "open";
  });
  await say(call, "poller", "by the stream");
  await hears(page, "by the stream");
  assert.ok(relay.asked(/stream/, before).length <= 2);
  nothingToComplain(someone);
});

test("who comes back with the browser's back button sees what came meanwhile", async (t) => {
  // Playwright leaves that cache out.
  const cached = await launch({ ignoreDefaultArgs: ["--disable-back-forward-cache"] });
  t.after(() => cached.close());
  const someone = await newPerson(cached);
  await someone.page.close();
  const { context } = someone;
  await becomes(context, demo, "returner");
  const call = await caller(demo, "friend-of-returner");
  const conversation = await say(call, "returner", "before");
  const page = await newTab(context, demo, { to: `?conversation=${conversation}` });
  await hears(page, "before");
  await page.evaluate(() => {
    addEventListener("pageshow", ({ persisted }) => {
      document.title = persisted ? "kept" : "anew";
    });
  });
  await page.goto(demo.url("promoto", "/"));
  await say(call, "returner", "meanwhile");
  await page.goBack({ waitUntil: "commit" });
  await hears(page, "meanwhile");
  await isIn(page, "open");
  await say(call, "returner", "and now");
  await hears(page, "and now");
  assert.deepEqual(await said(page), ["before", "meanwhile", "and now"]);
  assert.equal(await badge(page), 0);
  assert.equal(await page.title(), "kept", "it was the browser's cache");
  nothingToComplain(someone);
});
