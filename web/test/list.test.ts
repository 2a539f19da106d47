// A list has what its pages brought and what came to the top since, and nothing else.
import { beforeEach, describe, expect, it, vi } from "vitest";
import { ConversationList } from "../src/core/list.js";
import { merge } from "../src/core/merge.js";
import { type Conversation, Failure, type ListPage, type ListQuery } from "../src/core/types.js";
import { Server } from "./server.js";
import { tick } from "./world.js";

let server: Server;
let known: { api: unknown; conversations: Map<string, Conversation>; version: number };
let asked: ListQuery[];
let held: (() => void)[] | null;
let failure: Failure | null;
/** A site's own list, that knows no filter. */
let blind: boolean;

const api = {
  async list(query: ListQuery, signal: AbortSignal): Promise<ListPage> {
    asked.push(query);
    if (failure) throw failure;
    const { q, cursor, limit } = query;
    const sent = JSON.parse(JSON.stringify(blind ? { q, cursor, limit } : query));
    const page = server.list("me", new URLSearchParams(sent)) as ListPage;
    if (held) await new Promise<void>((done) => held!.push(done));
    signal.throwIfAborted();
    return structuredClone(page);
  },
};

const know = (now: Conversation) => {
  const old = known.conversations.get(now.id);
  const merged = merge(old, now);
  if (merged === old) return;
  known.conversations.set(now.id, merged);
  known.version++;
};

function list(query: ListQuery = {}) {
  const closed = vi.fn();
  const changed = vi.fn();
  const take = (page: ListPage) => page.conversations.forEach(know);
  const list = new ConversationList(query, known as never, take, changed, closed);
  return Object.assign(list, { was: { closed, changed } });
}

function fill(count: number, from = 1): void {
  for (let i = from; i < from + count; i++) {
    server.say(server.open(["me", `u${i}`], { id: `c${i}` }), `u${i}`, `hello ${i}`);
  }
}

const ids = (of: ConversationList) => of.items.map(({ id }) => id);
const down = (from: number, to: number) =>
  Array.from({ length: from - to + 1 }, (_, i) => `c${from - i}`);

beforeEach(() => {
  server = new Server();
  known = { api, conversations: new Map(), version: 0 };
  asked = [];
  held = null;
  failure = null;
  blind = false;
});

describe("paging", () => {
  it("newest first, page after page", async () => {
    fill(320);
    const all = list();
    expect(all.loaded || all.more).toBe(false);
    await all.load();
    expect(ids(all)).toEqual(down(320, 271));
    expect(all.more && all.loaded).toBe(true);
    await all.loadMore();
    expect(ids(all)).toEqual(down(320, 71));
    await all.loadMore();
    expect(ids(all)).toEqual(down(320, 1));
    expect(all.more).toBe(false);
    await all.loadMore();
    expect(asked.map(({ limit }) => limit)).toEqual([50, 200, 200]);
  });

  it("an empty one", async () => {
    const all = list();
    await all.load();
    expect(all.items).toEqual([]);
    expect(all.loaded).toBe(true);
    expect(all.more || all.loading).toBe(false);
  });

  it("after a reset as much as was there", async () => {
    fill(320);
    const all = list();
    await all.load();
    await all.loadMore();
    fill(3, 321);
    server.say("c100", "me", "again");
    asked = [];
    await all.load();
    expect(asked.map(({ limit }) => limit)).toEqual([200, 200]);
    expect(ids(all).slice(0, 4)).toEqual(["c100", "c323", "c322", "c321"]);
    expect(all.items.length).toBeGreaterThanOrEqual(250);
  });

  it("a failure is said, and not repeated by itself", async () => {
    fill(60);
    failure = new Failure(0, "offline");
    const all = list();
    await all.load();
    expect(all.failure).toBe(failure);
    expect(all.loaded || all.loading).toBe(false);
    failure = null;
    await all.load();
    expect(all.failure).toBeNull();
    failure = new Failure(503, "later");
    await all.loadMore();
    await all.loadMore();
    expect(asked).toHaveLength(3);
    expect(ids(all)).toEqual(down(60, 11));
    failure = null;
    await all.load();
    await all.loadMore();
    expect(ids(all)).toEqual(down(60, 1));
  });

  it("a failed reload takes nothing away", async () => {
    fill(260);
    const all = list();
    await all.load();
    await all.loadMore();
    held = [];
    const again = all.load();
    await tick();
    failure = new Failure(0, "offline");
    held[0]!();
    await again;
    expect(all.failure).toBe(failure);
    expect(ids(all)).toEqual(down(260, 11));
    // One that a search knows, older than all that is loaded.
    know(server.view("c3", "me"));
    expect(ids(all)).toEqual(down(260, 11));
  });

  it.each(["load", "loadMore"] as const)("a reset during %s is done after it", async (during) => {
    fill(120);
    const all = list();
    if (during === "loadMore") await all.load();
    held = [];
    const work = all[during]();
    await tick();
    fill(1, 121);
    void all.load();
    void all.load();
    const go = held;
    held = null;
    go[0]!();
    await work;
    expect(ids(all)[0]).toBe("c121");
    expect(all.loading || all.stale).toBe(false);
  });

  it("a reset during a load that fails is done all the same", async () => {
    fill(3);
    const all = list();
    failure = new Failure(0, "signed out");
    const work = all.load();
    void all.load();
    failure = null;
    await work;
    expect(all.failure).toBeNull();
    expect(ids(all)).toEqual(down(3, 1));
  });

  it("close() ends what is under way, and is told", async () => {
    fill(60);
    held = [];
    const all = list();
    const work = all.load();
    all.close();
    held[0]!();
    await work;
    expect(all.was.closed).toHaveBeenCalledOnce();
    expect(all.items).toEqual([]);
  });
});

