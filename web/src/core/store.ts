// What is known of one person's messaging, kept in step with the server: conversations, lists and
// threads that are loaded, unread counts, who types and who is there. Answers and events bring it,
// in any order. It says "change" when anything changed (at most once a task), and keeps objects
// that did not the same.

import { ofMessage } from "./adapter.js";
import type { Api } from "./api.js";
import type { ClientEvents } from "./events.js";
import { ConversationList } from "./list.js";
import type { LiveEvent } from "./live.js";
import { merge, withMessage, withNumbers } from "./merge.js";
import { startKey, type Target, targetKey } from "./outbox.js";
import { Thread } from "./thread.js";
import type {
  Context,
  Conversation,
  Id,
  ListPage,
  ListQuery,
  Me,
  Member,
  Message,
  MessagePage,
  Start,
  Started,
  TypingEvent,
  Unread,
  UnreadEvent,
} from "./types.js";

const THREADS = 8; // kept loaded; an older one is loaded again when it is opened
const KEPT = 60_000; // ms, at least: a page may show more than those
const LOOKED_THROUGH = 5; // pages of 200, to find a conversation with somebody
const TYPING_HEARD = 10_000; // ms after which somebody has stopped

export abstract class Store {
  abstract readonly api: Api;
  me: Me | null = null;
  /** All unread messages; null until that is known. */
  unread: number | null = null;
  conversations = new Map<Id, Conversation>();
  /** Rises with every change of `conversations`. */
  version = 0;

  #events = new EventTarget();
  #announced = false;
  #lists = new Set<ConversationList>();
  #threads = new Map<Id, Thread>();
  #asked = new Map<string, Promise<unknown>>();
  #targets = new Map<string, Id>();
  #presence = new Map<Id, Pick<Member, "online" | "lastSeenAt">>();
  #typers = new Map<string, TypingEvent & { timer: ReturnType<typeof setTimeout> }>();
  #reading = new Map<Id, number>();
  /** Unread by conversation; null where that is not known of all, undefined where nobody asked. */
  #counts?: Record<Id, number> | null;
  #asks = 0;

  on<Name extends keyof ClientEvents>(
    name: Name,
    listener: (detail: ClientEvents[Name]) => void,
  ): () => void {
    const heard = (event: Event) => listener((event as CustomEvent).detail);
    this.#events.addEventListener(name, heard);
    return () => this.#events.removeEventListener(name, heard);
  }

  /** Who is signed in is known. */
  protected abstract meet(me: Me): void;

  // --- What is asked for

  /** Loaded at once, and kept in step until `close()`. */
  list(query: ListQuery = {}): ConversationList {
    const list: ConversationList = new ConversationList(
      query,
      this,
      (page) => this.take(page),
      () => this.changed(),
      () => this.#lists.delete(list),
    );
    this.#lists.add(list);
    void list.load();
    return list;
  }

  /** The messages of a conversation, the newest at first. Ask for it at each change: one that nobody
   *  asks for is not loaded again after a gap, and in time forgotten. */
  thread(id: Id): Thread {
    const thread = this.#threads.get(id) ?? new Thread(id, this, () => this.changed());
    thread.asked = Date.now();
    this.#threads.delete(id);
    this.#threads.set(id, thread);
    const full = this.#threads.size > THREADS;
    for (const { id, asked } of this.#threads.values()) {
      if (full && asked < Date.now() - KEPT) this.#threads.delete(id);
    }
    if (thread.stale) void thread.load();
    return thread;
  }

  /** From what is known, else from the server. */
  async conversation(id: Id): Promise<Conversation> {
    return (
      this.conversations.get(id) ??
      this.#once(id, async () => this.know(await this.api.conversation(id)))
    );
  }

