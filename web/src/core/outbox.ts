// What was written and is not known to be stored: shown at once, sent in order, one at a time, and
// repeated under its own Idempotency-Key until the server has an answer, over reloads and in
// whichever tab is alive. A key is stored once, however often it is sent, so nothing here has to be
// exact: a Web Lock keeps two tabs from both sending, and where there are no locks both may.

import { createStore, get, update } from "idb-keyval";
import { wait } from "./backoff.js";
import { Failure, type Id, type Outgoing, type Start } from "./types.js";

/** A conversation, or the one that a `start` makes or finds. */
export type Target = { conversation: Id } | { start: Start };

export interface Entry {
  key: string;
  target: Target;
  message: Outgoing;
  /** When it was written: milliseconds. */
  at: number;
  /** The conversation's last seq then: its message has a higher one. */
  after: number;
  /** Refused: surely not stored, or the server failed at it again and again. */
  problem?: { status: number; text: string };
}

export interface OutboxOptions {
  /** Site and user: nobody sees another's. */
  scope: string;
  /** Sends it; what it throws is a `Failure`. When it returns, the message is stored and shown. */
  deliver: (entry: Entry) => Promise<void>;
  changed: (failed?: Entry) => void;
  /** Another tab signed out. */
  signedOut: () => void;
}

const LIMIT = 1000; // who writes more than this without a server is told so
const ATTEMPTS = 8; // of a server that fails at this very message

const memory = new Map<string, Entry[]>();
const database = () => createStore("nginx-messaging", "outbox");

/** Where there is no IndexedDB (some private windows), what is written lives as long as the page. */
async function change(scope: string, edit: (entries: Entry[]) => Entry[]): Promise<Entry[]> {
  let entries: Entry[] = [];
  const apply = (old: Entry[] | undefined) => {
    entries = edit(old ?? []);
    return entries;
  };
  try {
    await update(scope, apply, database());
  } catch {
    memory.set(scope, apply(memory.get(scope)));
  }
  return entries;
}

export class Outbox {
  entries: Entry[] = [];
  #options: OutboxOptions;
  #channel: BroadcastChannel | null = null;
  #stop = new AbortController();
  #wake = new AbortController();
  #ready: Promise<unknown>;
  #leads = false;
  #draining = false;
  #unkept = 0;

  constructor(options: OutboxOptions) {
    this.#options = options;
    const name = `messaging-outbox:${options.scope}`;
    if (globalThis.BroadcastChannel) {
      this.#channel = new BroadcastChannel(name);
      this.#channel.onmessage = ({ data }) => {
        if (data === "signed-out") options.signedOut();
        else void this.#load().then(() => this.#drain());
      };
    }
    this.#ready = this.#load();
    const lead = () => {
      this.#leads = true;
      void this.#load().then(() => this.#drain());
      // The lock is this tab's for as long as it lives; the next one goes on with what is left.
      return new Promise<void>((done) => this.#stop.signal.addEventListener("abort", () => done()));
    };
    const locks = globalThis.navigator?.locks;
    if (locks) locks.request(name, { signal: this.#stop.signal }, lead).catch(() => {});
    else void lead();
  }

  /** It is in `entries` when this returns. */
  add(target: Target, message: Outgoing, after: number, key: string): Entry {
    if (this.entries.length >= LIMIT) throw new Failure(507, "outbox full");
    const entry: Entry = { key, target, message, at: Date.now(), after };
    this.#edit((entries) => [...entries, entry]);
    return entry;
  }

  /** A refused one again: as the newest, since what came after it may be stored by now. */
  retry(key: string): void {
    this.#edit((entries) => {
      const entry = entries.find((one) => one.key === key);
      if (!entry?.problem) return entries;
      const { problem: _, ...again } = entry;
      return [...entries.filter((one) => one.key !== key), again];
    });
  }

  discard(key: string): void {
    this.#edit((entries) => entries.filter((one) => one.key !== key));
  }

  /** Now, and not when the pause is over: the network is back, or somebody signed in. */
  wake(): void {
    this.#wake.abort();
    this.#wake = new AbortController();
    void this.#drain();
  }

  /** At sign-out: nothing stays behind for whoever uses this browser next. */
  async clear(): Promise<void> {
    await this.#ready;
    this.entries = await change(this.#options.scope, () => []);
    this.#channel?.postMessage("signed-out");
  }

  close(): void {
    this.#stop.abort();
    this.#wake.abort();
    this.#channel?.close();
  }

  async #load(): Promise<void> {
    const { scope } = this.#options;
    let entries = memory.get(scope);
    try {
      entries = await get<Entry[]>(scope, database());
    } catch {
      // There is none: see change().
    }
    if (this.#unkept === 0) this.entries = entries ?? [];
    this.#options.changed();
  }

  /** Shown at once; sent only when it is kept, so that a reload never forgets a key that was used. */
  #edit(edit: (entries: Entry[]) => Entry[], failed?: Entry): Promise<void> {
    this.entries = edit(this.entries);
    this.#unkept++;
    this.#options.changed(failed);
    const kept = this.#ready
      .then(() => change(this.#options.scope, edit))
      .then((entries) => {
        // What was edited meanwhile is not in it yet.
        if (--this.#unkept === 0) this.entries = entries;
        this.#channel?.postMessage("changed");
        void this.#drain();
      });
    this.#ready = kept;
    return kept;
  }

  async #drain(): Promise<void> {
    if (this.#draining || !this.#leads) return;
    this.#draining = true;
    let attempt = 0;
    try {
      for (;;) {
        await this.#ready;
        const entry = this.entries.find((one) => !one.problem);
        if (!entry || this.#stop.signal.aborted) return;
        try {
          await this.#options.deliver(entry);
          attempt = 0;
          await this.#edit((entries) => entries.filter((one) => one.key !== entry.key));
        } catch (error) {
          const failure = error instanceof Failure ? error : new Failure(0, String(error));
          if (failure.status === 401) return; // until somebody signs in, and wakes it
          attempt++;
          const hopeless = failure.status >= 500 && failure.status !== 503 && attempt >= ATTEMPTS;
          if (failure.retryable && !hopeless) {
            await wait(attempt, failure.retryAfter, this.#wake.signal);
          } else {
            attempt = 0;
            const failed = {
              ...entry,
              problem: { status: failure.status, text: failure.message },
            };
            await this.#edit(
              (entries) => entries.map((one) => (one.key === entry.key ? failed : one)),
              failed,
            );
          }
        }
      }
    } finally {
      this.#draining = false;
    }
  }
}

/**
 * Those of a conversation's entries that are to be shown: one whose message has already come by the
 * stream, before the answer to its request, would else be there twice.
 */
export function unanswered(
  entries: Entry[],
  own: Iterable<{ seq: number; content: string }>,
): Entry[] {
  const candidates = [...own];
  return entries.filter((entry) => {
    const at = entry.problem
      ? -1
      : candidates.findIndex(
          ({ seq, content }) => seq > entry.after && content === entry.message.content,
        );
    if (at >= 0) candidates.splice(at, 1);
    return at < 0;
  });
}

/** One name for one target, whatever the order of its members. */
export function targetKey(target: Target): string {
  if ("conversation" in target) return target.conversation;
  const { members, context, kind } = target.start;
  return JSON.stringify([[...members].sort(), context?.type, context?.id, kind]);
}
