// The messages of one conversation that are loaded: always a run of seqs without a hole. What comes
// out of turn waits beside it until the hole is filled.

import type { Api } from "./api.js";
import { Loader } from "./loader.js";
import type { Id, Me, Message, ReadEvent } from "./types.js";

const PAGE = 50;
const FULL = 200; // the most that the server gives at once
const HOLE = 1000; // messages: a larger hole is not worth filling, one starts anew at the end

export class Thread extends Loader {
  /** Another array whenever something changed. */
  messages: Message[] = [];
  /** Where the page before these begins; null: there is none. */
  older: string | null = null;
  /** When somebody wanted it: `Date.now()`. */
  asked = 0;
  #early: Message[] = [];
  /** How far the others have read what this person wrote. */
  #read = 0;

  constructor(
    readonly id: Id,
    private readonly of: { api: Api; me: Me | null },
    changed: () => void,
  ) {
    super(changed);
  }

  get last(): number {
    return this.messages.at(-1)?.seq ?? 0;
  }

  /** A page of what came before; with `seq` as many as it takes to have that message. After a
   *  failure `load` comes first: else who shows it would ask again and again. */
  async loadOlder(seq = 0): Promise<void> {
    if (!this.older || this.failure) return;
    const limit = seq ? FULL : PAGE;
    await this.work(async () => {
      do {
        const page = await this.of.api.history(this.id, { before: this.older!, limit });
        this.older = page.nextCursor;
        this.#join(page.messages);
      } while (seq && this.older && this.messages[0]!.seq > seq);
    });
  }

  receive(message: Message): void {
    const hole = message.seq > this.last + 1;
    if (!this.loaded || hole) this.#early.push(message);
    else this.#join([message]);
    if (this.loaded && hole) void this.load();
  }

  /** Somebody else has read so far; whoever read a message has read those before it. */
  readBy({ readSeq }: ReadEvent, others: number): void {
    // Of several others the slowest decides, and only the server knows them all.
    if (others > 1) return void this.load();
    this.#read = Math.max(this.#read, readSeq);
    if (this.loaded) this.#join([]);
  }

  /** The newest page, joined to what is there; after a gap in the stream too. */
  protected async reload(): Promise<void> {
    let { messages, nextCursor } = await this.of.api.history(this.id, { limit: PAGE });
    const hole = () => (messages[0]?.seq ?? 0) - this.last - 1;
    // Down from the newest until it meets what is loaded.
    while (this.loaded && nextCursor && hole() > 0 && hole() < HOLE) {
      const page = await this.of.api.history(this.id, { before: nextCursor, limit: FULL });
      messages = [...page.messages, ...messages];
      nextCursor = page.nextCursor;
    }
    if (!this.loaded || hole() > 0) {
      this.messages = [];
      this.older = nextCursor;
    }
    const first = !this.loaded;
    this.loaded = true;
    this.#join(messages);
    // What came meanwhile does not touch the page that was asked for before.
    if (first && this.#early[0]) this.stale = true;
  }

  /** What touches the run makes it longer; what is beyond a hole waits. */
  #join(fresh: Message[]): void {
    const me = this.of.me?.id;
    for (const { seq, read, senderId } of fresh) {
      if (read && senderId === me && seq > this.#read) this.#read = seq;
    }
    const known = new Map(
      [...this.#early, ...fresh, ...this.messages].map((one) => [one.seq, one]),
    );
    let seq = this.messages[0]?.seq ?? fresh.at(-1)?.seq ?? 1;
    while (known.has(seq - 1)) seq--;
    this.messages = [];
    for (let one = known.get(seq); one; one = known.get(++seq)) {
      const marks = !one.read && one.senderId === me && seq <= this.#read;
      this.messages.push(marks ? { ...one, read: true } : one);
    }
    this.#early = [...known.values()].filter((one) => one.seq > seq);
    this.changed();
  }
}
