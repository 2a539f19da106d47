// What is written arrives once, in order, whatever happens on the way: no network in mid-send, an
// answer that is lost, a server that refuses, a page that is loaded anew, a tab that is closed, a
// sign-out. The truth is asked of the server.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  accessible,
  newPerson,
  nothingToComplain,
  screenshot,
  settled,
  signIn,
} from "./lib/browser.mjs";
import { box, hears, open, said, settledAs, write } from "./lib/chat.mjs";
import { until } from "./lib/demo.mjs";
import { browser, demo } from "./lib/stage.mjs";

// Requests that these tests break are complained of, rightly.
const broken = [/Failed to load resource/];

const start = "/messages";

async function buyer(t, options = {}) {
  const someone = await newPerson(browser, { expected: broken, ...options });
  t.after(() => someone.context.close());
  await signIn(someone.page, demo, "marketplace", "Camille Martin", start);
  await open(someone.page, "Atelier du Vélo");
  return someone;
}

/** All messages of the conversation that an address shows, as the server has them. */
async function messages(page, at = page.url()) {
  return page.evaluate(async (at) => {
    const id = new URL(at).searchParams.get("conversation");
    const path = `/api/messages/conversations/${id}/messages`;
    const found = [];
    for (let cursor = ""; cursor !== null; ) {
      const page = await (await fetch(`${path}?limit=200${cursor && `&before=${cursor}`}`)).json();
      found.unshift(...page.messages);
      cursor = page.nextCursor;
    }
    return found;
  }, at);
}

/** What they say. */
async function stored(page, at) {
  return (await messages(page, at)).map(({ content }) => content);
}

/** The server gets the request, and the page no answer. */
async function loseAnswer(route) {
  const request = route.request();
  const { "content-length": _, ...headers } = await request.allHeaders();
  const { pathname } = new URL(request.url());
  const options = { method: "POST", headers, body: request.postData() };
  const { status } = await demo.ask("marketplace", pathname, options);
  assert.ok(status < 300, `${status}`);
  await route.abort("connectionreset").catch(() => {}); // the page may be gone
}

const isSend = (request) => request.method() === "POST" && request.url().includes("/send");

/** Decides what becomes of each send: true, it goes on. */
async function breaking(page, decide) {
  await page.route("**/api/messages/send", async (route) => {
    const fate = isSend(route.request()) ? await decide(route) : true;
    if (fate === true) await route.continue();
  });
}

test("thirty messages at once, requests and answers lost, refused for a while: once each, in order", async (t) => {
  const someone = await buyer(t);
  const { page } = someone;
  let asked = 0;
  const keys = new Map();
  await breaking(page, async (route) => {
    const { content } = route.request().postDataJSON();
    const key = await route.request().headerValue("idempotency-key");
    assert.equal(keys.get(content) ?? key, key, "a repeat has the same key");
    keys.set(content, key);
    switch (asked++ % 5) {
      case 0:
        await route.abort("connectionreset"); // it never arrived
        return;
      case 2:
        await loseAnswer(route); // it did
        return;
      case 3:
        await route.fulfill({ status: 503, headers: { "Retry-After": "0" }, body: "{}" });
        return;
    }
    return true;
  });
  const texts = Array.from({ length: 30 }, (_, at) => `Message ${at + 1}`);
  const before = await stored(page);
  await write(page, ...texts);
  await until(
    "all are stored",
    async () => (await stored(page)).length >= before.length + 30,
    120_000,
  );
  await settledAs(page, texts);
  assert.deepEqual(await stored(page), [...before, ...texts]);
  nothingToComplain(someone);
});

test("no network in mid-send: shown as waiting, sent when it is back", async (t) => {
  const someone = await buyer(t);
  const { page, context } = someone;
  await context.setOffline(true);
  await write(page, "Dans le tunnel", "toujours dans le tunnel");
  await page.locator(".unsent").nth(1).waitFor();
  await page.getByText("En attente de connexion").first().waitFor();
  await screenshot(page, "sending-offline");
  await accessible(page, "messages that wait", "messaging-inbox");
  await context.setOffline(false);
  await settledAs(page, ["Dans le tunnel", "toujours dans le tunnel"]);
  assert.deepEqual((await stored(page)).slice(-2), ["Dans le tunnel", "toujours dans le tunnel"]);
  nothingToComplain(someone);
});

