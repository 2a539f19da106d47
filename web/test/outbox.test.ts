// What is written is stored once, in order, whatever fails, and whichever tab is alive.
import "fake-indexeddb/auto";
import { createStore, get, set } from "idb-keyval";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  type Entry,
  Outbox,
  type OutboxOptions,
  targetKey,
  unanswered,
} from "../src/core/outbox.js";
import { Failure, type Message } from "../src/core/types.js";
import { fakeTime, Locks, tick, until } from "./world.js";

const to = { conversation: "c1" };
let scope = "";
let scopes = 0;
const open = new Set<Outbox>();

interface Tab {
  outbox: Outbox;
  /** What was delivered, as it was begun. */
  sent: string[];
  failed: Entry[];
  changes: number;
  signedOut: number;
  /** What the next deliveries come to; else they succeed. */
  next: (number | Failure | Promise<unknown>)[];
  under: number;
}

/** `Kind`: of another page, with a memory of its own. */
function tab(options: Partial<OutboxOptions> = {}, Kind = Outbox): Tab {
  const tab: Tab = {
    outbox: undefined as unknown as Outbox,
    sent: [],
    failed: [],
    changes: 0,
    signedOut: 0,
    next: [],
    under: 0,
  };
  tab.outbox = new Kind({
    scope,
    deliver: async ({ key, message }) => {
      tab.sent.push(`${key} ${message.content}`);
      expect(++tab.under).toBe(1);
      try {
        const next = tab.next.shift();
        if (typeof next === "number") throw new Failure(next, `no ${next}`);
        if (next instanceof Failure) throw next;
        await next;
        return null;
      } finally {
        tab.under--;
      }
    },
    changed: (failed) => {
      tab.changes++;
      if (failed) tab.failed.push(failed);
    },
    signedOut: () => tab.signedOut++,
    ...options,
  });
  open.add(tab.outbox);
  return tab;
}

const write = ({ outbox }: Tab, ...texts: string[]) => {
  for (const text of texts) outbox.add(to, { content: text }, 0, `k-${text}`);
};
const texts = ({ outbox }: Tab) => outbox.entries.map(({ message }) => message.content);
const kept = () => get<Entry[]>(scope, createStore("nginx-messaging", "outbox"));
const never = () => new Promise<never>(() => {});

beforeEach(() => {
  scope = `site|user-${++scopes}`;
  vi.stubGlobal("navigator", { locks: new Locks() });
  fakeTime();
});

