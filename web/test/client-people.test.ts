// Who is signed in: nothing of one person is shown to, or sent as, another.
import { describe, expect, it, vi } from "vitest";
import {
  contents,
  count,
  hear,
  hello,
  page,
  ready,
  server,
  signIn,
  stream,
  world,
} from "./client.js";
import { refusal } from "./server.js";
import { streams } from "./streams.js";
import { tick, until } from "./world.js";

vi.mock("../src/core/share.js", () => import("./streams.js"));

describe("signing in and out", () => {
  it("401 says so once; nothing is retried", async () => {
    const id = server.open(["me", "bob"]);
    const client = await ready();
    const list = client.list();
    const thread = client.thread(id);
    await tick();
    const said: string[] = [];
    client.on("signed-out", () => said.push("out"));
    signIn(null);
    server.requests = [];
    await list.load();
    expect(client.state).toBe("signed-out");
    expect(stream().closed).toBe(true);
    client.send({ conversation: id }, { content: "later" });
    void thread.load();
    client.countUnread();
    await expect(client.search("x")).rejects.toMatchObject({ status: 401 });
    await tick(10);
    const asked = server.requests.length;
    await vi.advanceTimersByTimeAsync(3_600_000);
    await tick();
    expect(server.requests).toHaveLength(asked);
    expect(said).toEqual(["out"]);
    expect(client.entries).toHaveLength(1);
  });

  it("retry() asks again for what failed", async () => {
    const id = server.open(["me", "bob"]);
    server.say(id, "bob", "1");
    const client = await ready();
    server.faults = () => refusal(503);
    const list = client.list();
    const thread = client.thread(id);
    client.countUnread();
    await tick();
    expect([list.failure?.status, thread.failure?.status, client.unread]).toEqual([503, 503, null]);
    server.faults = () => undefined;
    client.retry();
    await tick();
    expect([list.failure, thread.failure, client.unread]).toEqual([null, null, 1]);
  });

  it("retry() resumes, and sends what waits when it is known who it is", async () => {
    const id = server.open(["me", "bob"]);
    const client = await ready();
    const list = client.list();
    client.countUnread();
    signIn(null);
    client.send({ conversation: id }, { content: "a" });
    await until(() => client.state === "signed-out");
    client.send({ conversation: id }, { content: "b" });
    await tick();
    signIn("me");
    client.retry();
    client.retry();
    await tick(10);
    expect(streams.all).toHaveLength(2);
    expect(client.state).toBe("connecting");
    hello(false);
    await until(() => client.entries.length === 0);
    expect(contents(id)).toEqual(["a", "b"]);
    await until(() => !list.loading && list.failure === null);
    expect(list.items).toHaveLength(1);
    expect(client.unread).toBe(0);
  });

  it("who looks at the page again may have signed in elsewhere", async () => {
    const client = await ready();
    signIn(null);
    await client.list().load();
    await tick();
    expect(client.state).toBe("signed-out");
    signIn("me");
    for (let i = 0; i < 3; i++) world.document.dispatchEvent(new Event("visibilitychange"));
    expect(client.state).toBe("connecting");
    expect(streams.all).toHaveLength(2);
    hello();
    // And the listeners are still the same.
    world.page.dispatchEvent(new Event("online"));
    expect(stream().retried).toBe(1);
  });

  it("what one wrote is never sent as another", async () => {
    const id = server.open(["me", "bob"]);
    server.open(["eve", "bob"]);
    const client = await ready();
    signIn(null);
    client.send({ conversation: id }, { content: "of me" });
    await until(() => client.state === "signed-out");
    signIn("eve");
    server.requests = [];
    client.retry();
    await tick(10);
    await vi.advanceTimersByTimeAsync(100_000);
    expect(count("POST")).toBe(0);
    hello();
    await tick(10);
    await vi.advanceTimersByTimeAsync(100_000);
    expect(count("POST")).toBe(0);
    expect(client.entries).toEqual([]);
    signIn("me");
    hello();
    await until(() => contents(id).length === 1);
  });

  it("another person's hello forgets everything of the first", async () => {
    const id = server.open(["me", "bob", "eve"]);
    server.say(id, "bob", "1");
    const client = await ready();
    await client.conversation(id);
    const thread = client.thread(id);
    client.list();
    client.countUnread();
    client.select(id);
    client.setDraft({ conversation: id }, "half a word");
    await tick();
    await client.read(id, 1);
    hear("typing", { conversationId: id, userId: "bob", name: null, typing: true });
    hear("presence", { userId: "bob", online: true, lastSeenAt: "2026-01-01T00:00:00.000Z" });
    server.faults = () => "lost";
    client.send({ conversation: id }, { content: "of me" });
    await tick();
    server.faults = () => undefined;
    const ready_: string[] = [];
    client.on("ready", ({ id }) => ready_.push(id));
    signIn("eve");
    hello(false);
    expect(client.me?.id).toBe("eve");
    expect(client.conversations.size).toBe(0);
    expect(client.selected).toBeNull();
    expect(client.entries).toEqual([]);
    expect(client.typers(id)).toEqual([]);
    expect(client.draft({ conversation: id })).toBe("");
    expect(ready_).toEqual(["eve"]);
    expect(client.thread(id)).not.toBe(thread);
    await tick(10);
    expect(client.conversations.get(id)).toMatchObject({ member: "eve", unreadCount: 1 });
    expect(client.unread).toBe(1);
    expect(client.presence(client.conversations.get(id)!.members[1]!).online).toBeNull();
    await client.read(id, 1);
    expect(server.unreadOf(id, "eve")).toBe(0);
    // What the first one wrote and typed is there when they come back.
    signIn("me");
    hello(false);
    expect(client.draft({ conversation: id })).toBe("half a word");
    await until(() => contents(id).includes("of me"));
  });

  it("what the first one asked for is not the second one's", async () => {
    const id = server.open(["me", "bob"]);
    const client = await ready();
    const list = client.list();
    let go = () => {};
    server.faults = () => {
      const answer = new Response(JSON.stringify(server.list("me", new URLSearchParams())));
      return new Promise((done) => (go = () => done(answer)));
    };
    void list.load();
    const asked = client.conversation(id).catch(({ status }) => status);
    await tick();
    signIn("eve");
    const late = go;
    server.faults = () => undefined;
    hello(false);
    late();
    await tick(10);
    expect(client.me?.id).toBe("eve");
    expect([...client.conversations.keys()]).toEqual([]);
    expect(list.failure).toBeNull();
    expect(list.items).toEqual([]);
    void asked;
  });

  it("where another has signed in nothing is asked for, and said, as them", async () => {
    const id = server.open(["me", "eve"]);
    const client = await ready();
    const other = page();
    hello();
    client.setDraft({ conversation: id }, "half a word");
    server.faults = () => "lost";
    client.send({ conversation: id }, { content: "of me" });
    await until(() => other.entries.length === 1);
    const said: string[] = [];
    for (const one of [client, other]) one.on("signed-out", () => said.push("out"));
    client.on("failed", () => said.push("failed"));
    signIn("eve");
    server.faults = () => undefined;
    server.requests = [];
    world.page.dispatchEvent(new Event("online"));
    await until(() => client.state === "signed-out");
    // Who was next to send is refused, too.
    await until(() => other.state === "signed-out");
    expect(said).toEqual(["out", "out"]);
    expect(count("POST")).toBe(2);
    await vi.advanceTimersByTimeAsync(3_600_000);
    await tick();
    expect(server.requests).toHaveLength(2);
    expect(contents(id)).toEqual([]);
    expect([client.me, client.entries, client.draft({ conversation: id })]).toEqual([null, [], ""]);
    // She looks at the page, and it is hers.
    world.document.dispatchEvent(new Event("visibilitychange"));
    for (const one of streams.all.slice(-2)) {
      one.onState("open");
      one.onEvent({ type: "hello", data: { ...server.me("eve"), resumed: false } });
    }
    await vi.advanceTimersByTimeAsync(100_000);
    expect([client.me?.id, other.me?.id]).toEqual(["eve", "eve"]);
    expect([client.entries, contents(id)]).toEqual([[], []]);
    // And who wrote it is there again.
    signIn("me");
    hello(false);
    await until(() => contents(id).length === 1);
    await until(() => other.entries.length === 0);
    expect(server.kept.get(id)!.messages[0]).toMatchObject({ senderId: "me", content: "of me" });
    expect(contents(id)).toEqual(["of me"]);
  });

  it("where no stream can be had, who has signed in is found out all the same", async () => {
    const client = await ready();
    stream().onState("polling");
    const list = client.list();
    await tick();
    signIn("eve");
    server.open(["eve", "bob"]);
    await list.load();
    expect([client.state, client.me]).toEqual(["signed-out", null]);
    client.retry();
    stream().onState("polling");
    hear("poll", { count: 0, conversations: {} });
    await until(() => client.me?.id === "eve");
    expect(list.items).toHaveLength(1);
    expect(client.state).toBe("polling");
  });

  it("the first one's refusal is not the second one's", async () => {
    const client = await ready();
    let go = () => {};
    server.faults = () => new Promise((done) => (go = () => done(refusal(412))));
    const asked = client.search("x").catch(({ status }) => status);
    await tick();
    server.faults = () => undefined;
    signIn("eve");
    hello(false);
    go();
    expect(await asked).toBe(0);
    expect([client.state, client.me?.id]).toEqual(["open", "eve"]);
  });

  it("another person in a list's answer: the stream is opened anew, but not for ever", async () => {
    const client = await ready();
    signIn("eve");
    // As a server that does not know whom a request is for.
    server.faults = (_, __, { headers }) => {
      delete (headers as Record<string, string>)["Messaging-User"];
      return undefined;
    };
    const list = client.list();
    await tick(10);
    expect(client.me?.id).toBe("eve");
    expect(stream().retried).toBe(1);
    for (let i = 0; i < 50; i++) {
      signIn(i % 2 ? "eve" : "me");
      await list.load();
    }
    expect(stream().retried).toBeLessThan(10);
  });

  it("signOut() takes all away, in each tab", async () => {
    const id = server.open(["me", "bob"]);
    const client = await ready();
    const other = page();
    hello();
    await tick();
    server.faults = () => "lost";
    client.send({ conversation: id }, { content: "never" });
    client.setDraft({ conversation: id }, "secret");
    await client.conversation(id).catch(() => {});
    await until(() => other.entries.length === 1);
    signIn(null);
    const out = client.signOut();
    expect(client.state).toBe("signed-out");
    expect(client.me).toBeNull();
    expect(client.entries).toEqual([]);
    expect(client.draft({ conversation: id })).toBe("");
    expect(() => client.send({ conversation: id }, { content: "x" })).toThrow(
      expect.objectContaining({ status: 401 }),
    );
    await out;
    await until(() => other.state === "signed-out");
    expect(other.me).toBeNull();
    expect(Object.keys(localStorage)).toEqual([]);
    server.faults = () => undefined;
    signIn("me");
    client.retry();
    hello();
    await tick(10);
    await vi.advanceTimersByTimeAsync(100_000);
    expect(client.entries).toEqual([]);
    expect(contents(id)).toEqual([]);
  });

  it("an answer that was on its way at sign-out brings nobody back", async () => {
    const client = await ready();
    const page = server.list("me", new URLSearchParams());
    let go = () => {};
    server.faults = () =>
      new Promise((done) => (go = () => done(new Response(JSON.stringify(page)))));
    client.list();
    await tick();
    await client.signOut();
    go();
    await tick();
    expect(client.me).toBeNull();
    expect(client.conversations.size).toBe(0);
  });
});