test("a page that is loaded anew goes on with what it had not sent", async (t) => {
  const someone = await buyer(t);
  const { page } = someone;
  let open = false;
  await breaking(page, async (route) => {
    if (open) return true;
    if (route.request().postDataJSON().content === "un") return loseAnswer(route);
    await route.abort("connectionreset").catch(() => {});
  });
  await write(page, "un", "deux", "trois");
  await until("the first is stored", async () => (await stored(page)).at(-1) === "un");
  await page.reload();
  await settled(page);
  await page.locator(".unsent").nth(1).waitFor();
  open = true;
  await settledAs(page, ["un", "deux", "trois"]);
  assert.deepEqual((await stored(page)).slice(-3), ["un", "deux", "trois"]);
  nothingToComplain(someone);
});

test("what the server refuses is shown, and may be sent again or discarded", async (t) => {
  const someone = await buyer(t);
  const { page } = someone;
  let refuse = true;
  await breaking(page, async (route) => {
    const { content } = route.request().postDataJSON();
    if (!refuse || content === "permis") return true;
    await route.fulfill({ status: 403, json: { error: "Interdit", code: "forbidden_role" } });
  });
  await write(page, "refusé", "refusé aussi", "permis");
  await page.locator(".unsent.bad").nth(1).waitFor();
  await hears(page, "permis");
  await screenshot(page, "sending-failed");
  await accessible(page, "messages that were refused", "messaging-inbox");
  await page.reload();
  await settled(page);
  await page.locator(".unsent.bad").nth(1).waitFor();
  refuse = false;
  await page.locator(".unsent.bad").nth(1).getByRole("button", { name: "Supprimer" }).click();
  await page.locator(".unsent.bad").first().getByRole("button", { name: "Réessayer" }).click();
  await settledAs(page, ["permis", "refusé"]);
  assert.deepEqual((await stored(page)).slice(-2), ["permis", "refusé"]);
  nothingToComplain(someone);
});

test("two tabs: one sends, and when it is closed the other one goes on", async (t) => {
  const someone = await buyer(t);
  const { page, context } = someone;
  const second = await context.newPage();
  let shut = true;
  const sent = [];
  await context.route("**/api/messages/send", async (route) => {
    if (shut) return route.abort("connectionreset");
    sent.push(route.request().postDataJSON().content);
    await route.continue();
  });
  await second.goto(page.url());
  await settled(second);
  await box(second).waitFor();
  await write(page, "premier onglet");
  await second.locator(".unsent", { hasText: "premier onglet" }).waitFor();
  await write(second, "second onglet");
  await page.locator(".unsent", { hasText: "second onglet" }).waitFor();
  await page.close();
  shut = false;
  await settledAs(second, ["premier onglet", "second onglet"]);
  assert.deepEqual(sent, ["premier onglet", "second onglet"]);
  assert.deepEqual((await stored(second)).slice(-2), ["premier onglet", "second onglet"]);
  nothingToComplain(someone);
});

test("a draft is kept over a reload; signing out takes drafts and unsent messages away", async (t) => {
  const someone = await buyer(t);
  const { page } = someone;
  await breaking(page, (route) => route.abort("connectionreset"));
  await write(page, "jamais parti");
  await page.locator(".unsent").first().waitFor();
  await box(page).fill("un brouillon");
  await page.reload();
  await settled(page);
  await page.locator(".unsent").first().waitFor();
  assert.equal(await box(page).inputValue(), "un brouillon");
  await page.getByRole("button", { name: "Se déconnecter" }).click();
  await page.waitForURL((url) => url.pathname !== "/messages");
  const left = await page.evaluate(async () => {
    const database = await new Promise((done, failed) => {
      const opened = indexedDB.open("nginx-messaging");
      opened.onsuccess = () => done(opened.result);
      opened.onerror = () => failed(opened.error);
    });
    const kept = await new Promise((done) => {
      const all = database.transaction("outbox").objectStore("outbox").getAll();
      all.onsuccess = () => done(all.result.flat());
    });
    return [...kept, ...Object.keys(localStorage).filter((name) => name.startsWith("messaging"))];
  });
  assert.deepEqual(left, []);
  nothingToComplain(someone);
});

