// The client between a server, its stream and a page: what it asks for, what it knows, what it says.
import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MessagingClient } from "../src/core/client.js";
import type { LiveEvent, LiveState } from "../src/core/live.js";
import type { Start } from "../src/core/types.js";
import { refusal, Server } from "./server.js";
import { browser, fakeTime, type Locks, tick, until } from "./world.js";

interface Stream {
  onEvent(event: LiveEvent): void;
  onState(state: LiveState): void;
  closed: boolean;
  retried: number;
  seen: boolean[];
}

const streams = vi.hoisted(() => ({ all: [] as unknown[] }));
vi.mock("../src/core/share.js", () => ({
  share: (options: object) => {
    const stream = { ...options, closed: false, retried: 0, seen: [] as boolean[] };
    streams.all.push(stream);
    return {
      close: () => {
        stream.closed = true;
      },
      retry: () => stream.retried++,
      visible: (visible: boolean) => stream.seen.push(visible),
    };
  },
}));

let server: Server;
let user: string | null;
let world: ReturnType<typeof browser>;
let site = 0;
const clients = new Set<MessagingClient>();

/** A page of `me`'s; `hello` as the stream's first event. */
function page(api = `/api-${site}/messages`): MessagingClient {
  const client = new MessagingClient({ api });
  clients.add(client);
  client.connect();
  return client;
}

const stream = () => streams.all.at(-1) as Stream;
const hear = (type: string, data: unknown = {}) => stream().onEvent({ type, data } as LiveEvent);

/** From now on what happens at the server comes by the stream, as it comes to `who`. */
function follow(who = user!): () => void {
  const to = stream();
  return server.on(who, (event) => to.onEvent(event));
}

function hello(resumed = false): void {
  stream().onState("open");
  hear("hello", { ...server.me(user!), resumed });
}

/** Signed in, and told so. */
async function ready(): Promise<MessagingClient> {
  const client = page();
  hello();
  await tick();
  server.requests = [];
  return client;
}

const contents = (id: string) => server.kept.get(id)!.messages.map(({ content }) => content);
const count = (what: string) => server.requests.filter((one) => one.includes(what)).length;

beforeEach(() => {
  server = new Server();
  user = "me";
  streams.all = [];
  world = browser();
  // Each test another site: what one leaves in the database is not the next one's.
  site++;
  vi.stubGlobal(
    "fetch",
    server.fetch(() => user),
  );
  fakeTime();
});