afterEach(() => {
  for (const outbox of open) outbox.close();
  open.clear();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe("one tab", () => {
  it("shows at once, sends in order, one at a time, and forgets what is stored", async () => {
    const one = tab();
    write(one, "a", "b", "c");
    expect(texts(one)).toEqual(["a", "b", "c"]);
    expect(one.changes).toBeGreaterThan(0);
    await until(() => texts(one).length === 0);
    expect(one.sent).toEqual(["k-a a", "k-b b", "k-c c"]);
    await tick();
    expect(await kept()).toEqual([]);
  });

  it("keeps it before it is sent", async () => {
    const one = tab({
      deliver: async ({ key }) => {
        expect((await kept())?.map((entry) => entry.key)).toContain(key);
        one.sent.push(key);
        if (key === "k-a") write(one, "d");
        return null;
      },
    });
    write(one, "a", "b");
    await until(() => one.sent.length === 3 && texts(one).length === 0);
    expect(one.sent).toEqual(["k-a", "k-b", "k-d"]);
  });

  it.each([0, 408, 429, 503])("%i is repeated for ever, under the same key", async (status) => {
    const one = tab();
    one.next = Array(25).fill(status);
    write(one, "a", "b");
    await until(() => texts(one).length === 0, 10_000);
    expect(one.sent).toEqual([...Array(26).fill("k-a a"), "k-b b"]);
    expect(one.failed).toEqual([]);
  });

  it.each([500, 504])("%i is repeated seven times, and then a problem", async (status) => {
    const one = tab();
    // What is no fault of this message is not counted.
    one.next = [0, 0, 0, 0, 0, 0, 0, 503, 503, ...Array(8).fill(status)];
    write(one, "a", "b");
    await until(() => one.sent.includes("k-b b"), 10_000);
    expect(one.sent.filter((key) => key === "k-a a")).toHaveLength(17);
    await until(() => texts(one).length === 1);
    expect(one.failed).toMatchObject([{ key: "k-a", problem: { status, text: `no ${status}` } }]);
  });

  it("a definite refusal is a problem at once, and the next goes on", async () => {
    const one = tab();
    one.next = [403, 422];
    write(one, "a", "b", "c");
    await until(() => one.sent.length === 3);
    await tick();
    expect(one.outbox.entries.map(({ key, problem }) => [key, problem?.status])).toEqual([
      ["k-a", 403],
      ["k-b", 422],
    ]);
    expect(one.failed.map(({ key }) => key)).toEqual(["k-a", "k-b"]);
    one.outbox.retry("k-a");
    expect(texts(one)).toEqual(["b", "a"]);
    one.outbox.discard("k-b");
    await until(() => texts(one).length === 0);
    expect(one.sent.at(-1)).toBe("k-a a");
    one.outbox.retry("k-a"); // it is not there any more
    expect(texts(one)).toEqual([]);
  });

  it("pauses longer and longer, with jitter", async () => {
    const one = tab();
    vi.spyOn(Math, "random").mockReturnValue(1);
    one.next = Array(9).fill(0);
    write(one, "a");
    const pauses: number[] = [];
    let last = Date.now();
    for (let sent = 1; sent <= 9; sent++) {
      await until(() => one.sent.length === sent, 50);
      pauses.push(Math.round((Date.now() - last) / 50) * 50);
      last = Date.now();
    }
    expect(pauses.slice(1)).toEqual([500, 900, 1700, 3300, 6500, 12900, 25700, 30100]);
  });

  it("waits as long as the server asks, but not for days", async () => {
    const one = tab();
    one.next = [new Failure(429, "slower", null, 60), new Failure(503, "later", null, 3e9)];
    write(one, "a");
    await until(() => one.sent.length === 1);
    await vi.advanceTimersByTimeAsync(59_000);
    await tick();
    expect(one.sent).toHaveLength(1);
    await until(() => one.sent.length === 2);
    await vi.advanceTimersByTimeAsync(3_500_000);
    await tick();
    expect(one.sent).toHaveLength(2);
    await until(() => one.sent.length === 3, 10_000);
  });

  it("wake() cuts the pause, also one that is about to begin", async () => {
    const one = tab();
    one.next = [...Array(6).fill(0), new Failure(503, "later", null, 3000)];
    write(one, "a");
    for (let sent = 1; sent <= 7; sent++) {
      await until(() => one.sent.length === sent, 0);
      await tick();
      one.outbox.wake();
    }
    let fail = (_: Failure) => {};
    one.next = [new Promise((_, no) => (fail = no))];
    await until(() => one.sent.length === 8, 0);
    one.outbox.wake();
    fail(new Failure(0, "no network"));
    await until(() => one.sent.length === 9 && texts(one).length === 0, 0);
  });

  it("401 stops it until somebody signs in", async () => {
    const one = tab();
    one.next = [401];
    write(one, "a", "b");
    await until(() => one.sent.length === 1);
    await vi.advanceTimersByTimeAsync(3_600_000);
    await tick();
    expect(one.sent).toEqual(["k-a a"]);
    expect(texts(one)).toEqual(["a", "b"]);
    one.outbox.wake();
    await until(() => texts(one).length === 0);
    expect(one.sent).toEqual(["k-a a", "k-a a", "k-b b"]);
  });

  it("who signs in while the 401 is on its way is heard", async () => {
    const one = tab();
    let fail = (_: Failure) => {};
    one.next = [new Promise((_, no) => (fail = no))];
    write(one, "a");
    await until(() => one.sent.length === 1);
    one.outbox.wake();
    fail(new Failure(401, "who?"));
    await until(() => texts(one).length === 0, 0);
  });

  it("what is discarded while it waits is not sent again", async () => {
    const one = tab();
    one.next = [0];
    write(one, "a", "b");
    await until(() => one.sent.length === 1);
    one.outbox.discard("k-a");
    await until(() => texts(one).length === 0);
    expect(one.sent).toEqual(["k-a a", "k-b b"]);
  });

  it("edits that overlap lose nothing", async () => {
    const one = tab();
    let stored = () => {};
    one.next = [new Promise<void>((done) => (stored = done))];
    write(one, "a", "b");
    await until(() => one.sent.length === 1);
    write(one, "c");
    stored();
    one.outbox.discard("k-b");
    write(one, "d");
    expect(texts(one)).toEqual(["a", "c", "d"]);
    await Promise.resolve();
    write(one, "e");
    expect(texts(one).filter((text) => text !== "a")).toEqual(["c", "d", "e"]);
    await until(() => texts(one).length === 0);
    expect(one.sent).toEqual(["k-a a", "k-c c", "k-d d", "k-e e"]);
  });

  it("a thousand, and no more", async () => {
    const one = tab();
    one.next = [never()];
    for (let i = 0; i < 1000; i++) write(one, `${i}`);
    expect(() => write(one, "too much")).toThrow(expect.objectContaining({ status: 507 }));
    expect(one.outbox.entries).toHaveLength(1000);
  });
});

describe("over a reload", () => {
  it("goes on with the same keys, in the same order", async () => {
    const one = tab();
    one.next = [0];
    write(one, "a", "b");
    await until(() => one.sent.length === 1);
    one.outbox.close();
    write(one, "c"); // in its last moment
    const two = tab();
    await until(() => texts(two).length === 0 && two.sent.length === 3);
    console.log(one.sent, two.sent);
    expect(two.sent).toEqual(["k-a a", "k-b b", "k-c c"]);
    expect(one.sent).toEqual(["k-a a"]);
  });

  it("shows again what was refused", async () => {
    const one = tab();
    one.next = [403];
    write(one, "a");
    await until(() => one.failed.length === 1);
    await tick();
    one.outbox.close();
    const two = tab();
    await until(() => two.outbox.entries[0]?.problem?.status === 403);
    await vi.advanceTimersByTimeAsync(100_000);
    expect(two.sent).toEqual([]);
  });

  it("an answer that comes after close() harms nobody", async () => {
    const one = tab();
    let stored = () => {};
    one.next = [new Promise<void>((done) => (stored = done))];
    write(one, "a");
    await until(() => one.sent.length === 1);
    one.outbox.close();
    await tick();
    stored();
    await tick();
    expect(await kept()).toEqual([]);
  });

  it("a closed one hears nothing any more", async () => {
    const [one, two] = [tab(), tab()];
    await tick(20);
    one.outbox.close();
    await tick();
    const { changes } = one;
    write(two, "a");
    await until(() => texts(two).length === 0);
    await two.outbox.clear();
    await tick();
    expect(one.changes).toBe(changes);
    expect(one.signedOut).toBe(0);
  });

  it("close() leaves no timers", async () => {
    const one = tab();
    one.next = [0, 0];
    write(one, "a");
    await until(() => one.sent.length === 1);
    await tick();
    expect(vi.getTimerCount()).toBe(1);
    one.outbox.close();
    await tick();
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(100_000);
    expect(one.sent).toHaveLength(1);
  });
});

describe("two tabs", () => {
  it("one sends for both, and both see it", async () => {
    const [one, two] = [tab(), tab()];
    one.next = [0];
    write(two, "a");
    await until(() => texts(one).length === 1);
    write(one, "b");
    await until(() => texts(two).length === 2);
    await until(() => texts(one).length === 0 && texts(two).length === 0);
    expect(one.sent).toEqual(["k-a a", "k-a a", "k-b b"]);
    expect(two.sent).toEqual([]);
  });

  it("another takes over when it closes", async () => {
    const [one, two, three] = [tab(), tab(), tab()];
    one.next = [never()];
    write(one, "a");
    await until(() => one.sent.length === 1 && texts(two).length === 1);
    write(two, "b");
    one.outbox.close();
    await until(() => texts(two).length === 0 && texts(three).length === 0);
    expect(two.sent).toEqual(["k-a a", "k-b b"]);
    expect(three.sent).toEqual([]);
  });

  it("a refusal, and what is done about it, is seen by both", async () => {
    const [one, two] = [tab(), tab()];
    one.next = [403];
    write(two, "a");
    await until(() => two.outbox.entries[0]?.problem);
    two.outbox.retry("k-a");
    await until(() => texts(one).length === 0 && texts(two).length === 0);
    expect(one.sent).toEqual(["k-a a", "k-a a"]);
  });

  it("both write at once, and nothing is lost", async () => {
    const [one, two] = [tab(), tab()];
    for (let i = 0; i < 20; i++) write(i % 2 ? one : two, `${i}`);
    await until(() => one.sent.length + two.sent.length >= 20 && texts(two).length === 0);
    expect(new Set([...one.sent, ...two.sent]).size).toBe(20);
  });

  it("what was written just before close() is sent by the other", async () => {
    const [one, two] = [tab(), tab()];
    await tick();
    write(two, "a");
    two.outbox.close();
    await until(() => one.sent.length === 1);
  });

  it("clear() empties, and tells the others", async () => {
    const [one, two] = [tab(), tab()];
    one.next = [new Failure(503, "later", null, 60)];
    write(one, "a", "b");
    await until(() => texts(two).length === 2 && one.sent.length === 1);
    const cleared = one.outbox.clear();
    expect(texts(one)).toEqual([]);
    one.outbox.close(); // as at sign-out: at once
    await cleared;
    await until(() => two.signedOut === 1);
    await until(() => texts(two).length === 0);
    expect(one.signedOut).toBe(0);
    expect(await kept()).toEqual([]);
    await vi.advanceTimersByTimeAsync(100_000);
    expect([...one.sent, ...two.sent]).toEqual(["k-a a"]);
  });

  it("of another person or site sees nothing", async () => {
    const one = tab();
    const other = tab({ scope: `${scope}-other` });
    one.next = [401];
    write(one, "a");
    await until(() => one.sent.length === 1);
    await one.outbox.clear();
    await tick();
    expect(texts(other)).toEqual([]);
    expect(other.signedOut).toBe(0);
  });
});

describe("where the browser has less", () => {
  it("no locks: each sends, under the same keys", async () => {
    vi.stubGlobal("navigator", {});
    const [one, two] = [tab(), tab()];
    write(one, "a");
    await until(() => one.sent.length === 1);
    write(two, "b");
    await until(() => texts(one).length === 0 && texts(two).length === 0);
    expect(new Set([...one.sent, ...two.sent])).toEqual(new Set(["k-a a", "k-b b"]));
  });

  it("locks that are refused", async () => {
    const request = () => Promise.reject(new DOMException("opaque origin", "SecurityError"));
    vi.stubGlobal("navigator", { locks: { request } });
    const one = tab();
    write(one, "a");
    await until(() => one.sent.length === 1);
  });

  it("no BroadcastChannel: what a tab writes does not wait for another to close", async () => {
    vi.stubGlobal("BroadcastChannel", undefined);
    const [one, two] = [tab(), tab()];
    write(one, "a");
    write(two, "b");
    await until(() => texts(one).length === 0 && texts(two).length === 0);
    expect(new Set([...one.sent, ...two.sent])).toEqual(new Set(["k-a a", "k-b b"]));
    await one.outbox.clear();
  });

  it("no IndexedDB: it lives as long as the page", async () => {
    vi.spyOn(indexedDB, "open").mockImplementation(() => {
      throw new DOMException("private window", "SecurityError");
    });
    vi.resetModules();
    const again = await import("../src/core/outbox.js");
    const options = (deliver: OutboxOptions["deliver"]) => ({
      scope,
      deliver,
      changed: () => {},
      signedOut: () => {},
    });
    const sent: string[] = [];
    const first = new again.Outbox(options(never));
    first.add(to, { content: "a" }, 0, "k-a");
    first.add(to, { content: "b" }, 0, "k-b");
    await tick();
    expect(first.entries).toHaveLength(2);
    first.discard("k-b");
    first.add(to, { content: "c" }, 0, "k-c");
    await tick();
    first.close();
    // The page made another client.
    const second = new again.Outbox(
      options(async ({ key }) => {
        sent.push(key);
        return null;
      }),
    );
    await until(() => second.entries.length === 0 && sent.length > 0);
    expect(sent).toEqual(["k-a", "k-c"]);
    second.close();
  });

  it.each(["who leads", "who does not"])("a full disk, for %s: all is sent", async (who) => {
    vi.resetModules();
    const other = await import("../src/core/outbox.js");
    const [one, two] = [tab(), tab({}, other.Outbox)];
    one.next = [new Failure(0, ""), new Failure(0, "")];
    two.next = [0];
    await tick(20);
    write(two, "a");
    await until(() => one.sent.length === 1);
    await tick(20);
    const put = vi.spyOn(IDBObjectStore.prototype, "put").mockImplementationOnce(() => {
      throw new DOMException("full", "QuotaExceededError");
    });
    const unlucky = who === "who leads" ? one : two;
    write(unlucky, "b");
    await tick(20);
    expect(put).toHaveBeenCalled();
    expect(texts(unlucky)).toEqual(["a", "b"]);
    write(one, "c");
    write(two, "d");
    await until(() => texts(two).length === 0 && texts(one).length === 0);
    const all = new Set([...one.sent, ...two.sent]);
    expect([...all].sort()).toEqual(["k-a a", "k-b b", "k-c c", "k-d d"]);
  });

  it("what lies in the database and is none of ours breaks nothing else", async () => {
    await set(`${scope}-x`, [], createStore("nginx-messaging", "outbox"));
    const one = tab();
    write(one, "a");
    await until(() => one.sent.length === 1);
  });
});

describe("what is shown", () => {
  const entry = (content: string, more: Partial<Entry> = {}): Entry => ({
    key: content,
    target: to,
    message: { content },
    at: 0,
    after: 5,
    ...more,
  });
  const own = (seq: number, content: string) => ({ seq, content });
  const keys = (entries: Entry[]) => entries.map(({ key }) => key);

  it("what came by the stream before its answer is there once", () => {
    expect(unanswered([entry("hi")], [own(6, "hi")])).toEqual([]);
    expect(keys(unanswered([entry("hi")], [own(5, "hi"), own(6, "ho")]))).toEqual(["hi"]);
    // The server cuts white space off.
    expect(unanswered([entry(" hi\n")], [own(6, "hi")])).toEqual([]);
  });

  it("the same text twice is two messages", () => {
    const twice = [entry("hi", { key: "1" }), entry("hi", { key: "2" })];
    expect(keys(unanswered(twice, [own(6, "hi")]))).toEqual(["2"]);
    expect(unanswered(twice, [own(6, "hi"), own(7, "hi")])).toEqual([]);
  });

  it("a refused one is always shown", () => {
    const problem = { status: 403, text: "no" };
    expect(keys(unanswered([entry("hi", { problem })], [own(6, "hi")]))).toEqual(["hi"]);
    const both = [entry("hi", { key: "1", problem }), entry("hi", { key: "2" })];
    expect(keys(unanswered(both, [own(6, "hi")]))).toEqual(["1"]);
  });

  it("the second of two equal ones stays when the first is stored", async () => {
    const message = { conversationId: "c1", seq: 6, content: "hi" } as Message;
    const deliver = vi.fn<OutboxOptions["deliver"]>();
    deliver.mockResolvedValueOnce(message).mockReturnValue(never());
    const { outbox } = tab({ deliver });
    const start = { start: { members: ["bob"] } };
    outbox.add(to, { content: "hi" }, 5, "1");
    outbox.add(to, { content: "hi" }, 5, "2");
    outbox.add(start, { content: "hi" }, 5, "other");
    await until(() => outbox.entries.length === 2);
    expect(outbox.entries.map(({ after }) => after)).toEqual([6, 5]);
    expect(keys(unanswered(outbox.entries.slice(0, 1), [message]))).toEqual(["2"]);
  });

  it("a target has one name", () => {
    const name = (start: object) => targetKey({ start: { members: ["b", "a"], ...start } });
    expect(targetKey(to)).toBe("c1");
    expect(name({})).toBe(name({ members: ["a", "b"], kind: "direct", as: "user", subject: "x" }));
    const others = [
      name({}),
      name({ members: ["a"] }),
      name({ context: { type: "product", id: "1" } }),
      name({ context: { type: "product", id: "2" } }),
      name({ kind: "ticket" }),
      name({ as: "team" }),
    ];
    expect(new Set(others).size).toBe(others.length);
  });
});
