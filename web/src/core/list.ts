// One list of conversations, filtered: what its pages brought, and what came to the top since.

import type { Api } from "./api.js";
import { Loader } from "./loader.js";
import type { Conversation, Id, ListPage, ListQuery } from "./types.js";

const FIRST = 50;
const FULL = 200; // the most that the server gives at once
const AGAIN = 1000; // of a longer list the rest is loaded again when it is scrolled to
const NEVER = "~"; // after all times

export class ConversationList extends Loader {
  #ids = new Set<Id>();
  #cursor: string | null = null;
  /** Below it there may be others that are not loaded; above it there are none. */
  #floor = NEVER;
  #items: Conversation[] = [];
  #version = -1;
  #abort = new AbortController();

  constructor(
    readonly query: ListQuery,
    private readonly of: { api: Api; conversations: Map<Id, Conversation>; version: number },
    private readonly take: (page: ListPage) => void,
    changed: () => void,
    private readonly closed: () => void,
  ) {
    super(changed);
  }

  get more(): boolean {
    return this.#cursor !== null;
  }

  /** Newest activity first; the same array until something changed. */
  get items(): Conversation[] {
    if (this.#version !== this.of.version) {
      this.#version = this.of.version;
      this.#items = [...this.of.conversations.values()]
        .filter((one) => {
          const loaded = this.#ids.has(one.id);
          if (this.query.q) return loaded; // what a word means is the server's to say
          // What was unread stays in its list while one reads it.
          return this.#fits(one, loaded) && (loaded || activity(one) >= this.#floor);
        })
        .sort(byActivity);
    }
    return this.#items;
  }

  /** After a failure `load` comes first: else who shows it would ask again and again. */
  async loadMore(): Promise<void> {
    if (this.#cursor && !this.failure) {
      await this.work(() => this.#fill(this.#ids, this.#cursor, this.#ids.size + 1));
    }
  }

  /** Nobody looks at it any more. */
  close(): void {
    this.#abort.abort();
    this.closed();
  }

  /** The first page, or after a gap in the stream as much as was there. */
  protected reload(): Promise<void> {
    return this.#fill(new Set(), null, Math.min(this.#ids.size, AGAIN) || 1);
  }

  /** Page after page: where the server does not know a filter, one may bring nothing. */
  async #fill(ids: Set<Id>, cursor: string | null, wanted: number): Promise<void> {
    let floor = cursor ? this.#floor : NEVER;
    do {
      const limit = wanted > FIRST ? FULL : FIRST;
      const query: ListQuery = { ...this.query, limit, cursor: cursor ?? undefined };
      const page = await this.of.api.list(query, this.#abort.signal);
      this.take(page);
      for (const one of page.conversations) {
        if (this.#fits(one)) ids.add(one.id);
        floor = activity(one);
      }
      cursor = page.nextCursor;
    } while (cursor && ids.size < wanted);
    this.#ids = ids;
    this.#cursor = cursor;
    this.#floor = cursor ? floor : "";
    this.#version = -1;
    this.loaded = true;
  }

  #fits(one: Conversation, kept = false): boolean {
    const { status, unread, archived, context = "" } = this.query;
    const [type, id] = context.split(/:(.*)/s);
    return (
      (!status || one.status === status) &&
      (archived === undefined || one.archived === archived) &&
      (unread === undefined || kept || one.unreadCount > 0 === unread) &&
      (!type || one.context?.type === type) &&
      (!id || one.context?.id === id)
    );
  }
}

function activity(conversation: Conversation): string {
  return conversation.lastMessageAt ?? conversation.createdAt;
}

/** Ids only make it one order for equal times. */
function byActivity(a: Conversation, b: Conversation): number {
  return activity(a) + a.id < activity(b) + b.id ? 1 : -1;
}
