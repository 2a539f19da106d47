// A thread is a run of seqs without holes, whatever comes, in whatever order.
import { beforeEach, describe, expect, it, vi } from "vitest";
import { Thread } from "../src/core/thread.js";
import { Failure, type Message, type MessagePage } from "../src/core/types.js";
import { Server } from "./server.js";
import { seeded, shuffled, tick } from "./world.js";

let server: Server;
let id: string;
let thread: Thread;
let changes: number;
let asked: { before?: string | number; limit?: number }[];
/** Answers that are held back until they are let go. */
let held: (() => void)[] | null;
let failure: Failure | null;

const api = {
  async history(id: string, page: { before?: string | number; limit?: number }) {
    asked.push(page);
    if (failure) throw failure;
    const query = new URLSearchParams(page as Record<string, string>);
    const answer = structuredClone(server.history(id, "me", query)) as MessagePage;
    if (held) await new Promise<void>((done) => held!.push(done));
    return answer;
  },
};

beforeEach(() => {
  server = new Server();
  id = server.open(["me", "bob"]);
  changes = 0;
  asked = [];
  held = null;
  failure = null;
  thread = new Thread(id, { api, me: { id: "me" } } as never, () => changes++);
});

const say = (count: number, user = "bob") => {
  let last: Message | undefined;
  for (let i = 0; i < count; i++) last = server.say(id, user, `${i}`);
  return last!;
};
const live = (...seqs: number[]) => {
  for (const seq of seqs) thread.receive(server.message(id, seq, "me"));
};
const seqs = () => thread.messages.map(({ seq }) => seq);
const run = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const whole = () => expect(seqs()).toEqual(run(seqs()[0] ?? 1, thread.last));

describe("loading", () => {
  it("the newest page, then older ones", async () => {
    say(130);
    await thread.load();
    expect(seqs()).toEqual(run(81, 130));
    expect(thread.loaded && !thread.loading && !thread.stale).toBe(true);
    await thread.loadOlder();
    expect(seqs()).toEqual(run(31, 130));
    await thread.loadOlder();
    expect(seqs()).toEqual(run(1, 130));
    expect(thread.older).toBeNull();
    await thread.loadOlder();
    expect(asked).toHaveLength(3);
  });

  it("as far as a message, in large pages", async () => {
    say(1000);
    await thread.load();
    await thread.loadOlder(420);
    expect(thread.messages[0]?.seq).toBeLessThanOrEqual(420);
    whole();
    expect(asked).toHaveLength(4);
    await thread.loadOlder(1);
    expect(seqs()).toEqual(run(1, 1000));
  });

  it("an empty one, and its first message", async () => {
    await thread.load();
    expect(thread.loaded).toBe(true);
    say(1);
    live(1);
    expect(seqs()).toEqual([1]);
    say(1);
    live(2);
    expect(seqs()).toEqual([1, 2]);
    expect(asked).toHaveLength(1);
  });

  it("a failure is said, and not repeated by itself", async () => {
    say(60);
    failure = new Failure(503, "later");
    await thread.load();
    expect(thread.failure).toBe(failure);
    expect(thread.loaded || thread.loading || thread.stale).toBe(false);
    live(60);
    expect(asked).toHaveLength(1);
    failure = null;
    await thread.load();
    expect(thread.failure).toBeNull();
    expect(seqs()).toEqual(run(11, 60));
    failure = new Failure(0, "offline");
    await thread.loadOlder();
    expect(thread.failure).toBe(failure);
    await thread.loadOlder(); // whoever shows it asks with each change
    expect(asked).toHaveLength(3);
    failure = null;
    await thread.load();
    await thread.loadOlder();
    expect(seqs()).toEqual(run(1, 60));
  });

  it("one request at a time", async () => {
    say(200);
    held = [];
    const first = thread.load();
    void thread.loadOlder();
    expect(asked).toHaveLength(1);
    held.splice(0).forEach((go) => {
      go();
    });
    await first;
    const older = thread.loadOlder();
    void thread.loadOlder();
    await tick();
    expect(asked).toHaveLength(2);
    held.splice(0).forEach((go) => {
      go();
    });
    await older;
    expect(seqs()).toEqual(run(101, 200));
  });

  it("what is asked for again meanwhile is asked once more", async () => {
    say(10);
    held = [];
    const first = thread.load();
    void thread.load();
    void thread.load();
    say(3);
    const go = held;
    held = null;
    go.forEach((one) => {
      one();
    });
    await first;
    expect(seqs()).toEqual(run(1, 13));
    expect(asked).toHaveLength(2);
  });
});

