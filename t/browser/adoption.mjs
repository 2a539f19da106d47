// The package in other people's apps: packed, installed, behind nginx. Next.js with both of its
// routers, Vue, a page with a script tag, and a page that was written for Socket.IO; people in them
// write to each other. The first run installs what the apps need, which takes a minute or two.

import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { answers, front, install, pack, run, serve, timed } from "./lib/apps.mjs";
import { launch, newPerson, nothingToComplain, screenshot, settled } from "./lib/browser.mjs";
import { badgeIs, hears, open, rows, write } from "./lib/chat.mjs";
import { Demo, freePort, root, until } from "./lib/demo.mjs";
import { caller, say } from "./lib/tabs.mjs";

// Which build of Lit it is, is the app's bundler's choice: "next dev" takes the one for developers.
const expected = [/Lit is in dev mode/];

let tarball;
let demo;
let browser;
let nextServer;
let nginx;
const apps = {};
const url = {};

before(async () => {
  demo = await Demo.start(); // which builds what is packed
  tarball = await pack();
  for (const name of ["plain", "vue", "next"]) apps[name] = await install(name, tarball.file);
  const ports = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  const [next, proxied, vue, plain] = ports;
  url.next = `http://localhost:${proxied}`;
  url.vue = `http://localhost:${vue}`;
  url.plain = `http://localhost:${plain}`;
  const site = (port, folder) => ({
    conf: "plain/nginx.conf",
    places: {
      "127.0.0.1:8082": `127.0.0.1:${port}`,
      "/srv/site": folder,
      "/srv/node_modules": `${apps.plain}/node_modules`,
    },
  });
  nginx = await front(demo, [
    {
      conf: "next/nginx.conf",
      places: {
        "127.0.0.1:8081": `127.0.0.1:${proxied}`,
        "127.0.0.1:3000": `127.0.0.1:${next}`,
        "/srv/next": apps.next,
      },
    },
    site(vue, `${apps.vue}/dist`),
    site(plain, apps.plain),
  ]);
  nextServer = serve(
    apps.next,
    "node_modules/.bin/next",
    "dev",
    "-p",
    `${next}`,
    "-H",
    "127.0.0.1",
  );
  browser = await launch();
  await answers(`http://127.0.0.1:${plain}/`, nginx);
});

after(async () => {
  await browser?.close();
  await nextServer?.stop();
  await nginx?.stop();
  await demo?.stop();
  if (tarball) await rm(tarball.folder, { recursive: true, force: true });
});

/** Somebody of the canonical API, with a browser of their own. */
async function person(t, id, options = {}) {
  const someone = await newPerson(browser, { expected, ...options });
  t.after(() => someone.context.close());
  const [value] = await demo.tokens(id, "--name", id);
  for (const at of Object.values(url)) {
    await someone.context.addCookies([{ name: "session", value, url: at }]);
  }
  return someone;
}

async function visit(someone, address) {
  await someone.page.goto(address, { timeout: 90_000 });
  await settled(someone.page);
}

/** Without a browser; the conversation's id. */
const opening = async (from, to, content) => say(await caller(demo, from), to, content);

