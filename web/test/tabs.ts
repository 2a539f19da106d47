// Tabs of one browser, for share(): what Node lacks (Web Locks, SharedWorkers, pages that come and
// go), each with a tab that it belongs to, so that a tab can stop dead, or fall asleep.
import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";
import { vi } from "vitest";
import type { LiveEvent, LiveState } from "../src/core/live.js";
import { type Shared, share } from "../src/core/share.js";
import { type Asked, type Server, until } from "./sse.js";

interface Held {
  tab: Tab;
  fail: (error: Error) => void;
}
interface Waiting {
  tab: Tab;
  grant: () => void;
}

/** One lock, as the Web Locks API has it. */
class Locks {
  held: Held | null = null;
  queue: Waiting[] = [];

  request(_: string, options: { steal?: boolean; signal?: AbortSignal }, work: () => unknown) {
    const tab = here();
    return new Promise<unknown>((done, fail) => {
      const grant = () => {
        const held: Held = { tab, fail };
        this.held = held;
        // Told later, held at once.
        Promise.resolve()
          .then(work)
          .then(done, fail)
          .then(() => this.held === held && this.next());
      };
      if (options.steal) {
        this.held?.fail(new DOMException("stolen", "AbortError"));
        return grant();
      }
      const waiting = { tab, grant };
      options.signal?.addEventListener("abort", () => {
        this.queue = this.queue.filter((one) => one !== waiting);
        fail(new DOMException("aborted", "AbortError"));
      });
      this.queue.push(waiting);
      if (!this.held) this.next();
    });
  }

  next(): void {
    this.held = null;
    this.queue.shift()?.grant();
  }

  /** A browser frees what a tab held when its process ends. */
  free(tab: Tab): void {
    this.queue = this.queue.filter((one) => one.tab !== tab);
    if (this.held?.tab === tab) this.next();
  }
}

export interface Tab {
  name: string;
  shared: Shared;
  events: LiveEvent[];
  states: LiveState[];
  readonly state: LiveState;
  page: EventTarget;
  /** Hears and says nothing. */
  asleep: boolean;
  headers: () => Promise<Record<string, string>>;
}

/** Whose code runs, also when it goes on after a pause. */
const context = new AsyncLocalStorage<{ page: EventTarget }>();
const here = () => context.getStore() as Tab;

let unbind = () => {};

/** Of what share() and its hub wait for; waiting in the tests themselves stays real. */
export function fakeClock(): void {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"],
  });
  const { setTimeout, setInterval } = globalThis;
  type Wait = (work: () => void, ...more: unknown[]) => unknown;
  const bound =
    (wait: unknown) =>
    (work: () => void, ...more: unknown[]) =>
      (wait as Wait)(AsyncResource.bind(work), ...more);
  Object.assign(globalThis, { setTimeout: bound(setTimeout), setInterval: bound(setInterval) });
  unbind = () => Object.assign(globalThis, { setTimeout, setInterval });
}

export function realClock(): void {
  unbind();
  unbind = () => {};
  vi.useRealTimers();
}

class Channel {
  static all = new Set<Channel>();
  static leaders: string[] = [];
  tab = here();
  onmessage?: (event: { data: unknown }) => void;

  constructor(readonly name: string) {
    Channel.all.add(this);
  }

  postMessage(message: unknown): void {
    const { hub, told } = message as { hub?: string; told?: unknown };
    if (hub && !told) Channel.leaders.push(this.tab.name);
    if (this.tab.asleep || !Channel.all.has(this)) return;
    const data = structuredClone(message);
    for (const other of Channel.all) {
      if (other === this || other.name !== this.name) continue;
      setImmediate(() => {
        if (other.tab.asleep || !Channel.all.has(other)) return;
        context.run(other.tab, () => other.onmessage?.({ data }));
      });
    }
  }

  close(): void {
    Channel.all.delete(this);
  }
}