describe("live", () => {
  it("in order, double, late: one of each", async () => {
    say(3);
    await thread.load();
    say(4);
    live(4, 5, 5, 3, 4, 6, 7, 1);
    expect(seqs()).toEqual(run(1, 7));
    expect(asked).toHaveLength(1);
  });

  it("each change is another array, of the same messages", async () => {
    say(3);
    await thread.load();
    const before = thread.messages;
    const told = changes;
    say(1);
    live(4);
    expect(thread.messages).not.toBe(before);
    expect(thread.messages[0]).toBe(before[0]);
    expect(changes).toBeGreaterThan(told);
    await thread.load();
    expect(thread.messages.slice(0, 3)).toEqual(before);
    expect(thread.messages[2]).toBe(before[2]);
  });

  it("an old one, of before what is loaded, makes no hole", async () => {
    say(200);
    await thread.load();
    live(3, 100);
    expect(seqs()).toEqual(run(151, 200));
    live(150);
    whole();
    await thread.loadOlder();
    whole();
  });

  it("during the first load: without another request", async () => {
    say(60);
    held = [];
    const first = thread.load();
    say(2);
    live(61, 62);
    expect(seqs()).toEqual([]);
    held.splice(0)[0]!();
    await first;
    expect(seqs()).toEqual(run(11, 62));
    expect(asked).toHaveLength(1);
  });

  it("during the first load, of an empty one", async () => {
    held = [];
    const first = thread.load();
    say(2);
    live(1, 2);
    held.splice(0)[0]!();
    await first;
    expect(seqs()).toEqual([1, 2]);
    expect(asked).toHaveLength(1);
  });

  it("during the first load, and it does not touch: asked again", async () => {
    say(60);
    held = [];
    const first = thread.load();
    say(5);
    live(64, 65);
    const go = held;
    held = null;
    go[0]!();
    await first;
    expect(seqs()).toEqual(run(11, 65));
    expect(asked).toHaveLength(2);
  });

  it("during loadOlder, in turn or with a jump", async () => {
    say(120);
    await thread.load();
    held = [];
    const older = thread.loadOlder();
    await tick();
    say(4);
    live(121, 124);
    expect(seqs()).toEqual(run(71, 121));
    const go = held;
    held = null;
    go[0]!();
    await older;
    expect(seqs()).toEqual(run(21, 124));
  });

  it("a jump is filled, and what came early is in its place", async () => {
    say(10);
    await thread.load();
    say(10);
    live(15, 17);
    expect(seqs()).toEqual(run(1, 10));
    await vi.waitFor(() => expect(thread.loading).toBe(false));
    expect(seqs()).toEqual(run(1, 20));
  });

  it("a jump whose filling fails waits for the next one", async () => {
    say(10);
    await thread.load();
    failure = new Failure(0, "offline");
    say(5);
    live(13);
    await tick();
    expect(thread.failure).toBe(failure);
    expect(seqs()).toEqual(run(1, 10));
    failure = null;
    live(11, 12);
    expect(seqs()).toEqual(run(1, 13));
    live(15);
    await tick();
    expect(seqs()).toEqual(run(1, 15));
    expect(thread.failure).toBeNull();
  });
});

describe("after a gap", () => {
  it.each([
    [1, 1],
    [49, 1],
    [50, 1],
    [51, 2],
    [500, 4],
  ])("of %i", async (gap, requests) => {
    say(70);
    await thread.load();
    await thread.loadOlder();
    asked = [];
    say(gap);
    await thread.load();
    expect(seqs()).toEqual(run(1, 70 + gap));
    expect(asked).toHaveLength(requests);
    expect(thread.older).toBeNull();
  });

  it("of 10,000: anew at the end, by one request", async () => {
    say(70);
    await thread.load();
    asked = [];
    say(10_000);
    await thread.load();
    expect(seqs()).toEqual(run(10_021, 10_070));
    expect(asked).toHaveLength(1);
    await thread.loadOlder();
    expect(seqs()).toEqual(run(9_971, 10_070));
  });

  it("of an empty thread", async () => {
    await thread.load();
    say(120);
    await thread.load();
    expect(seqs()).toEqual(run(1, 120));
    expect(thread.older).toBeNull();
  });
});

