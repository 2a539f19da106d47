// The messages of one conversation that are loaded: always a run of seqs without a hole. What comes
// out of turn waits beside it until the hole is filled.

import type { Api } from "./api.js";
import type { Failure, Id, Message, ReadEvent } from "./types.js";

const PAGE = 50;
const FULL = 200; // the most that the server gives at once
const HOLE = 20; // pages: a hole beyond that is not worth filling, one starts anew at the end

export class Thread {
  messages: Message[] = [];
  /** null: not asked yet. */
  older: string | null = null;
  loaded = false;
  loading = false;
  failure: Failure | null = null;
  /** Rises with every change. */
  version = 0;
  /** How far this person had read when they opened it: where the line "unread" stands. */
  unreadFrom: number | null = null;
  #early = new Map<number, Message>();
  #again = false;

  constructor(
    readonly id: Id,
    private readonly api: Api,
    private readonly me: () => Id | undefined,
    private readonly changed: () => void,
  ) {}

  get last(): number {
    return this.messages.at(-1)?.seq ?? 0;
  }

  /** The newest page, joined to what is there; after a gap in the stream too. */
  async refresh(): Promise<void> {
    if (this.loading) {
      this.#again = true;
      return;
    }
    await this.#work(async () => {
      do {
        this.#again = false;
        let page = await this.api.history(this.id, { limit: PAGE });
        const fresh = page.messages;
        let pages = 0;
        // Down from the newest until it meets what is loaded.
        while (this.loaded && page.nextCursor && fresh[0]!.seq > this.last + 1 && pages++ < HOLE) {
          page = await this.api.history(this.id, { before: page.nextCursor, limit: FULL });
          fresh.unshift(...page.messages);
        }
        const first = fresh[0]?.seq ?? 0;
        if (!this.loaded || first > this.last + 1) {
          this.messages = [];
          this.older = page.nextCursor;
        }
        this.loaded = true;
        this.#join(fresh);
      } while (this.#again);
    });
  }

  /** A page of what came before; with `seq` as many as it takes to have that message. */
  async loadOlder(seq = this.messages[0]?.seq ?? 0): Promise<void> {
    if (!this.older || this.loading) return;
    await this.#work(async () => {
      const limit = seq < (this.messages[0]?.seq ?? 0) ? FULL : PAGE;
      do {
        const page = await this.api.history(this.id, { before: this.older!, limit });
        this.older = page.nextCursor;
        this.#join(page.messages);
        this.#touch();
      } while (this.older && this.messages[0]!.seq > seq);
    });
    if (this.#again) await this.refresh();
  }

  receive(message: Message): void {
    if (!this.loaded || message.seq > this.last + 1) {
      this.#early.set(message.seq, message);
      if (this.loaded || this.loading) void this.refresh();
      return;
    }
    this.#join([message]);
    this.#touch();
  }

  /** Somebody else has read so far. */
  readBy(event: ReadEvent, others: number): void {
    // Of several others the slowest decides, and only the server knows them all.
    if (others > 1) void this.refresh();
    else if (this.#markRead(event.readSeq)) this.#touch();
  }

  async #work(work: () => Promise<void>): Promise<void> {
    this.loading = true;
    this.failure = null;
    this.#touch();
    try {
      await work();
    } catch (error) {
      this.failure = error as Failure;
    } finally {
      this.loading = false;
      this.#touch();
    }
  }

  /** `fresh` rises by seq and touches what is loaded, or lies in it. */
  #join(fresh: Message[]): void {
    let all = this.messages;
    const first = all[0]?.seq ?? Number.POSITIVE_INFINITY;
    const replaced = new Map<number, Message>();
    const before: Message[] = [];
    for (const message of fresh) {
      if (message.seq < first && all.length > 0) before.push(message);
      else replaced.set(message.seq, message);
    }
    all = [...before, ...all.map((message) => replaced.get(message.seq) ?? message)];
    const last = () => all.at(-1)?.seq ?? 0;
    for (const message of fresh) if (message.seq > last()) all.push(message);
    for (let next = this.#early.get(last() + 1); next; next = this.#early.get(last() + 1)) {
      all.push(next);
    }
    for (const seq of this.#early.keys()) if (seq <= last()) this.#early.delete(seq);
    this.messages = all;
    const me = this.me();
    const read = all.findLast((message) => message.senderId === me && message.read);
    if (read) this.#markRead(read.seq);
  }

  /** One's own up to `seq`: whoever read a message has read those before it. */
  #markRead(seq: number): boolean {
    const me = this.me();
    let marked = false;
    this.messages = this.messages.map((message) => {
      if (message.seq > seq || message.read || message.senderId !== me) return message;
      marked = true;
      return { ...message, read: true };
    });
    return marked;
  }

  #touch(): void {
    this.version++;
    this.changed();
  }
}