describe("the package", () => {
  test("holds what it should, and nothing else", () => {
    const { files } = tarball;
    const known = [
      /^(LICENSE|README\.md|package\.json)$/,
      /^tools\/(profile|conf)\.mjs$/,
      /^dist\/(index|client|react|socket|messaging|messaging-worker)\.js$/,
      /^dist\/(leader|routes)\.js$/, // what not every page needs
      /^dist\/LICENSE-lit$/,
      /^dist\/types\/(core\/|components\/)?[a-z]+\.d\.ts$/,
      /^dist\/locales\/[a-z]{2}\.json$/,
      /^dist\/profiles\/[a-z-]+\.json$/,
    ];
    assert.deepEqual(
      files.filter((file) => !known.some((one) => one.test(file))),
      [],
    );
    for (const file of ["LICENSE", "README.md", "tools/profile.mjs", "dist/messaging.js"]) {
      assert.ok(files.includes(file), file);
    }
  });

  test("every export and its types are there", async () => {
    const described = JSON.parse(await readFile(join(root, "web/package.json"), "utf8"));
    const targets = Object.values(described.exports)
      .flatMap((one) => (typeof one === "string" ? [one] : Object.values(one)))
      .concat(Object.values(described.bin));
    for (const target of targets) {
      const pattern = target.replace(/^\.\//, "");
      const found = tarball.files.some((file) =>
        pattern.endsWith("*") ? file.startsWith(pattern.slice(0, -1)) : file === pattern,
      );
      assert.ok(found, target);
    }
    for (const one of Object.values(described.exports)) {
      if (typeof one !== "string") assert.equal(Object.keys(one)[0], "types", "types come first");
    }
  });

  test("a server imports every entry, and nothing runs there", async () => {
    const script = `
      const names = ["", "/client", "/react", "/socket"];
      const all = await Promise.all(names.map((name) => import("nginx-messaging" + name)));
      const socket = all[3].io();
      console.log(all.map((one) => Object.keys(one).length > 0).join(), socket.connected);`;
    const words = ["--input-type=module", "-e", script];
    assert.equal(await run(apps.next, "node", ...words), "true,true,true,true false\n");
  });

  test("its tool runs", async () => {
    const profile = join(root, "schema/profiles/promoto.http.conf");
    const tool = "node_modules/.bin/nginx-messaging-profile";
    const server = join(root, "schema/profiles/promoto.server.conf");
    const made = JSON.parse(await run(apps.plain, tool, profile, server));
    assert.equal(made.name, "promoto");
  });

  test("its types hold, also for who resolves as Node does", async () => {
    await timed("tsc", () => run(apps.next, "node_modules/.bin/tsc", "--noEmit"));
    await writeFile(
      join(apps.next, "node16.mts"),
      `import { MessagingProvider } from "nginx-messaging";
import { MessagingClient } from "nginx-messaging/client";
import { ChatCard } from "nginx-messaging/react";
import { io } from "nginx-messaging/socket";
export const id: string | undefined = new MessagingClient({ api: "/api" }).me?.id;
export const theme: "" | "light" | "dark" | "auto" = new MessagingProvider().theme;
// @ts-expect-error a room's id is text
io().on("new-message", ({ roomId }) => roomId * 2);
// @ts-expect-error it has no such prop
ChatCard({ partnerId: 1, storefrontId: 2, color: "red" });
`,
    );
    const options = ["--noEmit", "--strict", "--module", "node16", "--target", "es2022"];
    await run(apps.next, "node_modules/.bin/tsc", ...options, "node16.mts");
  });
});

describe("Next.js", () => {
  test("both routers render it on the server, and React takes it over without a word", async (t) => {
    const alice = await person(t, "alice");
    const bob = await person(t, "bob");
    await timed("the App router's first page", () => visit(alice, `${url.next}/messages?with=bob`));
    await timed("the Pages router's first page", () => visit(bob, `${url.next}/inbox`));
    const [app, pages] = await Promise.all(
      ["/messages", "/inbox"].map(async (path) =>
        (await fetch(url.next.replace("localhost", "127.0.0.1") + path)).text(),
      ),
    );
    assert.match(app, /<messaging-provider[^>]*>.*<messaging-start/s, "rendered on the server");
    assert.match(app, /data-loaded="function function"/);
    assert.match(pages, /<messaging-provider[^>]*>.*<messaging-inbox/s);
    assert.match(pages, /data-loaded="function"/);
    await alice.page.locator("#said", { hasText: "ready alice" }).waitFor();
    nothingToComplain(alice, bob);
    assert.doesNotMatch(nextServer.log, /⨯|Error:|Warning:/, nextServer.log);
  });

  test("two people write to each other, by all the names that pages know", async (t) => {
    const alice = await person(t, "alice");
    const bob = await person(t, "bob");
    await visit(alice, `${url.next}/messages?with=bob`);
    await visit(bob, `${url.next}/inbox`);
    const { page } = alice;
    const part = (id) => page.locator(`#${id}`);
    const told = (text) => page.locator("#said", { hasText: text }).waitFor();
    const answer = async (text, reply) => {
      await rows(bob.page, text).first().click();
      await hears(bob.page.locator("messaging-inbox"), text);
      await write(bob.page, reply);
    };

    await page
      .locator("messaging-status")
      .first()
      .getByText(/^\s*Connected/)
      .waitFor();

    await page.getByRole("button", { name: "Write to the seller" }).click();
    await told("started ");
    await write(part("form"), "From the form");
    await told("wrote From the form");
    await hears(part("detail"), "From the form");
    await answer("From the form", "To the detail");
    await hears(part("detail"), "To the detail");

    await write(part("window"), "From the window");
    await answer("From the window", "To the window");
    await hears(part("window"), "To the window");

    await write(part("card"), "From the card");
    await answer("From the card", "To the card");
    await hears(part("card"), "To the card");

    await page.locator("#new").click();
    const dialog = page.locator("messaging-new dialog");
    await dialog.getByRole("combobox").fill("other");
    await dialog.getByRole("option").first().click();
    await dialog.getByRole("textbox", { name: /Message/ }).fill("From the modal");
    await dialog.getByRole("button", { name: /Send/ }).click();
    await told("created ");
    await hears(part("detail"), "From the modal");
    await answer("From the modal", "To the modal");
    await hears(part("detail"), "To the modal");

    await opening("carol", "alice", "From somebody else");
    const counts = page.locator("messaging-badge .count [aria-hidden]");
    await until("both badges say 1", async () => {
      return (await counts.allTextContents()).join() === "1,1";
    });
    await page.getByRole("link", { name: /Inbox.*1 unread/ }).waitFor();
    await part("chats").locator(".row").filter({ hasText: "carol" }).waitFor();
    await screenshot(page, "adoption-next", { fullPage: true });
    await part("list").locator(".row").filter({ hasText: "carol" }).click();
    await hears(part("detail"), "From somebody else");
    await until("it is read", async () => (await counts.count()) === 0);
    // What the page itself chooses is chosen in the list.
    const current = part("list").locator('.row[aria-current="true"]');
    await current.filter({ hasText: "carol" }).waitFor();
    await page.locator("#first").click();
    await current.filter({ hasText: "To the detail" }).waitFor();

    nothingToComplain(alice, bob);
  });

  const skip = process.env.ADOPTION_BUILD ? false : "it takes more than a minute: ADOPTION_BUILD=1";
  test("it builds for production", { skip }, async () => {
    await nextServer.stop();
    await timed("next build", () => run(apps.next, "node_modules/.bin/next", "build"));
  });
});

describe("Vue and a plain page", () => {
  test("two people write to each other", async (t) => {
    await timed("vite build", () => run(apps.vue, "node_modules/.bin/vite", "build"));
    await opening("dave", "bob", "Hello");
    const dave = await person(t, "dave");
    const bob = await person(t, "bob");
    await visit(dave, `${url.vue}/`);
    await visit(bob, `${url.plain}/`);
    await open(bob.page, "dave");
    await write(bob.page, "From the plain page");
    await dave.page.locator("#last", { hasText: "From the plain page" }).waitFor();
    const chat = dave.page.locator("messaging-chat");
    await hears(chat, "From the plain page");
    await write(chat, "From Vue");
    await hears(bob.page, "From Vue");
    await opening("erin", "dave", "Unread");
    await badgeIs(dave.page, 1);
    await dave.page.locator("#unread", { hasText: "1" }).waitFor();
    nothingToComplain(dave, bob);
  });
});

describe("a page that was written for Socket.IO", () => {
  test("it works when its import is another", async (t) => {
    const path = join(apps.plain, "chat.js");
    const old = await readFile(path, "utf8");
    const moved = old.replace('from "socket.io-client"', 'from "nginx-messaging/socket"');
    assert.equal(old.split("\n").filter((line, at) => line !== moved.split("\n")[at]).length, 1);
    await writeFile(path, moved);

    const frank = await person(t, "frank");
    const grace = await person(t, "grace");
    const room = await opening("frank", "grace", "First");
    await opening("frank", "heidi", "Another room's");
    for (const { page } of [frank, grace]) {
      await page.goto(`${url.plain}/old.html?room=${room}`);
      await page.locator("#state", { hasText: "online" }).waitFor();
    }
    const send = async ({ page }, text) => {
      await page.locator("#text").fill(text);
      await page.locator("#form button").click();
      await page.locator("#said", { hasText: /^stored / }).waitFor();
    };
    const shown = ({ page }, count) =>
      until(
        `${count} messages`,
        async () => (await page.locator("#messages li").count()) === count,
      );
    await frank.page.locator("#text").fill("Hel");
    await grace.page.locator("#typing", { hasText: "frank is typing" }).waitFor();
    await send(frank, "Hello");
    await shown(grace, 1);
    await send(grace, "Good day");
    await shown(frank, 2);
    await opening("heidi", "frank", "Elsewhere");
    await send(grace, "And");
    await shown(frank, 3);
    const texts = await frank.page.locator("#messages li").allTextContents();
    assert.deepEqual(texts, ["Hello", "Good day", "And"], "this room's, and each once");
    nothingToComplain(frank, grace);
  });
});
