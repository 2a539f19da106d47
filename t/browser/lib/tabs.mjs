// Pages of nothing but components, in as many tabs as a test likes, and what their clients know:
// used where several tabs of one browser are concerned.

import { newPerson } from "./browser.mjs";
import { until } from "./demo.mjs";
import { Relay } from "./relay.mjs";

export const everything = `<messaging-status></messaging-status>
  <messaging-badge page-title></messaging-badge><messaging-inbox></messaging-inbox>`;

/** The canonical API's own sign-in, in all tabs of this browser. */
export async function becomes(context, demo, id) {
  const [value] = await demo.tokens(id, "--name", id);
  await context.addCookies([{ name: "session", value, url: demo.url(null) }]);
}

/** A browser whose requests are counted, for one test, without a page; `id` is signed in. */
export async function counted(t, browser, demo, id, expected = []) {
  const relay = await Relay.start(demo);
  const someone = await newPerson(browser, { expected });
  t.after(async () => {
    await someone.context.close();
    relay.close();
  });
  await someone.page.close();
  if (id) await becomes(someone.context, relay, id);
  return { ...someone, relay };
}

/** A tab of `markup` in a provider; `attributes` are the provider's. */
export async function newTab(context, demo, options = {}) {
  const { attributes = "", markup = everything, to = "", prepare } = options;
  const page = await context.newPage();
  await prepare?.(page);
  await page.route("**/tab*", (route) =>
    route.fulfill({
      contentType: "text/html; charset=utf-8",
      headers: { "Content-Security-Policy": "default-src 'self'; base-uri 'none'" },
      body: `<!doctype html><html lang="en"><head><title>Tab</title>
        <link rel="icon" href="/img/icon.svg"><link rel="stylesheet" href="/tab.css">
        <script src="/messaging/messaging.js" defer></script></head><body><main><h1>Tab</h1>
        <messaging-provider api="/api/messages" ${attributes}>${markup}</messaging-provider>
        </main></body></html>`,
    }),
  );
  await page.route("**/tab.css", (route) =>
    route.fulfill({ contentType: "text/css", body: "messaging-inbox { height: 500px }" }),
  );
  await page.goto(demo.url(null, `/tab${to}`));
  await page.waitForFunction(() => document.querySelector("messaging-provider")?.client);
  return page;
}

/** What the page's client knows. */
export const knows = (page) =>
  page.evaluate(() => {
    const { client } = document.querySelector("messaging-provider");
    const { state, me, unread, entries } = client;
    return { state, me: me?.id ?? null, unread, unsent: entries.length };
  });

export const isIn = (page, state) =>
  until(`the state is ${state}`, async () => (await knows(page)).state === state);

/** Somebody without a browser: asks the canonical API, and gives what it answered. */
export async function caller(demo, id, name = id) {
  const [token] = await demo.tokens(id, "--name", name);
  return async (method, path, body) => {
    const { status, text } = await demo.ask(null, `/api/messages${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: body && JSON.stringify(body),
    });
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
    return text && JSON.parse(text);
  };
}

/** Says something to somebody, in the conversation that the two have; its id. */
export async function say(call, to, content) {
  const { conversation } = await call("POST", "/conversations", { members: [to], content });
  return conversation.id;
}

/** All messages of a conversation, as the server has them. */
export async function history(call, id) {
  const found = [];
  for (let cursor = ""; cursor !== null; ) {
    const path = `/conversations/${id}/messages?limit=200${cursor && `&before=${cursor}`}`;
    const page = await call("GET", path);
    found.unshift(...page.messages);
    cursor = page.nextCursor;
  }
  return found;
}