  /** The conversation that a `start` would find; null where there is none yet. */
  async find(start: Start): Promise<Conversation | null> {
    const known = () => this.conversations.get(this.resolve({ start }) ?? "") ?? null;
    return (
      known() ??
      this.#once(targetKey({ start }), async () => {
        const about = start.context;
        const query: ListQuery = { limit: 200, context: about && `${about.type}:${about.id}` };
        for (let pages = 0; pages < LOOKED_THROUGH && !known(); pages++) {
          const page = await this.api.list(query);
          this.take(page);
          if (!page.nextCursor) break;
          query.cursor = page.nextCursor;
        }
        return known();
      })
    );
  }

  /** One request for all who ask; again only if it may go better, or after a gap. */
  #once<T>(key: string, work: () => Promise<T>): Promise<T> {
    let asked = this.#asked.get(key) as Promise<T> | undefined;
    if (!asked) {
      asked = work();
      this.#asked.set(key, asked);
      asked.catch((failure) => failure.retryable && this.#asked.delete(key));
    }
    return asked;
  }

  /** The conversation of a target, as soon as it has one: whoever opened it. */
  resolve(target: Target): Id | null {
    return "conversation" in target
      ? target.conversation
      : (this.#targets.get(targetKey(target)) ?? null);
  }

  /**
   * Somebody, and what one writes to them about: the conversation's own context, or each message's
   * where the site's profile has it so.
   */
  about(start: Start): { target: Target; context?: Context } {
    const { context, ...plain } = start;
    return context && ofMessage(this.api.adapter, context.type)
      ? { target: { start: plain }, context }
      : { target: { start } };
  }

  presence(member: Member): Pick<Member, "online" | "lastSeenAt"> {
    return this.#presence.get(member.id) ?? member;
  }

  typers(id: Id): TypingEvent[] {
    return [...this.#typers.values()].filter(({ conversationId }) => conversationId === id);
  }

  /** The other members, as this person sees the conversation. */
  others(conversation: Conversation): Member[] {
    return conversation.members.filter(({ id }) => id !== conversation.member);
  }

  search(q: string, cursor?: string, signal?: AbortSignal): Promise<MessagePage> {
    return this.api.search(q, cursor, signal);
  }

  // --- What comes

  protected hear({ type, data }: LiveEvent): void {
    if (type === "hello") {
      const { resumed, ...me } = data;
      this.meet(me);
      if (!resumed) this.refetch();
    } else if (type === "reset") {
      this.refetch();
    } else if (type === "poll") {
      this.refetch(data);
    } else if (type === "conversation") {
      this.know(this.api.toConversation(data));
    } else if (type === "message") {
      this.receive(this.api.toMessage(data), true);
    } else if (type === "unread") {
      this.#hearNumbers(data);
    } else if (type === "typing") {
      this.#hearTyping(data);
    } else if (type === "presence") {
      this.#presence.set(data.userId, data);
      this.emit(type, data);
      this.changed();
    } else if (type === "read") {
      this.emit(type, data);
      const conversation = this.conversations.get(data.conversationId);
      if (data.member === conversation?.member) return; // one's own: `unread` has it
      const others = (conversation?.members.length ?? 3) - 1;
      this.#threads.get(data.conversationId)?.readBy(data, others);
    }
  }

  /** After a gap: what is open is fetched again, a thread when it is asked for. */
  protected refetch(unread?: Unread): void {
    this.#asked.clear();
    for (const list of this.#lists) void list.load();
    for (const thread of this.#threads.values()) thread.stale = true;
    this.#counts &&= null;
    if (unread) this.#count(unread);
    else if (this.#counts === null) void this.countUnread();
    this.changed();
  }

  /** What went wrong, again. */
  protected again(): void {
    this.#asked.clear();
    for (const one of [...this.#lists, ...this.#threads.values()]) if (one.failure) void one.load();
    if (this.#counts === null) void this.countUnread();
    this.changed();
  }

  /** Everything of somebody who is not there any more. */
  protected forget(): void {
    this.me = this.unread = null;
    this.#counts &&= null;
    this.version++;
    this.silence();
    for (const all of [
      this.conversations,
      this.#threads,
      this.#asked,
      this.#targets,
      this.#presence,
      this.#reading,
    ]) {
      all.clear();
    }
    this.changed();
  }

  protected take(page: ListPage): void {
    if (page.me) this.meet(page.me);
    for (const conversation of page.conversations) this.know(conversation);
  }

  protected know(now: Conversation): Conversation {
    const { id, kind, context, member } = now;
    for (const one of now.members) if (one.online !== null) this.#presence.set(one.id, one);
    const old = this.conversations.get(id);
    if (!old && kind === "direct") {
      // What a `start` with these members would find; a ticket is found by none.
      const others = this.others(now).map((one) => one.id);
      this.#targets.set(startKey(others, context, member.startsWith("team:")), id);
    }
    return this.#put(merge(old, now));
  }

  #put(now: Conversation): Conversation {
    if (now !== this.conversations.get(now.id)) {
      this.conversations.set(now.id, now);
      this.version++;
      this.changed();
    }
    return now;
  }

  protected receive(message: Message, live: boolean): void {
    const { conversationId: id, senderId } = message;
    const old = this.conversations.get(id);
    if (old) this.#put(withMessage(old, message));
    else if (live) void this.conversation(id).catch(() => {});
    this.#threads.get(id)?.receive(message);
    this.#hearTyping({ conversationId: id, userId: senderId, name: null, typing: false });
    if (live) this.emit(senderId === this.me?.id ? "own" : "message", message);
  }

  /** What a `start` has made, or found. */
  protected async opened(start: Start, started: Started): Promise<void> {
    const { conversationId: id, conversation, message } = started;
    if (start.kind !== "ticket") this.#targets.set(targetKey({ start }), id);
    if (conversation) this.know(conversation);
    else await this.conversation(id).catch(() => {}); // it comes with the next list, else
    if (message) this.receive(message, false);
  }

  /** The messages of a thread, where it is loaded. */
  protected loaded(id: Id): Message[] {
    return this.#threads.get(id)?.messages ?? [];
  }

  #hearTyping(event: TypingEvent): void {
    this.emit("typing", event);
    const key = `${event.conversationId} ${event.userId}`;
    clearTimeout(this.#typers.get(key)?.timer);
    if (event.typing) {
      const timer = setTimeout(() => this.#hearTyping({ ...event, typing: false }), TYPING_HEARD);
      this.#typers.set(key, { ...event, timer });
    } else if (!this.#typers.delete(key)) {
      return;
    }
    this.changed();
  }

  /** Nobody types any more. */
  protected silence(): void {
    for (const { timer } of this.#typers.values()) clearTimeout(timer);
    this.#typers.clear();
  }

  // --- Unread

  /** From now on `unread` is known and kept. What changes while the answer is on its way may be in
   *  it or not: then it is asked for again. */
  async countUnread(): Promise<void> {
    this.#counts ??= null;
    if (this.#asks++) return;
    for (let asks = 0; asks !== this.#asks; ) {
      asks = this.#asks;
      try {
        this.#count(await this.api.unread());
      } catch {
        this.#counts = null;
      }
    }
    this.#asks = 0;
  }

  #count({ count, conversations }: Unread): void {
    const sum = Object.values(conversations).reduce((all, one) => all + one, 0);
    this.#counts = sum === count ? { ...conversations } : null;
    this.#setUnread(count);
  }

  #setUnread(count: number): void {
    if (count === this.unread) return;
    this.unread = count;
    this.emit("unread", count);
    this.changed();
  }

  #hearNumbers(numbers: UnreadEvent): void {
    const { conversationId: id, member } = numbers;
    const old = this.conversations.get(id);
    if (old && member !== old.member) return; // the team's, where one is there in person
    const { unreadCount } = old ? this.#put(withNumbers(old, numbers)) : numbers;
    if (this.#counts === undefined) return;
    // The team's, of a conversation that is not loaded: one may be there in person.
    const doubtful = !old && member !== this.me?.id;
    if (doubtful || !this.#counts || this.#asks) {
      void this.countUnread();
    } else {
      this.#setUnread(this.unread! + unreadCount - (this.#counts[id] ?? 0));
      this.#counts[id] = unreadCount;
    }
  }

  /** `seq` was seen, by somebody who looks. */
  async read(id: Id, seq: number): Promise<void> {
    const conversation = this.conversations.get(id);
    if (!conversation?.unreadCount || conversation.readSeq >= seq) return;
    if ((this.#reading.get(id) ?? 0) >= seq) return;
    this.#reading.set(id, seq);
    try {
      const { member, lastSeq } = conversation;
      const numbers = await this.api.read(id, seq);
      this.#hearNumbers({ ...numbers, conversationId: id, member, lastSeq });
    } catch {
      this.#reading.delete(id); // the next look says it again
    }
  }

  // --- Saying so

  protected emit<Name extends keyof ClientEvents>(name: Name, detail?: ClientEvents[Name]): void {
    this.#events.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** Once for all that a task changed. */
  protected changed(): void {
    if (this.#announced) return;
    this.#announced = true;
    queueMicrotask(() => {
      this.#announced = false;
      this.emit("change");
    });
  }
}
