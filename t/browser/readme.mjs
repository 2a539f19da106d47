// The pages of README.md and web/README.md, as they stand there, in Chromium: what a reader copies
// works.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { accessible, newPerson, nothingToComplain, settled } from "./lib/browser.mjs";
import { box, hears, rows, write } from "./lib/chat.mjs";
import { root, until } from "./lib/demo.mjs";
import { browser, demo } from "./lib/stage.mjs";
import { caller, say } from "./lib/tabs.mjs";

const blocks = (file, language) =>
  [...readFileSync(join(root, file), "utf8").matchAll(/^```(\w+)\n(.*?)^```$/gms)]
    .filter((block) => block[1] === language)
    .map((block) => block[2]);

/** Ann, on a page that is `html`; Bob has written to her. */
async function reader(t, html, css = "") {
  const person = await newPerson(browser);
  t.after(() => person.context.close());
  const { context, page } = person;
  const [ann] = await demo.tokens("ann", "--name", "Ann");
  await say(await caller(demo, "bob", "Bob"), "ann", "Hello Ann");
  await context.addCookies([{ name: "session", value: ann, url: demo.url(null) }]);
  const whole = html.startsWith("<!doctype")
    ? html
    : `<!doctype html><html lang="en"><head><title>Shop</title></head><body><main><h1>Shop</h1>
       ${html.includes("<script") ? "" : '<script src="/messaging/messaging.js" defer></script>'}
       ${html}</main></body></html>`;
  const linked = whole.replace("</head>", '<link rel="stylesheet" href="/reader.css"></head>');
  const answer = { contentType: "text/html; charset=utf-8", body: linked };
  for (const path of ["**/reader", "**/messages?conversation=*"]) {
    await page.route(path, (route) => route.fulfill(answer));
  }
  await page.route("**/reader.css", (route) =>
    route.fulfill({ contentType: "text/css", body: css }),
  );
  await page.goto(demo.url(null, "/reader"));
  await settled(page);
  return person;
}

test("README.md: the inbox", async (t) => {
  const [html] = blocks("README.md", "html");
  const person = await reader(t, html);
  await person.page.locator("messaging-badge .count").waitFor();
  await rows(person.page, "Bob").first().click();
  await write(person.page, "Hello Bob");
  await hears(person.page, "Hello Bob");
  nothingToComplain(person);
});

test("README.md: the script without components", async (t) => {
  const [script] = blocks("README.md", "js");
  const person = await newPerson(browser);
  t.after(() => person.context.close());
  const [ann] = await demo.tokens("ann", "--name", "Ann");
  await person.context.addCookies([{ name: "session", value: ann, url: demo.url(null) }]);
  await person.page.goto(demo.url(null));
  const heard = [];
  person.page.on("console", (message) => heard.push(message.text()));
  await person.page.evaluate(`(async () => { ${script} })()`);
  // The stream may begin after the message that it sends: what comes then is heard.
  const bob = await caller(demo, "bob", "Bob");
  await until("a message is heard", async () => {
    await say(bob, "ann", "Yes, it is.");
    return heard.includes("Yes, it is.");
  });
});

test("web/README.md: the page, and its colours", async (t) => {
  const [html, parts] = blocks("web/README.md", "html");
  const [css] = blocks("web/README.md", "css");
  const person = await reader(t, html, css);
  const { page } = person;
  const count = page.locator("messaging-badge .count");
  await count.waitFor();
  assert.equal(
    await count.evaluate((one) => getComputedStyle(one).backgroundColor),
    "rgb(236, 72, 153)",
  );
  await rows(page, "Bob").first().click();
  await hears(page, "Hello Ann");
  await accessible(page, "the page of web/README.md", "messaging-inbox");
  nothingToComplain(person);

  const shop = await reader(t, parts);
  await shop.page.getByRole("button", { name: "Message us" }).click();
  await box(shop.page.getByRole("dialog")).waitFor();
  await shop.page.keyboard.press("Escape");
  await shop.page.getByRole("button", { name: "Write to the seller" }).click();
  await shop.page.waitForURL("**/messages?conversation=*");
  nothingToComplain(shop);
});

test("web/README.md: every element, attribute and property that the code has, and no other", () => {
  const text = readFileSync(join(root, "web/README.md"), "utf8");
  const source = (name) => readFileSync(join(root, `web/src/components/${name}.ts`), "utf8");
  const kebab = (name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const lines = text.match(
    /^\| `messaging-(?:provider|inbox|thread|composer|chat|badge|start|status|new)` .*$/gm,
  );
  assert.equal(lines.length, 9);
  for (const line of lines) {
    const [, element] = /`messaging-(\w+)`/.exec(line);
    const [, named] = /attributes\(\{(.*?)\}\)/s.exec(source(element));
    const names = [...named.matchAll(/(\w+):/g)].map(([, name]) => kebab(name));
    const told = line.split("|")[3];
    for (const name of names) assert.match(told, new RegExp(`\`${name}\``), `${element}: ${name}`);
  }
  const css = readFileSync(join(root, "web/src/components/provider.css"), "utf8");
  const chat = readFileSync(join(root, "web/src/components/chat.css"), "utf8");
  for (const [name] of `${css}${chat}`.matchAll(/--messaging-[\w-]+/g)) {
    assert.ok(text.includes(`\`${name}\``), name);
  }
});