describe("live", () => {
  it("a message moves its conversation to the top, a new one joins", async () => {
    fill(120);
    const all = list();
    await all.load();
    server.say("c80", "me", "up");
    know(server.view("c80", "me"));
    expect(ids(all)).toEqual(["c80", ...down(120, 81), ...down(79, 71)]);
    fill(1, 121);
    know(server.view("c121", "me"));
    server.say("c5", "u5", "up"); // it was not loaded
    know(server.view("c5", "me"));
    expect(ids(all).slice(0, 3)).toEqual(["c5", "c121", "c80"]);
  });

  it("what lies below the end of what is loaded waits for its page", async () => {
    fill(120);
    const all = list();
    await all.load();
    know(server.view("c3", "me"));
    know(server.view("c90", "me"));
    expect(ids(all)).toEqual(down(120, 71));
    await all.loadMore();
    expect(ids(all)).toEqual(down(120, 1));
  });

  it("the same array until something changed", async () => {
    fill(3);
    const all = list();
    await all.load();
    const before = all.items;
    expect(all.items).toBe(before);
    know(server.view("c3", "me"));
    expect(all.items).toBe(before);
    server.say("c1", "u1", "up");
    know(server.view("c1", "me"));
    expect(all.items).not.toBe(before);
  });

  it("nothing is shown before it is loaded", () => {
    fill(1);
    know(server.view("c1", "me"));
    expect(list().items).toEqual([]);
  });
});

describe("filters", () => {
  it("status and archived follow at once", async () => {
    fill(4);
    server.alter("c2", "me", { status: "closed" });
    const [open, closed, archived] = [
      list({ status: "open", archived: false }),
      list({ status: "closed" }),
      list({ archived: true }),
    ];
    await Promise.all([open.load(), closed.load(), archived.load()]);
    expect([ids(open), ids(closed), ids(archived)]).toEqual([["c4", "c3", "c1"], ["c2"], []]);
    server.alter("c3", "me", { status: "closed" });
    server.alter("c4", "me", { archived: true });
    for (const id of ["c3", "c4"]) know(server.view(id, "me"));
    expect([ids(open), ids(closed), ids(archived)]).toEqual([["c1"], ["c3", "c2"], ["c4"]]);
  });

  it("what was unread stays while one reads it, until it is loaded again", async () => {
    fill(3);
    server.readTo("c1", "me", 1);
    const unread = list({ unread: true });
    await unread.load();
    expect(ids(unread)).toEqual(["c3", "c2"]);
    server.readTo("c3", "me", 1);
    know(server.view("c3", "me"));
    expect(ids(unread)).toEqual(["c3", "c2"]);
    server.say("c1", "u1", "new");
    know(server.view("c1", "me"));
    expect(ids(unread)).toEqual(["c1", "c3", "c2"]);
    await unread.load();
    expect(ids(unread)).toEqual(["c1", "c2"]);
  });

  it("a context, of one thing or of a type", async () => {
    server.open(["me", "a"], { id: "x1", context: { type: "product", id: "7:a" } });
    server.open(["me", "a"], { id: "x2", context: { type: "product", id: "7" } });
    server.open(["me", "a"], { id: "x3", context: { type: "venue", id: "7" } });
    server.open(["me", "a"], { id: "x4" });
    const [one, type] = [list({ context: "product:7:a" }), list({ context: "product" })];
    await Promise.all([one.load(), type.load()]);
    for (const id of ["x1", "x2", "x3", "x4"]) know(server.view(id, "me"));
    expect([ids(one), ids(type)]).toEqual([["x1"], ["x2", "x1"]]);
  });

  it("q is the server's alone", async () => {
    fill(3);
    const found = list({ q: "hello 2" });
    await found.load();
    expect(ids(found)).toEqual(["c2"]);
    server.say("c3", "u3", "hello 2");
    know(server.view("c3", "me"));
    expect(ids(found)).toEqual(["c2"]);
    expect(asked).toEqual([{ q: "hello 2", limit: 50 }]);
  });

  it("a server that does not know the filter is asked until something fits", async () => {
    blind = true;
    fill(130);
    for (let i = 3; i <= 130; i++) server.readTo(`c${i}`, "me", 1);
    const unread = list({ unread: true });
    await unread.load();
    expect(ids(unread)).toEqual(["c2", "c1"]);
    expect(unread.more).toBe(false);
    expect(asked).toHaveLength(3);
    const none = list({ archived: true });
    await none.load();
    expect(none.items).toEqual([]);
    expect(none.loaded && !none.more).toBe(true);
  });
});