describe("read marks", () => {
  const marked = () => thread.messages.filter(({ read }) => read).map(({ seq }) => seq);
  const readBy = (readSeq: number, others = 1) =>
    thread.readBy({ conversationId: id, member: "bob", userId: "bob", readSeq }, others);

  it("one's own up to what was read, and never back", async () => {
    say(3, "me");
    say(1, "bob");
    say(3, "me");
    await thread.load();
    readBy(5);
    expect(marked()).toEqual([1, 2, 3, 5]);
    readBy(2);
    expect(marked()).toEqual([1, 2, 3, 5]);
    // A page of before that reading, late.
    await thread.load();
    expect(marked()).toEqual([1, 2, 3, 5]);
    say(1, "me");
    live(8);
    expect(marked()).toEqual([1, 2, 3, 5]);
  });

  it("one that comes after its reading is read", async () => {
    await thread.load();
    say(2, "me");
    readBy(2);
    readBy(1);
    live(1, 2);
    expect(marked()).toEqual([1, 2]);
  });

  it("from a page: whoever read a message has read those before it", async () => {
    say(60, "me");
    await thread.load();
    server.readTo(id, "bob", 20);
    await thread.loadOlder();
    expect(marked()).toEqual(run(1, 10)); // the page that was loaded before it says nothing
    server.readTo(id, "bob", 60);
    await thread.load();
    expect(marked()).toEqual(run(1, 60));
  });

  it("before anything is loaded", async () => {
    say(2, "me");
    readBy(1);
    expect(seqs()).toEqual([]);
    await thread.load();
    expect(marked()).toEqual([1]);
  });

  it("of several others the server is asked", async () => {
    const group = server.open(["me", "bob", "eve"]);
    id = group;
    thread = new Thread(id, { api, me: { id: "me" } } as never, () => {});
    say(2, "me");
    await thread.load();
    server.readTo(id, "bob", 2);
    readBy(2, 2);
    await tick();
    expect(marked()).toEqual([]);
    server.readTo(id, "eve", 1);
    readBy(1, 2);
    await tick();
    expect(marked()).toEqual([1]);
  });
});

describe("in any order", () => {
  it.each(Array.from({ length: 40 }, (_, seed) => seed))("seed %i", async (seed) => {
    const random = seeded(seed);
    say(Math.floor(random() * 150));
    void thread.load();
    let events: number[] = [];
    for (let step = 0; step < 30; step++) {
      const dice = random();
      if (dice < 0.5) {
        const from = server.kept.get(id)!.messages.length;
        say(1 + Math.floor(random() * 4), random() < 0.5 ? "me" : "bob");
        events.push(...run(from + 1, server.kept.get(id)!.messages.length));
      } else if (dice < 0.7) {
        live(...shuffled([...events, ...events.slice(0, 2)], random));
        events = [];
      } else if (dice < 0.75) {
        events = events.filter(() => random() < 0.5); // never came
      } else if (dice < 0.8) {
        held ??= [];
      } else if (dice < 0.9) {
        const go = held ?? [];
        held = null;
        for (const one of go) one();
      } else if (dice < 0.95) {
        void thread.loadOlder();
      } else {
        failure = failure ? null : new Failure(0, "offline");
      }
      await tick(2);
      whole();
    }
    const go = held ?? [];
    held = null;
    failure = null;
    for (const one of go) one();
    void thread.load();
    await vi.waitFor(() => expect(thread.loading).toBe(false));
    const { length } = server.kept.get(id)!.messages;
    expect(thread.last).toBe(length);
    while (thread.older) await thread.loadOlder();
    expect(seqs()).toEqual(run(1, length));
  });
});
