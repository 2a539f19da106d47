// The client, its stream and its page: what it asks for, and when it says so.
import { describe, expect, it, vi } from "vitest";
import {
  contents,
  count,
  follow,
  hear,
  hello,
  page,
  ready,
  server,
  signIn,
  stream,
  world,
} from "./client.js";
import { streams } from "./streams.js";
import { type Locks, tick, until } from "./world.js";

vi.mock("../src/core/share.js", () => import("./streams.js"));

describe("the stream", () => {
  it("who it is, is known from hello, and said once", async () => {
    const client = page();
    const said: unknown[] = [];
    client.on("ready", (me) => said.push(me));
    expect(client.me).toBeNull();
    server.names.set("me", "Me");
    hello();
    hello(true);
    expect(client.me).toEqual({ id: "me", role: null, name: "Me", teams: [] });
    expect(said).toEqual([client.me]);
    expect(client.state).toBe("open");
  });

  it.each(["hello", "reset", "poll"])(
    "%s: what is open is fetched, and nothing else",
    async (how) => {
      const [a, b, c] = ["a", "b", "c"].map((one) => server.open(["me", one]));
      for (const id of [a!, b!, c!]) server.say(id, "me", "x");
      const client = await ready();
      const list = client.list();
      client.list({ archived: true }).close();
      client.thread(a!);
      client.thread(b!);
      await tick();
      // Of the two only one is still shown: it is asked for at each change.
      client.on("change", () => client.thread(b!));
      server.requests = [];
      server.say(a!, "a", "in the gap");
      server.say(b!, "b", "in the gap");
      if (how === "hello") hello(false);
      else hear(how, { count: 2, conversations: { [a!]: 1, [b!]: 1 } });
      await tick();
      expect(server.requests).toEqual([
        "GET /conversations?limit=50",
        `GET /conversations/${b}/messages?limit=50`,
      ]);
      expect(client.thread(b!).last).toBe(2);
      expect(list.items[0]?.lastSeq).toBe(2);
      if (how === "poll") expect(client.unread).toBe(2);
      client.thread(a!); // looked at again
      await tick();
      expect(client.thread(a!).last).toBe(2);
    },
  );

  it("hello that resumes fetches nothing", async () => {
    const client = await ready();
    client.list();
    client.countUnread();
    await tick();
    server.requests = [];
    hello(true);
    await tick();
    expect(server.requests).toEqual([]);
  });

  it("messages, conversations, reading and presence come live", async () => {
    const id = server.open(["me", "bob"]);
    server.say(id, "me", "one");
    const client = await ready();
    const list = client.list();
    const thread = client.thread(id);
    await tick();
    follow();
    const heard: string[] = [];
    client.on("message", ({ content }) => heard.push(content));
    const before = list.items[0];
    server.say(id, "bob", "two");
    server.say(id, "me", "from my telephone");
    expect(thread.messages.map(({ content }) => content)).toEqual([
      "one",
      "two",
      "from my telephone",
    ]);
    expect(heard).toEqual(["two"]);
    expect(list.items[0]).not.toBe(before);
    expect(list.items[0]).toMatchObject({ unreadCount: 1, lastSeq: 3 });
    server.readTo(id, "bob", 3);
    expect(thread.messages.map(({ read }) => read)).toEqual([true, false, true]);
    server.readTo(id, "me", 3);
    expect(client.conversations.get(id)).toMatchObject({ unreadCount: 0, readSeq: 3 });
    server.alter(id, "bob", { status: "closed" });
    expect(client.conversations.get(id)?.status).toBe("closed");
    const [, bob] = client.conversations.get(id)!.members;
    expect(client.presence(bob!).online).toBeNull();
    const lastSeenAt = "2026-01-01T00:00:00.000Z";
    hear("presence", { userId: "bob", online: true, lastSeenAt });
    server.alter(id, "bob", { status: "open" });
    expect(client.presence(bob!)).toMatchObject({ online: true, lastSeenAt });
    expect(client.others(client.conversations.get(id)!).map(({ id }) => id)).toEqual(["bob"]);
  });

  it("who is there is what was said last, by the stream or with a conversation", async () => {
    const id = server.open(["me", "bob"]);
    const client = await ready();
    const list = client.list();
    await tick();
    const bob = list.items[0]!.members.find((one) => one.id === "bob")!;
    const said = { userId: "bob", online: false, lastSeenAt: "2026-01-01T00:00:00.000Z" };
    hear("presence", said);
    expect(client.presence(bob).online).toBe(false);
    const { conversation } = server.kept.get(id)!;
    const members = conversation.members.map((one) => ({ ...one, online: true }));
    hear("conversation", { ...conversation, member: "me", members, rev: 99 });
    expect(client.presence(bob).online).toBe(true);
  });

  it("one's own reading does not mark one's own messages", async () => {
    const id = server.open(["me", "bob"]);
    const client = await ready();
    server.say(id, "me", "one");
    const thread = client.thread(id);
    await tick();
    follow();
    hear("read", { conversationId: id, member: "me", userId: "me", readSeq: 1 });
    await tick();
    expect(thread.messages[0]?.read).toBe(false);
    client.list();
    await tick();
    hear("read", { conversationId: id, member: "me", userId: "me", readSeq: 1 });
    expect(thread.messages[0]?.read).toBe(false);
  });

  it("a conversation that is not known is asked for once, however much comes of it", async () => {
    const id = server.open(["me", "bob"]);
    server.say(id, "bob", "one");
    const client = await ready();
    follow();
    for (const text of ["two", "three", "four"]) server.say(id, "bob", text);
    await Promise.all([client.conversation(id), client.conversation(id)]);
    await tick();
    expect(count(`GET /conversations/${id}`)).toBe(1);
    expect(client.conversations.get(id)?.lastSeq).toBe(4);
  });

  it("what is not there is not asked for again and again", async () => {
    const client = await ready();
    for (let i = 0; i < 3; i++) {
      await expect(client.conversation("none")).rejects.toMatchObject({ status: 404 });
    }
    expect(server.requests).toHaveLength(1);
    hear("reset");
    await expect(client.conversation("none")).rejects.toMatchObject({ status: 404 });
    expect(server.requests).toHaveLength(2);
    server.faults = () => "lost";
    for (let i = 0; i < 2; i++) {
      await expect(client.conversation("other")).rejects.toMatchObject({ status: 0 });
    }
    expect(server.requests).toHaveLength(4);
  });

  it("who looks is said, and the network's return", async () => {
    await ready();
    world.document.visibilityState = "hidden";
    world.document.dispatchEvent(new Event("visibilitychange"));
    world.document.visibilityState = "visible";
    world.document.dispatchEvent(new Event("visibilitychange"));
    expect(stream().seen).toEqual([true, false, true]);
    world.page.dispatchEvent(new Event("online"));
    expect(stream().retried).toBe(1);
  });

  it("nine threads that are shown at once do not drive each other out", async () => {
    const all = Array.from({ length: 12 }, (_, i) => server.open(["me", `u${i}`]));
    const client = await ready();
    const show = () => {
      for (const id of all) client.thread(id);
    };
    client.on("change", show);
    show();
    await tick(30);
    expect(server.requests).toHaveLength(12);
    const first = client.thread(all[0]!);
    await vi.advanceTimersByTimeAsync(100_000);
    for (const id of all.slice(1)) client.thread(id);
    await tick(30);
    expect(client.thread(all[0]!)).not.toBe(first);
    await tick(30);
    expect(server.requests.length).toBeLessThan(40);
  });
});

