// What one writes: shown at once, stored once, in order; drafts, and who is typing.
import { describe, expect, it, vi } from "vitest";
import type { Start } from "../src/core/types.js";
import { contents, count, follow, hear, hello, page, ready, server } from "./client.js";
import { refusal } from "./server.js";
import { tick, until } from "./world.js";

vi.mock("../src/core/share.js", () => import("./streams.js"));

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