afterEach(async () => {
  for (const client of clients) client.close();
  clients.clear();
  await tick();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

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

describe("unread", () => {
  it("is counted once, and kept by the numbers that come", async () => {
    const [a, b] = [server.open(["me", "bob"]), server.open(["me", "eve"])];
    server.say(a, "bob", "1");
    const client = await ready();
    client.list();
    const said: number[] = [];
    client.on("unread", (count) => said.push(count));
    client.countUnread();
    await tick();
    follow();
    server.say(a, "bob", "2");
    server.say(a, "me", "3");
    await tick();
    server.readTo(a, "me", 1);
    expect(client.unread).toBe(1);
    server.say(b, "eve", "1");
    server.readTo(a, "me", 3);
    await tick();
    expect(client.unread).toBe(1);
    expect(said).toEqual([1, 2, 1, 2, 1]);
    expect(count("unread-count")).toBe(1);
  });

  it("without anybody who wants it nothing is asked", async () => {
    const id = server.open(["me", "bob"]);
    const client = await ready();
    follow();
    server.say(id, "bob", "1");
    hello(false);
    await tick();
    expect(count("unread-count")).toBe(0);
    expect(client.unread).toBeNull();
  });

  it("what comes while it is counted is counted", async () => {
    const id = server.open(["me", "bob"]);
    const client = await ready();
    await client.conversation(id);
    client.countUnread();
    await tick();
    let go = () => {};
    server.faults = (_, path) =>
      path === "/unread-count"
        ? new Promise((done) => {
            const answer = new Response(JSON.stringify(server.count("me")));
            go = () => done(answer);
          })
        : undefined;
    client.countUnread();
    follow();
    await tick();
    server.say(id, "bob", "1");
    server.say(id, "bob", "2");
    server.faults = () => undefined;
    go();
    await tick();
    expect(client.unread).toBe(2);
    expect(count("unread-count")).toBe(3);
  });

  it("of conversations that are not loaded", async () => {
    const ids = Array.from({ length: 5 }, (_, i) => server.open(["me", `u${i}`]));
    for (const id of ids) server.say(id, "me", "hello");
    const client = await ready();
    client.countUnread();
    await tick();
    follow();
    ids.forEach((id, i) => {
      server.say(id, `u${i}`, "1");
      server.say(id, `u${i}`, "2");
    });
    expect(client.unread).toBe(10);
    for (const id of ids.slice(0, 3)) server.readTo(id, "me", 2);
    await tick();
    expect(client.unread).toBe(server.count("me").count);
  });

  it("where the site says only how many, it is asked each time", async () => {
    const [a, b] = [server.open(["me", "bob"]), server.open(["me", "eve"])];
    server.say(a, "bob", "1");
    server.say(a, "bob", "2");
    server.say(b, "eve", "1");
    server.faults = (_, path) =>
      path === "/unread-count"
        ? new Response(JSON.stringify({ count: server.count("me").count }))
        : undefined;
    const client = await ready();
    client.list();
    client.countUnread();
    await tick();
    follow();
    expect(client.unread).toBe(3);
    server.say(a, "bob", "3");
    await tick();
    expect(client.unread).toBe(4);
    server.readTo(a, "me", 3);
    await tick();
    expect(client.unread).toBe(1);
  });

  it("the team's numbers count, but not where one is there in person", async () => {
    server.teams.set("me", "team:admin");
    const both = server.open(["me", "team:admin", "bob"]);
    const desk = server.open(["team:admin", "bob"]);
    for (const id of [both, desk]) server.say(id, "bob", "1");
    server.say(both, "me", "2");
    const client = await ready();
    client.countUnread();
    await tick();
    follow();
    // Known or not.
    hear("unread", {
      conversationId: both,
      member: "team:admin",
      lastSeq: 9,
      readSeq: 0,
      unreadCount: 9,
    });
    await tick();
    expect(client.unread).toBe(2);
    client.list();
    await tick();
    const told = count("unread-count");
    hear("unread", {
      conversationId: both,
      member: "team:admin",
      lastSeq: 9,
      readSeq: 0,
      unreadCount: 9,
    });
    server.say(desk, "bob", "2");
    server.say(both, "bob", "3");
    await tick();
    expect(client.unread).toBe(4);
    expect(client.conversations.get(both)?.member).toBe("me");
    expect(client.conversations.get(desk)?.member).toBe("team:admin");
    server.readTo(desk, "me", 2);
    expect(client.unread).toBe(2);
    expect(count("unread-count")).toBe(told);
    expect(client.unread).toBe(server.count("me").count);
  });

  it("a count that fails is not counted from", async () => {
    const id = server.open(["me", "bob"]);
    const client = await ready();
    await client.conversation(id);
    client.countUnread();
    await tick();
    follow();
    expect(client.unread).toBe(0);
    // In a gap four came, and the count after it fails.
    const { say } = server;
    server.on = () => () => {};
    server.faults = (_, path) => (path === "/unread-count" ? "lost" : undefined);
    const quiet = streams.all;
    streams.all = [];
    say.call(server, id, "bob", "1");
    streams.all = quiet;
    hear("reset");
    await tick();
    server.faults = () => undefined;
    say.call(server, id, "bob", "2");
    await tick();
    expect(client.unread).toBe(2);
  });

  it("is counted anew after a gap", async () => {
    const id = server.open(["me", "bob"]);
    const client = await ready();
    client.countUnread();
    await tick();
    server.say(id, "bob", "in the gap");
    hear("reset");
    await tick();
    expect(client.unread).toBe(1);
  });

  it("never drifts, whatever happens in whatever order", async () => {
    const ids = Array.from({ length: 6 }, (_, i) => server.open(["me", `u${i}`]));
    for (const id of ids) server.say(id, "me", "hello");
    const client = await ready();
    client.countUnread();
    follow();
    let state = 7;
    const dice = (sides: number) => {
      state = (state * 1103515245 + 12345) % 2147483648;
      return Math.floor((state / 2147483648) * sides);
    };
    for (let i = 0; i < 300; i++) {
      const at = dice(6);
      const id = ids[at]!;
      const what = dice(10);
      if (what < 4) server.say(id, `u${at}`, `${i}`);
      else if (what < 5) server.say(id, "me", `${i}`);
      else if (what < 7) server.readTo(id, "me", dice(server.kept.get(id)!.messages.length + 1));
      else if (what < 8) void client.read(id, client.conversations.get(id)?.lastSeq ?? 0);
      else if (what < 9) void client.conversation(id);
      else if (dice(4) === 0) client.list().close();
      else await tick(dice(4));
    }
    await tick(20);
    expect(client.unread).toBe(server.count("me").count);
    for (const id of ids) {
      const known = client.conversations.get(id)!;
      expect(known).toMatchObject({
        unreadCount: server.unreadOf(id, "me"),
        lastSeq: server.kept.get(id)!.messages.length,
      });
    }
  });
});

describe("reading", () => {
  it("is said once, and where something is unread", async () => {
    const id = server.open(["me", "bob"]);
    server.say(id, "bob", "1");
    server.say(id, "bob", "2");
    const client = await ready();
    await client.read(id, 2); // it is not known yet
    await client.conversation(id);
    client.countUnread();
    await tick();
    server.requests = [];
    await Promise.all([client.read(id, 2), client.read(id, 2), client.read(id, 1)]);
    await client.read(id, 2);
    expect(server.requests).toEqual([`PATCH /conversations/${id}/read`]);
    expect(client.conversations.get(id)).toMatchObject({ readSeq: 2, unreadCount: 0 });
    expect(client.unread).toBe(0); // also where there is no stream to say so
  });

  it("that failed is said again with the next look", async () => {
    const id = server.open(["me", "bob"]);
    server.say(id, "bob", "1");
    const client = await ready();
    await client.conversation(id);
    server.faults = () => "lost";
    await client.read(id, 1);
    server.faults = () => undefined;
    await client.read(id, 1);
    expect(server.unreadOf(id, "me")).toBe(0);
  });

  it("an answer that is late undoes nothing", async () => {
    const id = server.open(["me", "bob"]);
    server.say(id, "bob", "1");
    const client = await ready();
    await client.conversation(id);
    client.countUnread();
    await tick();
    follow();
    let go = () => {};
    vi.stubGlobal("fetch", async (...request: Parameters<typeof fetch>) => {
      const answer = await server.fetch(() => user)(...request);
      await new Promise<void>((done) => (go = done));
      return answer;
    });
    const read = client.read(id, 1);
    await tick();
    server.say(id, "bob", "2");
    go();
    await read;
    expect(client.conversations.get(id)).toMatchObject({ readSeq: 1, unreadCount: 1 });
    expect(client.unread).toBe(1);
  });
});

describe("signing in and out", () => {
  it("401 says so once; nothing is retried", async () => {
    const id = server.open(["me", "bob"]);
    const client = await ready();
    const list = client.list();
    const thread = client.thread(id);
    await tick();
    const said: string[] = [];
    client.on("signed-out", () => said.push("out"));
    user = null;
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
    user = null;
    client.send({ conversation: id }, { content: "a" });
    await until(() => client.state === "signed-out");
    client.send({ conversation: id }, { content: "b" });
    await tick();
    user = "me";
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
    user = null;
    await client.list().load();
    await tick();
    expect(client.state).toBe("signed-out");
    user = "me";
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
    user = null;
    client.send({ conversation: id }, { content: "of me" });
    await until(() => client.state === "signed-out");
    user = "eve";
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
    user = "me";
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
    user = "eve";
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
    user = "me";
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
    user = "eve";
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

  it("another person in a list's answer: the stream is opened anew, but not for ever", async () => {
    const client = await ready();
    user = "eve";
    const list = client.list();
    await tick(10);
    expect(client.me?.id).toBe("eve");
    expect(stream().retried).toBe(1);
    for (let i = 0; i < 50; i++) {
      user = i % 2 ? "eve" : "me";
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
    user = null;
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
    user = "me";
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

describe("writing", () => {
  it("is shown at once, and once, in order", async () => {
    const id = server.open(["me", "bob"]);
    server.say(id, "me", "hi");
    const client = await ready();
    const thread = client.thread(id);
    client.list();
    await tick();
    follow();
    const sent: string[] = [];
    client.on("sent", ({ message }) => sent.push(message.content));
    const shown = () => [
      ...thread.messages.map(({ content }) => content),
      ...client.unsent({ conversation: id }).map(({ message }) => message.content),
    ];
    const seen: string[] = [];
    client.on("change", () => seen.push(shown().join()));
    for (const text of ["hi", "hi", " there "]) {
      client.send({ conversation: id }, { content: text });
    }
    expect(shown()).toEqual(["hi", "hi", "hi", " there "]);
    await until(() => client.entries.length === 0);
    expect(contents(id)).toEqual(["hi", "hi", "hi", "there"]);
    expect(sent).toEqual(["hi", "hi", "there"]);
    for (const one of seen) expect(one.replaceAll(" ", "")).toBe("hi,hi,hi,there");
  });

  it("what was stored without an answer is there once, also after a reload", async () => {
    const id = server.open(["me", "bob"]);
    const client = await ready();
    client.thread(id);
    await client.conversation(id);
    server.faults = (method) => (method === "POST" ? "unheard" : undefined);
    client.send({ conversation: id }, { content: "hi" });
    await until(() => contents(id).length === 1);
    await tick();
    expect(client.unsent({ conversation: id })).toHaveLength(1);
    client.close();
    const again = page();
    hello();
    await until(() => again.entries.length === 1);
    again.thread(id);
    await tick();
    expect(again.thread(id).last).toBe(1);
    expect(again.unsent({ conversation: id })).toEqual([]);
    server.faults = () => undefined;
    await until(() => again.entries.length === 0);
    expect(contents(id)).toEqual(["hi"]);
  });

  it("several messages to a start go to one conversation, in order", async () => {
    const client = await ready();
    follow();
    const start: Start = { members: ["bob"], context: { type: "product", id: "7" } };
    let lost = 2;
    server.faults = (method) => (method === "POST" && lost-- > 0 ? "unheard" : undefined);
    for (const text of ["a", "b", "c"]) client.send({ start }, { content: text });
    expect(client.resolve({ start })).toBeNull();
    expect(client.unsent({ start }).map(({ message }) => message.content)).toEqual(["a", "b", "c"]);
    await until(() => client.resolve({ start }) !== null);
    const id = client.resolve({ start })!;
    // It is known by the stream before the answer; the repeat is the same request all the same.
    client.send({ start }, { content: "d" });
    await until(() => client.entries.length === 0);
    expect(server.kept.size).toBe(1);
    expect(contents(id)).toEqual(["a", "b", "c", "d"]);
    expect(client.unsent({ start })).toEqual([]);
  });

  it("what waits is shown, whichever way its conversation is named", async () => {
    const id = server.open(["me", "bob"]);
    const client = await ready();
    const start: Start = { members: ["bob"] };
    server.faults = (method) => (method === "POST" ? "lost" : undefined);
    client.send({ start }, { content: "a" });
    await client.conversation(id);
    client.send({ conversation: id }, { content: "b" });
    for (const target of [{ start }, { conversation: id }]) {
      expect(client.unsent(target).map(({ message }) => message.content)).toEqual(["a", "b"]);
    }
    expect(client.unsent({ start: { members: ["eve"] } })).toEqual([]);
  });

  it("each ticket is another conversation", async () => {
    const client = await ready();
    const start: Start = { members: ["bob"], kind: "ticket", subject: "s" };
    client.send({ start }, { content: "a" });
    client.send({ start }, { content: "b" });
    await until(() => client.entries.length === 0);
    expect([...server.kept.keys()].map(contents)).toEqual([["a"], ["b"]]);
    expect(client.resolve({ start })).toBeNull();
  });

  it("start() opens, with a message or without", async () => {
    const client = await ready();
    const id = await client.start({ members: ["bob"] });
    expect(client.conversations.get(id)?.lastSeq).toBe(0);
    expect(await client.start({ members: ["me", "bob"] }, { content: "hi" })).toBe(id);
    expect(client.resolve({ start: { members: ["me", "bob"] } })).toBe(id);
    expect(contents(id)).toEqual(["hi"]);
    expect(client.conversations.get(id)?.lastMessage?.content).toBe("hi");
  });

  it("find() looks until it finds, and remembers", async () => {
    for (let i = 0; i < 450; i++) server.open(["me", `u${i}`]);
    const ticket = server.open(["me", "bob"], { kind: "ticket" });
    const about = server.open(["me", "bob"], { context: { type: "product", id: "1" } });
    const client = await ready();
    const start = (members: string[], id?: string): Start =>
      id ? { members, context: { type: "product", id } } : { members };
    expect((await client.find(start(["u3"])))?.members[1]?.id).toBe("u3");
    expect(server.requests).toHaveLength(3);
    expect((await client.find(start(["u400"])))?.members[1]?.id).toBe("u400");
    expect(server.requests).toHaveLength(3);
    expect((await client.find(start(["bob"], "1")))?.id).toBe(about);
    const none = start(["bob"], "2");
    expect(await client.find(none)).toBeNull();
    expect(await client.find(none)).toBeNull();
    expect(server.requests.at(-1)).toContain("context=product%3A2");
    expect(server.requests).toHaveLength(4);
    expect(await client.find(start(["bob"]))).toBeNull();
    expect(client.resolve({ start: { members: ["bob"], kind: "ticket" } })).toBeNull();
    expect(client.conversations.has(ticket)).toBe(true);
    // The other one begins, or this person on another device.
    follow();
    const id = server.open(["me", "bob"], { context: none.context });
    server.say(id, "bob", "hi");
    expect(client.resolve({ start: none })).toBe(id);
    expect((await client.find(none))?.id).toBe(id);
  });

  it("find() after a gap looks again", async () => {
    const client = await ready();
    const start: Start = { members: ["bob"] };
    expect(await client.find(start)).toBeNull();
    const id = server.open(["me", "bob"]);
    hear("reset");
    expect((await client.find(start))?.id).toBe(id);
  });

  it("as a person or as the team are two conversations", async () => {
    server.teams.set("me", "team:admin");
    const person = server.open(["me", "bob"]);
    const team = server.open(["team:admin", "bob"]);
    const client = await ready();
    client.list();
    await tick();
    expect(client.resolve({ start: { members: ["bob"] } })).toBe(person);
    expect(client.resolve({ start: { members: ["bob"], as: "team" } })).toBe(team);
  });

  it("a refusal is said, and can be sent again or thrown away", async () => {
    const id = server.open(["me", "bob"]);
    const client = await ready();
    const failed: string[] = [];
    client.on("failed", ({ problem }) => failed.push(problem!.text));
    server.faults = (method) => (method === "POST" ? refusal(403) : undefined);
    const entry = client.send({ conversation: id }, { content: "a" });
    client.send({ conversation: id }, { content: "b" });
    await until(() => failed.length === 2);
    server.faults = () => undefined;
    client.resend(entry.key);
    client.discard(client.entries[0]!.key);
    await until(() => client.entries.length === 0);
    expect(contents(id)).toEqual(["a"]);
    expect(failed).toEqual(["no 403", "no 403"]);
  });

  it("retry() and hello send at once", async () => {
    const id = server.open(["me", "bob"]);
    const client = await ready();
    for (const again of [() => client.retry(), () => hello(true)]) {
      server.faults = () => refusal(503, { "Retry-After": "1000" });
      client.send({ conversation: id }, { content: "a" });
      await tick(10);
      server.faults = () => undefined;
      again();
      await tick(10);
      expect(client.entries).toEqual([]);
    }
    expect(contents(id)).toEqual(["a", "a"]);
  });

  it("a change is seen at once", async () => {
    const id = server.open(["me", "bob"]);
    const client = await ready();
    await client.conversation(id);
    await client.change(id, { archived: true });
    expect(client.conversations.get(id)?.archived).toBe(true);
  });

  it("drafts are kept by target", async () => {
    const client = page();
    client.setDraft({ conversation: "c1" }, "nobody's");
    expect(client.draft({ conversation: "c1" })).toBe("");
    hello();
    client.setDraft({ conversation: "c1" }, "a");
    client.setDraft({ start: { members: ["x", "y"] } }, "b");
    client.close();
    const again = page();
    hello();
    expect(again.draft({ conversation: "c1" })).toBe("a");
    expect(again.draft({ start: { members: ["y", "x"] } })).toBe("b");
    again.setDraft({ conversation: "c1" }, "");
    expect(again.draft({ conversation: "c1" })).toBe("");
  });
});

describe("typing", () => {
  it("is said every few seconds, and its end once", async () => {
    const id = server.open(["me", "bob"]);
    const client = await ready();
    client.typing(id, false);
    for (let i = 0; i < 10; i++) {
      client.typing(id, true);
      await vi.advanceTimersByTimeAsync(1000);
    }
    await tick();
    expect(count("typing")).toBe(3);
    client.typing(id, false);
    client.typing(id, false);
    await tick();
    expect(count("typing")).toBe(4);
    client.typing(id, true);
    client.send({ conversation: id }, { content: "a" });
    client.typing(id, false); // the message says it
    await until(() => client.entries.length === 0);
    expect(count("typing")).toBe(5);
  });

  it("is heard until a message, its end, or ten seconds", async () => {
    const id = server.open(["me", "bob"]);
    const client = await ready();
    const types = (userId: string, typing = true, conversationId = id) =>
      hear("typing", { conversationId, userId, name: null, typing });
    const who = () => client.typers(id).map(({ userId }) => userId);
    types("bob");
    types("eve");
    types("bob", true, "other");
    expect(who()).toEqual(["bob", "eve"]);
    await vi.advanceTimersByTimeAsync(6000);
    types("eve");
    await vi.advanceTimersByTimeAsync(6000);
    expect(who()).toEqual(["eve"]);
    types("eve", false);
    expect(who()).toEqual([]);
    types("bob");
    follow();
    server.say(id, "bob", "here");
    expect(who()).toEqual([]);
    types("bob");
    client.close();
    expect(who()).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
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
    user = null;
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