export class Browser {
  tabs: Tab[] = [];
  worker: "works" | "fails" | "silent" | "absent" = "absent";
  /** By name; who takes a new port. */
  workers = new Map<string, Promise<(port: MessagePort) => void>>();
  ports: MessagePort[] = [];
  /** Who led, one after the other. */
  leaders = Channel.leaders;
  #locks = new Locks();

  constructor(private server: Server) {
    const browser = this;
    Channel.all.clear();
    Channel.leaders.length = 0;
    for (const name of ["addEventListener", "removeEventListener"] as const) {
      vi.stubGlobal(name, (type: string, listener: () => void) =>
        here()?.page[name](type, listener),
      );
    }
    vi.stubGlobal("navigator", { locks: this.#locks });
    vi.stubGlobal("BroadcastChannel", Channel);
    vi.stubGlobal(
      "SharedWorker",
      class {
        port: MessagePort;
        onerror?: () => void;
        constructor(_: string, { name }: { name: string }) {
          if (browser.worker === "absent") throw new Error("no workers here");
          const { port1, port2 } = new MessageChannel();
          this.port = port1;
          browser.ports.push(port1, port2);
          if (browser.worker === "fails") setTimeout(() => this.onerror?.());
          if (browser.worker !== "works") return;
          if (!browser.workers.has(name)) browser.workers.set(name, startWorker());
          browser.workers.get(name)!.then((connect) => connect(port2));
        }
      },
    );
  }

  open(name: string, { worker = this.worker !== "absent" } = {}): Tab {
    const tab: Tab = {
      name,
      events: [],
      states: [],
      get state() {
        return this.states.at(-1) ?? "connecting";
      },
      page: new EventTarget(),
      asleep: false,
      headers: async () => ({ "X-Tab": name }),
      shared: undefined as unknown as Shared,
    };
    this.tabs.push(tab);
    const shared = context.run(tab, () =>
      share({
        api: { base: "/api/messages", live: this.server.live, headers: () => tab.headers() },
        worker: worker ? "messaging-worker.js" : null,
        onEvent: (event) => tab.events.push(event),
        onState: (state) => tab.states.push(state),
      }),
    );
    tab.shared = {
      retry: () => context.run(tab, shared.retry),
      close: () => context.run(tab, shared.close),
      visible: (visible) => context.run(tab, shared.visible, visible),
    };
    return tab;
  }

  page(tab: Tab, type: string, persisted = false): void {
    const event = Object.assign(new Event(type), { persisted });
    context.run(tab, () => tab.page.dispatchEvent(event));
  }

  close(tab: Tab): void {
    tab.shared.close();
  }

  /** Its process ends without a word. */
  crash(tab: Tab): void {
    tab.asleep = true;
    this.#locks.free(tab);
  }

  end(): void {
    for (const tab of this.tabs) this.close(tab);
    for (const port of this.ports) port.close();
  }
}

/** The real entry, src/worker.ts, in a scope of its own. */
function startWorker(): Promise<(port: MessagePort) => void> {
  const page = new EventTarget();
  vi.resetModules();
  return context.run({ page }, async () => {
    await import("../src/worker.js");
    return (port: MessagePort) =>
      page.dispatchEvent(Object.assign(new Event("connect"), { ports: [port] }));
  });
}

export const hellos = (tab: Tab): boolean[] =>
  tab.events
    .filter(({ type }) => type === "hello")
    .map(({ data }) => (data as { resumed: boolean }).resumed);

export const seqs = (tab: Tab): number[] =>
  tab.events
    .filter(({ type }) => type === "message")
    .map(({ data }) => (data as { seq: number }).seq);

/** Streams that are open, by the tab that gave the headers. */
export function openStreams(server: Server): string[] {
  return server
    .streams()
    .filter(({ closed }) => !closed)
    .map(({ headers }) => `${headers["x-tab"]}`);
}

export const isOpen = (tab: Tab) => until(() => tab.state === "open", `${tab.name} is open`);

export const current = (server: Server): Asked =>
  server
    .streams()
    .filter(({ closed }) => !closed)
    .at(-1)!;
