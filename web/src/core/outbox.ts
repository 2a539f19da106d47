// What was written and is not known to be stored: shown at once, sent in order, one at a time, and
// repeated under its own Idempotency-Key until the server has an answer, over reloads and in
// whichever tab is alive. A key is stored once, however often it is sent, so nothing here has to be
// exact: a Web Lock keeps two tabs from both sending, and where there are no locks both may.

import { pause } from "./backoff.js";
import { update } from "./kept.js";
import {
  type Context,
  Failure,
  type Id,
  type Message,
  type Outgoing,
  type Start,
} from "./types.js";

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
  deliver: (entry: Entry) => Promise<Message | null>;
  changed: (failed?: Entry) => void;
  /** Another tab signed out. */
  signedOut: () => void;
}

const LIMIT = 1000; // who writes more than this without a server is told so
const ATTEMPTS = 8; // of a server that fails at this very message

type Edit = (entries: Entry[]) => Entry[];

/** Where there is no IndexedDB (some private windows), what is written lives as long as the page. */
const memory = new Map<string, Entry[]>();

export class Outbox {
  entries: Entry[];
  #options: OutboxOptions;
  #channel: BroadcastChannel | null = null;
  #lock = new AbortController();
  #closed = false;
  #attempts = 0;
  #resume = () => {};
  #ready = Promise.resolve();
  #unkept = 0;
  #leads = false;
  #draining = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.entries = memory.get(options.scope) ?? [];
    const name = `messaging-outbox:${options.scope}`;
    const { signal } = this.#lock;
    // The lock is this tab's for as long as it lives; the next one goes on with what is left.
    const lead = () => {
      this.#leads = true;
      void this.#edit();
      return new Promise((done) => {
        signal.onabort = done;
      });
    };
    const locks = globalThis.navigator?.locks;
    if (globalThis.BroadcastChannel) {
      this.#channel = new BroadcastChannel(name);
      this.#channel.onmessage = ({ data }) => {
        if (data) options.signedOut();
        else void this.#edit();
      };
    }
    void this.#edit();
    // Who cannot be told of another tab's messages must not leave its own to that tab.
    if (locks && this.#channel) locks.request(name, { signal }, lead).catch(lead);
    else void lead();
  }

  /** It is in `entries` when this returns. */
  add(target: Target, message: Outgoing, after: number, key: string): Entry {
    if (this.entries.length >= LIMIT) throw new Failure(507, "outbox full");
    const entry: Entry = { key, target, message, at: Date.now(), after };
    void this.#edit((entries) => [...entries, entry]);
    return entry;
  }

  /** A refused one again: as the newest, since what came after it may be stored by now. */
  retry(key: string): void {
    void this.#edit((entries) => {
      const entry = entries.find((one) => one.key === key);
      if (!entry?.problem) return entries;
      return [...without(entries, key), { ...entry, problem: undefined }];
    });
  }

  discard(key: string): void {
    void this.#edit((entries) => without(entries, key));
  }

  /** Now, and not when the pause is over: the network is back, or somebody signed in. */
  wake(): void {
    this.#attempts = 0;
    this.#resume();
    void this.#drain();
  }

  /** At sign-out: nothing stays behind for whoever uses this browser next. */
  async clear(): Promise<void> {
    await this.#edit(() => []);
    this.#channel?.postMessage(true);
  }

  /** What is not kept yet still will be, and other tabs are told. */
  close(): void {
    this.#closed = true;
    this.#lock.abort();
    this.#resume();
    void this.#ready.then(() => {
      this.#channel?.close();
      this.#channel = null;
    });
  }

  /** Shown at once; the database's word comes later, with what other tabs did in it. Without
   *  `edit` that is all. */
  #edit(edit?: Edit, failed?: Entry): Promise<void> {
    const { scope, changed } = this.#options;
    this.#unkept++;
    if (edit) {
      this.entries = edit(this.entries);
      changed(failed);
    }
    this.#ready = this.#ready.then(async () => {
      let kept: Entry[] = [];
      const apply = (old: Entry[] = []) => {
        kept = edit?.(old) ?? old;
        return kept;
      };
      try {
        if (memory.has(scope)) throw scope;
        await update(scope, apply);
      } catch {
        // From now on there is but this page's memory; the database is left to other tabs.
        kept = this.entries;
        memory.set(scope, kept);
        this.#lock.abort(); // who waits for it leads now, too
      }
      if (--this.#unkept === 0) {
        this.entries = kept; // what was edited meanwhile would not be in it
        changed();
      }
      if (edit) this.#channel?.postMessage(false);
      void this.#drain();
    });
    return this.#ready;
  }

  async #drain(): Promise<void> {
    if (this.#draining || !this.#leads) return;
    this.#draining = true;
    for (let last = "", failures = 0; ; ) {
      // Sent only when it is kept: a reload never forgets a key that was used.
      while (this.#unkept > 0) await this.#ready;
      const entry = this.entries.find(({ problem }) => !problem);
      if (!entry || this.#closed) break;
      const { key } = entry;
      if (key !== last) {
        last = key;
        this.#attempts = failures = 0;
      }
      this.#attempts++;
      try {
        const sent = await this.#options.deliver(entry);
        await this.#edit((entries) => later(without(entries, key), entry.target, sent));
      } catch (error) {
        const { status, message: text, retryable, retryAfter } = error as Failure;
        if (status === 500 || status === 504) failures++;
        if (!this.#attempts) continue; // somebody woke it meanwhile
        if (status === 401) {
          break; // until somebody signs in, and wakes it
        } else if (retryable && failures < ATTEMPTS) {
          await this.#pause(pause(this.#attempts, retryAfter));
        } else {
          const failed = { ...entry, problem: { status, text } };
          await this.#edit(
            (entries) => entries.map((one) => (one.key === key ? failed : one)),
            failed,
          );
        }
      }
    }
    this.#draining = false;
  }

  #pause(time: number): Promise<void> {
    return new Promise((done) => {
      const timer = setTimeout(done, time);
      this.#resume = () => {
        clearTimeout(timer);
        done();
      };
    });
  }
}

function without(entries: Entry[], key: string): Entry[] {
  return entries.filter((one) => one.key !== key);
}

/** What waits for the same conversation has a higher seq than what was sent just now. */
function later(entries: Entry[], target: Target, sent: Message | null): Entry[] {
  const key = targetKey(target);
  return entries.map((one) => {
    const to = targetKey(one.target);
    const same = sent && (to === key || to === sent.conversationId) && one.after < sent.seq;
    return same ? { ...one, after: sent.seq } : one;
  });
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
  return entries.filter(({ problem, after, message }) => {
    const text = message.content.trim(); // as the server stores it
    const at = candidates.findIndex(({ seq, content }) => seq > after && content === text);
    if (problem || at < 0) return true;
    candidates.splice(at, 1);
    return false;
  });
}

/** One name for all targets that are one conversation, whatever the order of its members. */
export function targetKey(target: Target): string {
  if ("conversation" in target) return target.conversation;
  const { members, context, kind, as } = target.start;
  return startKey(members, context, as === "team", kind === "ticket");
}

/** The same for a conversation that is there: what a `start` would find. */
export function startKey(
  members: Id[],
  context: Context | null | undefined,
  asTeam: boolean,
  ticket = false,
): string {
  return JSON.stringify([[...members].sort(), context?.type, context?.id, asTeam, ticket]);
}
