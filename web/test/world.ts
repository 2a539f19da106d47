// What a browser has and Node has not, as far as the core asks for it; and ways to let time pass
// until something is so.
import { vi } from "vitest";

/** Numbers that look drawn, and are the same each time. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function shuffled<T>(all: T[], random: () => number): T[] {
  const left = [...all];
  return all.map(() => left.splice(Math.floor(random() * left.length), 1)[0]!);
}

/** Web Locks: one holder a name, the others wait. */
export class Locks {
  held = new Map<string, Promise<unknown>>();

  async request(
    name: string,
    { signal }: { signal: AbortSignal },
    work: () => Promise<unknown> | undefined,
  ): Promise<unknown> {
    while (this.held.has(name)) {
      await Promise.race([
        this.held.get(name),
        new Promise((_, fail) => signal.addEventListener("abort", () => fail(signal.reason))),
      ]);
      signal.throwIfAborted();
    }
    const working = (async () => work())();
    this.held.set(name, working);
    return working.finally(() => this.held.delete(name));
  }
}

/** Timers and the clock are the test's; messages, locks and databases go on by themselves. */
export function fakeTime(now = "2026-03-04T10:00:00Z"): void {
  vi.useFakeTimers({
    now: new Date(now),
    toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"],
  });
}

/** What is under way, done, as far as no timer is waited for. */
export async function tick(times = 5): Promise<void> {
  for (let i = 0; i < times; i++) await new Promise<void>((done) => setImmediate(done));
}

/** Lets time pass until it is so. */
export async function until(so: () => unknown, step = 50): Promise<void> {
  for (let i = 0; i < 5000; i++) {
    if (so()) return;
    await tick(2);
    if (so()) return;
    await vi.advanceTimersByTimeAsync(step);
  }
  throw new Error(`never: ${so}`);
}

class Storage {
  [key: string]: unknown;
}

for (const [name, value] of Object.entries({
  getItem(this: Storage, key: string) {
    return Object.hasOwn(this, key) ? this[key] : null;
  },
  setItem(this: Storage, key: string, value: string) {
    this[key] = value;
  },
  removeItem(this: Storage, key: string) {
    delete this[key];
  },
})) {
  Object.defineProperty(Storage.prototype, name, { value });
}

export function storage(): globalThis.Storage {
  return new Storage() as unknown as globalThis.Storage;
}

/** Gives the page a document, an address, a storage and locks. */
export function browser(): { document: EventTarget & { visibilityState: string }; page: Page } {
  const page: Page = Object.assign(new EventTarget(), { listening: 0 });
  const document = Object.assign(new EventTarget(), { visibilityState: "visible" });
  vi.stubGlobal("document", document);
  vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
  vi.stubGlobal("localStorage", storage());
  vi.stubGlobal("navigator", { locks: new Locks() });
  return { document, page };
}

type Page = EventTarget & { listening: number };
