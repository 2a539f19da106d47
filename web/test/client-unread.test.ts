// What is unread: counted once, kept by numbers that come in any order, and read when it was seen.
import { describe, expect, it, vi } from "vitest";
import { count, follow, hear, hello, ready, server, user } from "./client.js";
import { streams } from "./streams.js";
import { tick } from "./world.js";

vi.mock("../src/core/share.js", () => import("./streams.js"));

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
