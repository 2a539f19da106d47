// The client's HttpApi against the real thing: scripts/demo with its sites, each by the adapter that
// tools/profile.mjs makes of its profile, and the canonical API. Every operation, in canonical words;
// what a site's own API has no place for is said, not lost. Run by `node --test`.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const folder = mkdtempSync(join(tmpdir(), "messaging-adapter-"));
const environment = { ...process.env, DEMO_DIR: join(folder, "demo") };
let demo;
let port;
let HttpApi;
let may;

// --- The demo, and who asks it

before(async () => {
  port = await new Promise((done) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
  const tools = createRequire(join(root, "web/package.json"));
  await tools("esbuild").build({
    entryPoints: ["http", "rights"].map((name) => join(root, `web/src/core/${name}.ts`)),
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    format: "esm",
  });
  ({ HttpApi } = await import(pathToFileURL(join(folder, "http.mjs"))));
  ({ may } = await import(pathToFileURL(join(folder, "rights.mjs"))));
  const env = { ...environment, PORT: String(port) };
  delete env.STORE;
  const stdio = ["ignore", "pipe", "inherit"];
  demo = spawn(join(root, "scripts/demo"), { env, stdio, detached: true });
  for await (const line of createInterface({ input: demo.stdout })) {
    if (line.startsWith("ready ")) return;
  }
  throw new Error("the demo did not get ready");
});

after(async () => {
  if (demo?.exitCode === null) {
    const ended = new Promise((done) => demo.once("exit", done));
    demo.kill("SIGTERM");
    assert.equal(await ended, 0, "the demo ends by itself");
  }
  rmSync(folder, { recursive: true, force: true });
});

/** A fetch of a page of this site, signed in by this header. */
const fetchAs =
  (host, header) =>
  (path, { method, headers, body }) =>
    new Promise((done, fail) => {
      const [name, value] = header.split(": ");
      const sent = {
        ...headers,
        Host: `${host}:${port}`,
        "Sec-Fetch-Site": "same-origin",
        [name]: value,
      };
      const asked = request({ host: "127.0.0.1", port, path, method, headers: sent }, (answer) => {
        const chunks = [];
        answer.on("data", (chunk) => chunks.push(chunk));
        answer.on("end", () => {
          const text = answer.statusCode === 204 ? null : Buffer.concat(chunks);
          done(new Response(text, { status: answer.statusCode, headers: answer.headers }));
        });
      });
      asked.on("error", fail);
      asked.end(body);
    });

function person(site, user, role) {
  const words = [
    ...(site ? ["--site", site.name] : []),
    "--header",
    user,
    "--name",
    `${user}'s name`,
  ];
  if (role) words.push("--role", role);
  const token = execFileSync(join(root, "scripts/demo-token"), words, {
    env: environment,
    encoding: "utf8",
  });
  const header = token.trim();
  const host = site ? `${site.name}.localhost` : "localhost";
  const fetch = fetchAs(host, header);
  const adapter = site?.adapter ?? null;
  const base = site ? undefined : "/api/messages";
  const me = () => ({ id: user, role: role ?? null, name: null, teams: [] });
  const api = new HttpApi({ base, adapter, fetch, me, locale: "en" });
  return { id: user, header, host, api };
}

function siteOf(name) {
  const at = join(root, "schema/profiles", name);
  const tool = join(root, "web/tools/profile.mjs");
  const files = [`${at}.http.conf`, `${at}.server.conf`];
  const text = execFileSync(process.execPath, [tool, ...files], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  return { name, adapter: JSON.parse(text) };
}

/** What a stream says first. */
function firstOf({ api, header, host }) {
  return new Promise((done, fail) => {
    const [name, value] = header.split(": ");
    const headers = { Host: `${host}:${port}`, [name]: value };
    const asked = request({ host: "127.0.0.1", port, path: api.live.stream, headers }, (answer) => {
      answer.once("data", (chunk) => {
        asked.destroy();
        done([answer.statusCode, answer.headers["content-type"], String(chunk)]);
      });
    });
    asked.on("error", fail);
    asked.end();
  });
}

// --- What the contracts name; taken from them, so that they cannot come to differ unseen

const types = readFileSync(join(root, "web/src/core/types.ts"), "utf8");
const fieldsOf = (name) => {
  const body = types.match(new RegExp(`interface ${name} \\{\\n(.*?)\\n\\}`, "s"))[1];
  return [...body.matchAll(/^ {2}(\w+): /gm)].map(([, field]) => field);
};
function canonical(name, document) {
  const missing = fieldsOf(name).filter((field) => !(field in document));
  assert.deepEqual(missing, [], `${name} has all fields`);
  return document;
}

const cases = [
  { name: null, roles: [null, null], context: { type: "product", id: "p1" } },
  {
    name: "monmariage",
    roles: ["client", "partner"],
    context: { type: "storefront", id: "s1" },
    confirms: 1,
  },
  {
    name: "marketplace",
    roles: ["buyer", "seller"],
    context: { type: "product", id: "p1" },
    alone: true,
  },
  { name: "pro-admin", roles: ["professional", "admin"], team: true, number: true },
  { name: "promoto", roles: ["client", "garage"], about: { type: "appointment", id: "r1" } },
];

for (const { name, roles, context, about, team, alone, number, confirms = 0 } of cases) {
  test(name ?? "the canonical API", async (t) => {
    const site = name ? siteOf(name) : null;
    const ann = person(site, "ann", roles[0]);
    const ben = person(site, "ben", roles[1]);
    const start = team
      ? { members: ["team:admin"], kind: "ticket", subject: "Invoice" }
      : { members: ["ben"], names: { ben: "Benno" }, ...(context && { context }) };
    const first = { content: "Is the bicycle still there?", ...(about && { context: about }) };
    let id;
    const texts = [first.content, "one", "two", "three"];

    await t.test("start, and once more with the same key", async () => {
      const started = await ann.api.start(start, first, "key-1");
      id = started.conversationId;
      const again = await ann.api.start(start, first, "key-1");
      assert.equal(again.conversationId, id);
      assert.equal(again.message?.id, started.message?.id);
      if (started.message) {
        canonical("Message", started.message);
        assert.deepEqual(started.message.context, about ?? null);
      }
      for (const one of [started, again])
        if (one.conversation) canonical("Conversation", one.conversation);
    });

    await t.test("send, and once more with the same key", async () => {
      for (const [i, content] of texts.slice(1).entries()) {
        const sent = canonical("Message", await ann.api.send(id, { content }, `key-s${i}`));
        const again = await ann.api.send(id, { content }, `key-s${i}`);
        assert.equal(again.id, sent.id);
        assert.equal(sent.seq, i + 2 + confirms);
        assert.equal(sent.conversationId, id);
        assert.equal(sent.content, content);
      }
    });

    await t.test("list with filters", async () => {
      const ids = async (query) => (await ben.api.list(query)).conversations.map((one) => one.id);
      const page = await ben.api.list();
      assert.equal(page.me?.id, "ben");
      const found = canonical(
        "Conversation",
        page.conversations.find((one) => one.id === id),
      );
      assert.equal(found.unreadCount, texts.length);
      assert.equal(found.lastSeq, texts.length + confirms);
      assert.deepEqual(found.context, context ?? null);
      assert.equal(found.lastMessage.content, "three");
      assert.ok((await ids({ unread: true, status: "open", archived: false })).includes(id));
      assert.ok(!(await ids({ status: "closed" })).includes(id));
      assert.ok(!(await ids({ archived: true })).includes(id));
      assert.ok((await ids({ q: team ? "invoice" : "three" })).includes(id));
      assert.ok(!(await ids({ q: "nothingofthiskind" })).includes(id));
      if (context)
        assert.ok((await ids({ context: `${context.type}:${context.id}` })).includes(id));
      const small = await ben.api.list({ limit: 1 });
      assert.equal(small.conversations.length, 1);
      if (small.nextCursor) await ben.api.list({ limit: 1, cursor: small.nextCursor });
    });

    await t.test("history in pages, which reads nothing", async () => {
      const newest = await ben.api.history(id, { limit: 2 });
      assert.deepEqual(
        newest.messages.map((one) => one.content),
        ["two", "three"],
      );
      const older = await ben.api.history(id, { limit: 200, before: newest.nextCursor });
      const all = [...older.messages, ...newest.messages];
      assert.deepEqual(
        all.map((one) => one.seq),
        all.map((_, i) => i + 1),
      );
      const own = all.filter((one) => one.senderId === "ann");
      assert.deepEqual(
        own.map((one) => one.content),
        texts,
      );
      assert.deepEqual(
        own.map((one) => one.read),
        [false, false, false, false],
      );
      for (const one of all) canonical("Message", one);
      assert.equal(older.nextCursor, null);
      const after = await ben.api.history(id, { after: all.at(-2).seq });
      assert.deepEqual(
        after.messages.map((one) => one.content),
        ["three"],
      );
    });

    await t.test("conversation, which reads nothing", async () => {
      if (alone) {
        await assert.rejects(ben.api.conversation(id), { status: 405, code: "not_available" });
      } else {
        const found = canonical("Conversation", await ben.api.conversation(id));
        assert.equal(found.unreadCount, texts.length);
        await assert.rejects(ben.api.conversation("nonesuch"), { status: 404 });
      }
      const mine = (await ben.api.list()).conversations.find((one) => one.id === id);
      assert.equal(mine.unreadCount, texts.length);
    });

    await t.test("unread", async () => {
      const { count, conversations } = await ben.api.unread();
      assert.ok(count >= texts.length);
      assert.equal(conversations[id], number ? undefined : texts.length);
    });

    await t.test("read, up to a message", async () => {
      const at = 2 + confirms;
      const numbers = await ben.api.read(id, at);
      assert.deepEqual(numbers, { conversationId: id, readSeq: at, unreadCount: texts.length - 2 });
      const { messages } = await ann.api.history(id);
      const own = messages.filter((one) => one.senderId === "ann");
      assert.deepEqual(
        own.map((one) => one.read),
        [true, true, false, false],
      );
    });

    await t.test("change: archived, status, and what both may", async () => {
      const archived = canonical(
        "Conversation",
        await ben.api.change(id, { archived: true }, "key-a"),
      );
      assert.equal(archived.archived, true);
      const ids = async (query) => (await ben.api.list(query)).conversations.map((one) => one.id);
      assert.ok((await ids({ archived: true })).includes(id));
      assert.ok(!(await ids({ archived: false })).includes(id));
      assert.equal((await ben.api.change(id, { archived: false }, "key-b")).archived, false);
      const closed = await ben.api.change(id, { status: "closed" }, "key-c");
      assert.equal(closed.status, "closed");
      assert.ok(closed.rev > archived.rev);
      const page = await ann.api.list();
      const me = page.me;
      const allowed = may(ann.api.adapter, "change", me.role);
      assert.equal(allowed, !team);
      const reopened = ann.api.change(id, { status: "open" }, "key-d");
      if (allowed) assert.equal((await reopened).status, "open");
      else await assert.rejects(reopened, { status: 403, code: "forbidden_role" });
    });

    await t.test("typing", async () => {
      assert.equal(await ann.api.typing(id, true), undefined);
      assert.equal(await ann.api.typing(id, false), undefined);
    });

    await t.test("search", async () => {
      const { messages } = await ben.api.search("bicycle");
      assert.equal(
        canonical(
          "Message",
          messages.find((one) => one.conversationId === id),
        ).seq,
        1,
      );
      assert.deepEqual((await ben.api.search("nothingofthiskind")).messages, []);
    });

    await t.test("the stream is where it is said to be", async () => {
      const [status, type, said] = await firstOf(ben);
      assert.deepEqual([status, type], [200, "text/event-stream"]);
      assert.match(said, /event: hello\ndata: .*"id":"ben"/);
    });

    await t.test("refusals say what is wrong", async () => {
      const refused = ann.api.send(id, { content: " " }, "key-e");
      const code = name === "monmariage" ? null : "missing_field";
      await assert.rejects(refused, (failure) => {
        assert.equal(failure.name, "Failure");
        assert.equal(failure.status, 400);
        assert.match(failure.message, /content/);
        if (code === null) assert.equal(failure.code, null);
        else assert.match(failure.code, /_field$/);
        return true;
      });
      const stranger = new HttpApi({
        base: "/api/messages",
        adapter: site?.adapter ?? null,
        fetch: fetchAs(ben.host, "X-Nobody: 1"),
      });
      await assert.rejects(stranger.unread(), { name: "Failure", status: 401 });
    });

    await t.test("what has no place is not sent without it", async () => {
      const card = { content: "a card", type: "card", data: { a: 1 } };
      const sending = ann.api.send(id, card, "key-f");
      if (team) {
        await assert.rejects(sending, { status: 405, code: "not_available" });
      } else {
        const { type, data } = await sending;
        assert.deepEqual({ type, data }, { type: "card", data: { a: 1 } });
      }
    });
  });
}

test("pro-admin: the desk writes to somebody", async () => {
  const site = siteOf("pro-admin");
  const ada = person(site, "ada", "admin");
  const started = await ada.api.start(
    { members: ["pia"], subject: "Welcome" },
    { content: "Hello" },
    "k",
  );
  assert.equal(started.conversation.member, "team:admin");
  const page = await person(site, "pia", "professional").api.list({ unread: true });
  assert.deepEqual(
    page.conversations.map((one) => one.id),
    [started.conversationId],
  );
});