describe("the page", () => {
  it("hears of changes once a task", async () => {
    const ids = ["a", "b", "c"].map((one) => server.open(["me", one]));
    const client = await ready();
    let changes = 0;
    const stop = client.on("change", () => changes++);
    follow();
    client.list();
    await tick();
    changes = 0;
    for (const id of ids) server.say(id, "me", "x");
    expect(changes).toBe(0);
    await Promise.resolve();
    expect(changes).toBe(1);
    stop();
    server.say(ids[0]!, "me", "x");
    await tick();
    expect(changes).toBe(1);
  });

  it("a listener that throws stops nobody", async () => {
    const id = server.open(["me", "bob"]);
    const client = await ready();
    await client.conversation(id);
    follow();
    // What a browser says to `window.onerror`, Node takes for the end.
    const others = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    const thrown: unknown[] = [];
    process.on("uncaughtException", (error) => thrown.push(error));
    const heard: string[] = [];
    client.on("message", () => {
      throw new Error("the page's own");
    });
    client.on("change", () => {
      throw new Error("the page's own");
    });
    client.on("message", ({ content }) => heard.push(content));
    server.say(id, "bob", "1");
    server.say(id, "bob", "2");
    client.send({ conversation: id }, { content: "3" });
    await until(() => client.entries.length === 0);
    expect(heard).toEqual(["1", "2"]);
    expect(contents(id)).toEqual(["1", "2", "3"]);
    expect(thrown.length).toBeGreaterThan(2);
    client.close();
    await tick();
    process.removeAllListeners("uncaughtException");
    for (const one of others) process.on("uncaughtException", one);
  });

  it("select() is said, and only a change", async () => {
    const client = await ready();
    const said: unknown[] = [];
    client.on("select", (id) => said.push(id));
    client.select("a");
    client.select("a");
    client.select(null);
    expect(said).toEqual(["a", null]);
  });

  it("closed and connected again it goes on", async () => {
    const id = server.open(["me", "bob"]);
    const client = await ready();
    client.list();
    server.faults = () => "lost";
    client.send({ conversation: id }, { content: "a" });
    await tick();
    client.close();
    client.close();
    expect(stream().closed).toBe(true);
    server.faults = () => undefined;
    client.retry();
    world.page.dispatchEvent(new Event("online"));
    await vi.advanceTimersByTimeAsync(100_000);
    await tick();
    expect(streams.all).toHaveLength(1);
    expect(contents(id)).toEqual([]);
    client.connect();
    client.connect();
    expect(streams.all).toHaveLength(2);
    world.page.dispatchEvent(new Event("online"));
    expect(stream().retried).toBe(1);
    hello();
    await until(() => client.entries.length === 0 && contents(id).length === 1);
    client.send({ conversation: id }, { content: "b" });
    await until(() => contents(id).length === 2);
  });

  it("closed when it was signed out it stays closed", async () => {
    const client = await ready();
    signIn(null);
    await client.list().load();
    await tick();
    client.close();
    client.retry();
    expect(streams.all).toHaveLength(1);
  });

  it("what a closed one still hears opens nothing", async () => {
    const one = await ready();
    const list = one.list();
    await tick();
    let go = () => {};
    const page = server.list("me", new URLSearchParams());
    server.faults = () =>
      new Promise((done) => (go = () => done(new Response(JSON.stringify(page)))));
    void list.load();
    await tick();
    one.close();
    go();
    await tick();
    expect((navigator.locks as unknown as Locks).held.size).toBe(0);
    server.faults = () => undefined;
    // Else it would hold the lock that the next one waits for.
    const id = server.open(["me", "bob"]);
    const two = await ready();
    two.send({ conversation: id }, { content: "a" });
    await until(() => contents(id).length === 1);
    expect(one.entries).toEqual([]);
  });
});
