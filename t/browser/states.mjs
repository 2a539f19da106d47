// Every state that a component can be in, as people meet it: axe-core finds nothing in it, light and
// dark, and a picture of it is kept in build/screens.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  accessible,
  bare,
  newPerson,
  nothingToComplain,
  phone,
  screenshot,
} from "./lib/browser.mjs";
import { badge, badgeIs, box, hears, open, rows, write } from "./lib/chat.mjs";
import { until } from "./lib/demo.mjs";
import { browser, demo } from "./lib/stage.mjs";
import { caller } from "./lib/tabs.mjs";

/** The API, as somebody: what the others of a test do. */
async function api(id, ...asked) {
  const call = await caller(demo, id, id[0].toUpperCase() + id.slice(1));
  return call(...asked);
}

const inbox = '<messaging-inbox filters="all unread open closed archived"></messaging-inbox>';

for (const dark of [false, true]) {
  const shade = dark ? "dark" : "light";

  async function look(t, name, markup, act, options = {}) {
    await t.test(`${name}, ${shade}`, async () => {
      const { expected, viewport, ...page } = options;
      const person = await newPerson(browser, { dark, expected, viewport });
      try {
        await bare(person, demo, options.who ?? "Ann", markup, page);
        await act(person.page, person);
        await screenshot(person.page, `state-${name}-${shade}`);
        await accessible(person.page, name);
        nothingToComplain(person);
      } finally {
        await person.context.close();
      }
    });
  }

  test(`states, ${shade}`, async (t) => {
    const { conversation } = await api("bob", "POST", "/conversations", {
      members: ["ann"],
      content: "Hello Ann",
    });
    const said = (who, content) =>
      api(who, "POST", `/conversations/${conversation.id}/messages`, { content });

    await look(t, "empty", inbox, (page) => page.getByText("No conversations yet").waitFor(), {
      who: `Nobody${shade}`,
    });
    await look(t, "list", inbox, async (page) => {
      await rows(page, "Bob").waitFor();
      await page.getByText("Choose a conversation").waitFor();
    });
    await look(t, "loading", inbox, async (page) => {
      await page.route("**/api/messages/conversations?*", () => {}); // no answer, ever
      await page.reload();
      await page.getByText("Loading…").first().waitFor();
    });
    await look(t, "unread", inbox, async (page) => {
      await said("bob", "Are you there?");
      await open(page, "Bob");
      await page.locator(".line").waitFor();
    });
    await look(t, "read", inbox, async (page) => {
      await open(page, "Bob");
      await write(page, "I am");
      await hears(page, "I am");
      await api("bob", "PATCH", `/conversations/${conversation.id}/read`);
      await page.getByText("Read", { exact: false }).last().waitFor();
    });
    await look(t, "scrolled away", inbox, async (page) => {
      for (let at = 0; at < 30; at++) await said("bob", `Line ${at}, ${shade}`);
      await open(page, "Bob");
      await hears(page, `Line 29, ${shade}`);
      const scroller = page.locator("messaging-thread .scroller");
      await scroller.evaluate((one) => one.scrollBy(0, -400));
      await page.getByRole("button", { name: "To the newest message" }).waitFor();
      const top = () =>
        page
          .locator(".message", { hasText: `Line 15, ${shade}` })
          .evaluate((one) => one.getBoundingClientRect().top);
      const before = await top();
      await said("bob", "One more");
      await page.locator(".newest .count", { hasText: "1" }).waitFor();
      assert.ok(Math.abs((await top()) - before) < 2, "what one reads stays where it is");
    });
    await look(t, "closed, archived", inbox, async (page) => {
      const ticket = await api("bob", "POST", "/conversations", {
        members: ["ann"],
        kind: "ticket",
        subject: `Late parcel ${shade}`,
        content: "Where is it?",
      });
      await rows(page, `Late parcel ${shade}`).click();
      await page.getByRole("button", { name: "Close the conversation" }).click();
      await page.getByRole("button", { name: "Reopen the conversation" }).waitFor();
      await page.getByRole("button", { name: "Archive", exact: true }).click();
      await page.getByRole("button", { name: "Archived" }).click();
      await rows(page, `Late parcel ${shade}`).waitFor();
      assert.ok(ticket.conversation.id);
    });
    await look(t, "no connection", inbox, async (page) => {
      await open(page, "Bob");
      // The page cannot know it sooner, and does not say it at once.
      await page.evaluate(() => {
        const { client } = document.querySelector("messaging-provider");
        client.state = "connecting";
        client.since = Date.now() - 10_000;
        document.querySelector("messaging-inbox").requestUpdate();
        document
          .querySelector("messaging-inbox")
          .shadowRoot.querySelector("messaging-status")
          .requestUpdate();
      });
      await page.getByRole("button", { name: "Try again" }).waitFor();
    });
    await look(
      t,
      "signed out",
      `${inbox}<messaging-status></messaging-status>`,
      async (page, { context }) => {
        await context.clearCookies();
        await page.reload();
        await page.getByRole("link", { name: "Sign in" }).waitFor();
      },
      { expected: [/status of 401/] },
    );
    await look(
      t,
      "failure",
      inbox,
      async (page) => {
        const json = { error: "The store is away.", code: "store_unavailable" };
        await page.route("**/api/messages/conversations?*", (route) =>
          route.fulfill({ status: 503, json }),
        );
        await page.reload();
        await page.getByText("The store is away.").first().waitFor();
      },
      { expected: [/status of 503/] },
    );
    await look(
      t,
      "refused",
      inbox,
      async (page) => {
        await open(page, "Bob");
        const json = { error: "Not these words.", code: "content" };
        await page.route("**/messages", (route) => route.fulfill({ status: 422, json }));
        await write(page, `Those words, ${shade}`);
        const unsent = page.locator(".unsent", { hasText: `Those words, ${shade}` });
        await unsent.getByText("Not sent").waitFor();
        await unsent.getByRole("button", { name: "Discard" }).waitFor();
        // What was chosen is not undone in silence either.
        await page.route("**/conversations/*", (route) => route.abort("connectionreset"));
        await page.getByRole("button", { name: "Archive", exact: true }).click();
        const alert = page.locator("messaging-thread .failure");
        await alert.waitFor();
        await page.unroute("**/conversations/*");
        await alert.getByRole("button", { name: "Try again" }).click();
        await alert.waitFor({ state: "detached" });
        const unarchive = page.getByRole("button", { name: "Take out of the archive" });
        await unarchive.click();
        await page.getByRole("button", { name: "Archive", exact: true }).waitFor();
      },
      { expected: [/status of 422/, /ERR_CONNECTION_RESET/] },
    );
    await look(
      t,
      "new",
      '<messaging-new kind="ticket" people="/people-of-test"></messaging-new>',
      async (page) => {
        await page.route("**/people-of-test", (route) =>
          route.fulfill({
            json: [
              { id: "bob", name: "Bob" },
              { id: "zoe", name: "Zoé Öberg" },
            ],
          }),
        );
        await page.getByRole("button", { name: "New ticket" }).click();
        await page.getByRole("combobox").fill("oberg");
        await page.getByRole("option", { name: "Zoé Öberg" }).waitFor();
      },
    );
    await look(
      t,
      "start",
      '<messaging-start to="bob" to-name="Bob" context-type="product" context-id="1">Ask</messaging-start>',
      async (page) => {
        await page.getByRole("button", { name: "Ask" }).click();
        await box(page.getByRole("dialog")).waitFor();
      },
    );
    await look(
      t,
      "chat",
      '<messaging-chat to="bob" to-name="Bob" context-type="shop" context-id="2" open></messaging-chat>',
      (page) => box(page).waitFor(),
    );
    await look(
      t,
      "chat on a phone",
      '<messaging-chat to="bob" to-name="Bob" context-type="shop" context-id="2" open></messaging-chat>',
      (page) => box(page).waitFor(),
      { viewport: phone },
    );
    await look(
      t,
      "compact, right to left",
      inbox,
      async (page) => {
        await page.evaluate(() => {
          document.querySelector("messaging-provider").density = "compact";
        });
        await open(page, "Bob");
        const list = await page.locator(".list").boundingBox();
        const thread = await page.locator("messaging-thread").boundingBox();
        assert.ok(list.x > thread.x, "the list stands at the right");
      },
      { dir: "rtl", lang: "ar" },
    );
    await look(
      t,
      "badges",
      `<p>Messages <messaging-badge page-title app-badge></messaging-badge></p>
       <p><messaging-status></messaging-status></p>`,
      async (page) => {
        await page.getByText("Connected").waitFor();
        const { count } = await api("ann", "GET", "/unread-count");
        const { id } = (
          await api("bob", "POST", "/conversations", { members: ["ann"], content: "x" })
        ).conversation;
        await badgeIs(page, Math.min(99, count + 1));
        await until("the title says it", async () => /^\(\d+\) /.test(await page.title()));
        await api("ann", "PATCH", `/conversations/${id}/read`);
        await until("it goes down", async () => (await badge(page)) <= count);
        await api("bob", "POST", `/conversations/${id}/messages`, { content: "again" });
        await page.locator("messaging-badge .count").waitFor();
      },
    );
  });
}

test("on a phone: fields of 16 px, nothing wider than the page, a target for every finger", async (t) => {
  const person = await newPerson(browser, { viewport: phone });
  t.after(() => person.context.close());
  const { page } = person;
  await bare(person, demo, "Ann", inbox);
  await open(page, "Bob");
  const sizes = await page.evaluate(() => {
    const all = [];
    const walk = (root) => {
      for (const one of root.querySelectorAll("*")) {
        if (one.matches("input, textarea"))
          all.push(Number.parseFloat(getComputedStyle(one).fontSize));
        if (one.shadowRoot) walk(one.shadowRoot);
      }
    };
    walk(document);
    return { all, wide: document.documentElement.scrollWidth, window: innerWidth };
  });
  assert.ok(sizes.all.length > 0 && sizes.all.every((size) => size >= 16), String(sizes.all));
  assert.ok(sizes.wide <= sizes.window, `${sizes.wide} > ${sizes.window}`);
  await screenshot(page, "state-phone");
  nothingToComplain(person);
});