test("what one wrote is not said by who signs in after them, in another tab", async (t) => {
  const someone = await buyer(t);
  const { page, context } = someone;
  const to = page.url();
  // This tab alone is without a network.
  const network = await context.newCDPSession(page);
  const offline = (offline) =>
    network.send("Network.emulateNetworkConditions", {
      offline,
      latency: 0,
      downloadThroughput: -1,
      uploadThroughput: -1,
    });
  await network.send("Network.enable");
  await offline(true);
  await write(page, "de Camille");
  await page.locator(".unsent", { hasText: "de Camille" }).waitFor();
  // The seller, who could say it: the conversation is theirs, too. Their page hears nothing of it.
  const second = await context.newPage();
  await signIn(second, demo, "marketplace", "Atelier du Vélo", "/common/person.svg");
  const before = await stored(second, to);
  const sent = [];
  page.on("response", (response) => {
    if (isSend(response.request())) sent.push(response.status());
  });
  await offline(false);
  await until("it was asked for", () => sent.length > 0);
  await until("nobody's page", async () => (await page.locator(".unsent").count()) === 0);
  assert.deepEqual(sent, [412]);
  assert.deepEqual(await stored(second, to), before);
  // The seller's own page does not say it either.
  await second.goto(to);
  await settled(second);
  await hears(second, "idéal pour votre taille");
  await write(second, "de l’Atelier");
  await settledAs(second, ["de l’Atelier"]);
  assert.equal(await second.locator(".message", { hasText: "de Camille" }).count(), 0);
  await second.close();
  // Who wrote it is there again: it goes out.
  await signIn(page, demo, "marketplace", "Camille Martin", start);
  await open(page, "Atelier du Vélo");
  await settledAs(page, ["de l’Atelier", "de Camille"]);
  assert.deepEqual(await stored(page, to), [...before, "de l’Atelier", "de Camille"]);
  assert.equal((await messages(page, to)).at(-1).senderId, "test-user@example.com");
  nothingToComplain(someone);
});

test("a text of 10,000 characters, emoji, both directions, links and markup: as it was written", async (t) => {
  const someone = await buyer(t);
  const { page } = someone;
  const long = "Été à Noël. ".repeat(833);
  const texts = [
    long.trim(),
    "👩‍👩‍👧‍👦🏳️‍🌈",
    "שלום ‏hello 123 مرحبا",
    "<img src=x onerror=alert(1)> <script>alert(1)</script> &amp;",
    "https://example.com/a_(b)?q=1&r=é, javascript:alert(1) data:text/html,x www.example.org.",
  ];
  await write(page, ...texts);
  await settledAs(page, texts);
  const links = await page
    .locator(".message .text a")
    .evaluateAll((all) => all.map(({ href, rel, target }) => [href, rel, target]));
  const rel = "noopener noreferrer nofollow ugc";
  assert.deepEqual(links.slice(-2), [
    ["https://example.com/a_(b)?q=1&r=%C3%A9", rel, "_blank"],
    ["https://www.example.org/", rel, "_blank"],
  ]);
  const shown = page.locator(".message .long").first();
  const before = (await shown.boundingBox()).height;
  await page.getByRole("button", { name: "Tout afficher" }).first().click();
  await until("all of it is shown", async () => {
    const all = await page.locator(".message", { hasText: "Été à Noël" }).first().boundingBox();
    return all.height > before * 2;
  });
  await screenshot(page, "sending-texts");
  await accessible(page, "odd texts", "messaging-inbox");
  // One more than the server takes is told before it is sent.
  await box(page).fill("x".repeat(10_001));
  await page.getByText("Trop long de 1").waitFor();
  assert.equal((await said(page)).at(-1), texts.at(-1));
  nothingToComplain(someone);
});
