// Two tabs, a network and a server that fail in all ways, and reloads at any instant: at the end
// each message is stored exactly once, in the order in which it was written.
import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Entry, Outbox } from "../src/core/outbox.js";
import { Failure, type Message } from "../src/core/types.js";
import { fakeTime, Locks, seeded, tick, until } from "./world.js";

beforeEach(() => {
  fakeTime();
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Stores a key once, and says of a repeat what it said of the first. */
class Store {
  stored: string[] = [];
  #keys = new Map<string, number>();

  constructor(private readonly random: () => number) {}

  take(key: string, content: string): Message {
    const seq = this.#keys.get(key) ?? this.stored.push(content);
    this.#keys.set(key, seq);
    return { conversationId: "c1", seq, content } as Message;
  }

  /** What the sender hears of it. */
  async request({ key, message }: Entry): Promise<Message> {
    const { random } = this;
    const later = () => new Promise<void>((done) => setTimeout(done, random() * 400));
    await later();
    const dice = random();
    if (dice < 0.15) throw new Failure(0, "lost");
    if (dice < 0.25) throw new Failure(503, "not stored");
    if (dice < 0.3) throw new Failure(429, "not stored", null, 1);
    if (dice < 0.4) {
      // It was stored, or will be, when the sender has long given up.
      void new Promise<void>((done) => setTimeout(done, random() * 3000)).then(() =>
        this.take(key, message.content),
      );
      throw new Failure(random() < 0.5 ? 504 : 0, "nobody knows");
    }
    if (dice < 0.45) throw new Failure(500, "before it was stored");
    const taken = this.take(key, message.content);
    if (dice < 0.6) throw new Failure(random() < 0.3 ? 500 : 0, "stored, and the answer lost");
    await later();
    return taken;
  }
}

describe.each([
  ["with locks", true],
  ["without locks", false],
])("%s", (_, locks) => {
  it.each(Array.from({ length: 12 }, (_, seed) => seed))("seed %i", async (seed) => {
    const random = seeded(seed);
    const store = new Store(random);
    const scope = `${_} ${seed}`;
    vi.stubGlobal("navigator", locks ? { locks: new Locks() } : {});
    let lives = 0;
    let written = 0;
    const failed: Entry[] = [];

    /** A tab until its reload: from then on nothing of it is heard, though requests go on. */
    const live = () => {
      const life = ++lives;
      let dead = false;
      const mine: string[] = [];
      const outbox = new Outbox({
        scope,
        deliver: async (entry) => {
          const sent = await store.request(entry).catch((failure) => failure);
          if (dead) return new Promise<never>(() => {});
          if (sent instanceof Failure) throw sent;
          return sent;
        },
        changed: (one) => {
          if (one) failed.push(one);
        },
        signedOut: () => {},
      });
      return {
        outbox,
        mine,
        write: () => {
          const content = `${life}:${++written}`;
          mine.push(content);
          outbox.add({ conversation: "c1" }, { content }, 0, `key-${content}`);
        },
        end: () => {
          dead = true;
          outbox.close();
        },
      };
    };

    const tabs = [live(), live()];
    const all = [...tabs];
    for (let step = 0; step < 40; step++) {
      const at = Math.floor(random() * 2);
      const dice = random();
      if (dice < 0.5) {
        tabs[at]!.write();
        if (random() < 0.5) await tick(8); // else the next one follows at once
      } else if (dice < 0.65) {
        await tick(8); // what was written is kept
        tabs[at]!.end();
        await tick(2);
        tabs[at] = live();
        all.push(tabs[at]!);
      } else if (dice < 0.75) {
        tabs[at]!.outbox.wake();
      } else {
        await vi.advanceTimersByTimeAsync(random() * 1500);
        await tick(3);
      }
    }
    const idle = () => tabs.every(({ outbox }) => outbox.entries.length === 0);
    await until(() => idle() && store.stored.length >= written, 500);
    await vi.advanceTimersByTimeAsync(10_000); // what was late
    expect(failed).toEqual([]);
    expect(store.stored).toHaveLength(written);
    expect(new Set(store.stored).size).toBe(written);
    for (const { mine } of all) {
      expect(store.stored.filter((content) => mine.includes(content))).toEqual(mine);
    }
    for (const { end } of tabs) end();
    await tick();
    expect(vi.getTimerCount()).toBe(0);
  });
});
