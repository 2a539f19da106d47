// One list of conversations, filtered: what its pages brought, and what came to the top since.

import type { Api } from "./api.js";
import { activity, byActivity } from "./merge.js";
import type { Conversation, Failure, Id, ListPage, ListQuery } from "./types.js";

const FIRST = 50;
const FULL = 200; // the most that the server gives at once
const AGAIN = 1000; // of a longer list the rest is loaded again when it is scrolled to

export class ConversationList {
  loading = false;
  loaded = false;
  failure: Failure | null = null;
  #ids = new Set<Id>();
  #cursor: string | null = null;
  #floor = "";
  #stale = false;
  #items: Conversation[] = [];
  #of = -1;
  #abort = new AbortController();

  constructor(
    readonly query: ListQuery,
    private readonly api: Api,
    private readonly known: { conversations: Map<Id, Conversation>; version: number },
    private readonly take: (page: ListPage) => void,
    private readonly changed: () => void,
  ) {}

  get more(): boolean {
    return this.#cursor !== null;
  }

  /** Newest activity first; the same array until something changed. */
  get items(): Conversation[] {
    if (this.#of !== this.known.version) {
      this.#of = this.known.version;
      const all = [...this.known.conversations.values()];
      this.#items = all.filter((one) => this.#shows(one)).sort(byActivity);
    }
    return this.#items;
  }

  /** The first page, or after a gap in the stream as much as was there. */
  async load(): Promise<void> {
    if (this.loading) {
      this.#stale = true;
      return;
    }
    const wanted = Math.min(this.#ids.size, AGAIN);
    await this.#work(async () => {
      do {
        this.#stale = false;
        const ids = new Set<Id>();
        let cursor: string | null = null;
        do {
          const limit = wanted > FIRST ? FULL : FIRST;
          cursor = await this.#page(ids, limit, cursor);
        } while (cursor && ids.size < wanted);
        this.#ids = ids;
        this.#cursor = cursor;
      } while (this.#stale);
      this.loaded = true;
    });
  }

  async loadMore(): Promise<void> {
    if (this.loading || !this.#cursor) return;
    await this.#work(async () => {
      this.#cursor = await this.#page(this.#ids, FULL, this.#cursor);
    });
  }

  /** Nobody looks at it any more. */
  close(): void {
    this.#abort.abort();
  }

  async #page(ids: Set<Id>, limit: number, cursor: string | null): Promise<string | null> {
    const query = { ...this.query, limit, ...(cursor ? { cursor } : {}) };
    const page = await this.api.list(query, this.#abort.signal);
    for (const { id } of page.conversations) ids.add(id);
    const last = page.conversations.at(-1);
    // Below it there may be others that are not loaded; above it there are none.
    this.#floor = page.nextCursor === null ? "" : last ? activity(last) : this.#floor;
    this.take(page);
    return page.nextCursor;
  }

  async #work(work: () => Promise<void>): Promise<void> {
    this.loading = true;
    this.failure = null;
    this.changed();
    try {
      await work();
    } catch (error) {
      if (!this.#abort.signal.aborted) this.failure = error as Failure;
    } finally {
      this.loading = false;
      this.#of = -1;
      this.changed();
    }
  }

  #shows(one: Conversation): boolean {
    const { status, unread, archived, context, q } = this.query;
    if (status && one.status !== status) return false;
    if (archived !== undefined && one.archived !== archived) return false;
    if (unread !== undefined && one.unreadCount > 0 !== unread && !this.#ids.has(one.id)) {
      return false; // what was unread stays in its list while one reads it
    }
    if (context) {
      const [type, id] = context.split(/:(.*)/s);
      if (one.context?.type !== type || (id && one.context?.id !== id)) return false;
    }
    if (q) return this.#ids.has(one.id); // what a word means is the server's to say
    return this.#ids.has(one.id) || activity(one) >= this.#floor;
  }
}
