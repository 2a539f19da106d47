// The headless client: what one person sees of one site's messaging, kept in step with the server,
// and all that they can do. Components show it; a page may use it without them. It says "change"
// when anything changed (at most once a task) and keeps objects that did not the same.

import { type Adapter, ofMessage } from "./adapter.js";
import type { Api, Change } from "./api.js";
import { newKey } from "./backoff.js";
import { Drafts } from "./drafts.js";
import { HttpApi } from "./http.js";
import { ConversationList } from "./list.js";
import type { LiveEvent, LiveState } from "./live.js";
import { merge, withMessage, withNumbers } from "./merge.js";
import { type Entry, Outbox, startKey, type Target, targetKey, unanswered } from "./outbox.js";
import { type Shared, share } from "./share.js";
import { Thread } from "./thread.js";
import {
  type Context,
  type Conversation,
  Failure,
  type Id,
  type ListPage,
  type ListQuery,
  type Me,
  type Member,
  type Message,
  type MessagePage,
  type Outgoing,
  type PresenceEvent,
  type ReadEvent,
  type Start,
  type Started,
  type TypingEvent,
  type Unread,
  type UnreadEvent,
} from "./types.js";

export interface ClientOptions {
  /** The location's prefix: "/api/messages". Without it the adapter's. */
  api?: string;
  /** What the site's profile changes; see `adapter.ts`. */
  adapter?: Adapter | null;
  /** For sign-in without cookies. */
  getToken?: () => string | null | Promise<string | null>;
  locale?: string;
  /** Where `messaging-worker.js` is; null: tabs agree on one of them that holds the stream. */
  worker?: string | URL | null;
}

/** Events of a client, by name, and their details. */
export interface ClientEvents {
  change: undefined;
  ready: Me;
  state: LiveState;
  /** Somebody else's message, come just now. */
  message: Message;
  /** One's own, stored. */
  sent: { entry: Entry; message: Message };
  /** One's own, come by the stream: written here, in another tab, or on another machine. */
  own: Message;
  typing: TypingEvent;
  read: ReadEvent;
  presence: PresenceEvent;
  failed: Entry;
  select: Id | null;
  unread: number;
  "signed-out": undefined;
}

const THREADS = 8; // kept loaded; an older one is loaded again when it is opened
const KEPT = 60_000; // ms, at least: a page may show more than those
const LOOKED_THROUGH = 5; // pages of 200, to find a conversation with somebody
const TYPING_SAID = 4000; // ms between two requests
const TYPING_HEARD = 10_000; // ms after which somebody has stopped
const PEOPLE = 9; // on one page; more is two sign-ins that fight for one stream

export class MessagingClient {
  readonly api: Api;
  me: Me | null = null;
  state: LiveState = "connecting";
  /** Since when the state is what it is: `Date.now()`. */
  since = Date.now();
  /** All unread messages; null until that is known. */
  unread: number | null = null;
  selected: Id | null = null;
  conversations = new Map<Id, Conversation>();
  /** Rises with every change of `conversations`. */
  version = 0;

  #events = new EventTarget();
  #options: ClientOptions;
  #stop: AbortController | null = null;
  #shared: Shared | null = null;
  #scope = "";
  /** How many have been forgotten. */
  #people = 0;
  #outbox: Outbox | null = null;
  #drafts: Drafts | null = null;
  #lists = new Set<ConversationList>();
  #threads = new Map<Id, Thread>();
  #asked = new Map<string, Promise<unknown>>();
  #targets = new Map<string, Id>();
  #presence = new Map<Id, Pick<Member, "online" | "lastSeenAt">>();
  #typers = new Map<string, TypingEvent & { timer: ReturnType<typeof setTimeout> }>();
  #typed = new Map<Id, number>();
  #reading = new Map<Id, number>();
  /** Unread by conversation; null where that is not known of all, undefined where nobody asked. */
  #counts?: Record<Id, number> | null;
  #asks = 0;
  #announced = false;

  constructor(options: ClientOptions = {}) {
    this.#options = options;
    this.api = new HttpApi({
      ...options,
      base: options.api,
      role: () => this.me?.role ?? null,
      fetch: async (...request) => {
        const people = this.#people;
        const response = await fetch(...request);
        // What somebody asked for who is gone is nobody's.
        if (people !== this.#people) throw new Error("signed out");
        if (response.status === 401) this.#turn("signed-out");
        return response;
      },
    });
  }

  on<Name extends keyof ClientEvents>(
    name: Name,
    listener: (detail: ClientEvents[Name]) => void,
  ): () => void {
    const heard = (event: Event) => listener((event as CustomEvent).detail);
    this.#events.addEventListener(name, heard);
    return () => this.#events.removeEventListener(name, heard);
  }

  // --- Connection

  /** Opens the stream that all tabs share. What is shown is fetched whenever it begins anew. */
  connect(): void {
    if (this.#stop) return;
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    document.addEventListener("visibilitychange", () => this.#look(), { signal });
    addEventListener("online", () => this.retry(), { signal });
    this.#open();
  }

  /** Now, whatever pause there is: the button "retry", or somebody has signed in. */
  retry(): void {
    this.#asked.clear();
    if (this.state === "signed-out") {
      // Who it is now has to be known before anything is sent for them.
      this.#turn("connecting");
    } else {
      this.#shared?.retry();
      this.#outbox?.wake();
    }
    for (const one of [...this.#lists, ...this.#threads.values()]) if (one.failure) void one.load();
    if (this.#counts === null) void this.countUnread();
    this.#change();
  }

  /** The page is done with it; nothing that was written is lost. */
  close(): void {
    this.#stop?.abort();
    this.#shared?.close();
    this.#outbox?.close();
    this.#stop = this.#shared = this.#outbox = null;
    this.state = "connecting"; // which it is, should it be opened again
    for (const { timer } of this.#typers.values()) clearTimeout(timer);
    this.#typers.clear();
  }

  /** Before the site's own sign-out: takes all that is kept in this browser away. */
  async signOut(): Promise<void> {
    this.#drafts?.clear();
    const cleared = this.#outbox?.clear();
    this.#forget();
    this.#turn("signed-out");
    await cleared;
  }

  #open(): void {
    if (!this.#stop || this.#shared) return;
    this.#shared = share({
      api: this.api,
      tokens: !!this.#options.getToken,
      worker: this.#options.worker,
      onEvent: (event) => this.#hear(event),
      onState: (state) => this.#turn(state),
    });
    this.#look();
  }

  #look(): void {
    const visible = document.visibilityState === "visible";
    this.#shared?.visible(visible);
    // Who was signed out may have signed in, in another tab.
    if (visible && this.state === "signed-out") this.retry();
  }

  #turn(state: LiveState): void {
    if (state === this.state) return;
    this.state = state;
    this.since = Date.now();
    this.#emit("state", state);
    if (state === "signed-out") {
      this.#shared?.close();
      this.#shared = null;
      this.#emit("signed-out");
    }
    if (state === "connecting") this.#open();
    if (state === "polling") this.#outbox?.wake(); // of a stream, `hello` does
    this.#change();
  }

  #hear({ type, data }: LiveEvent): void {
    if (type === "hello") {
      const { resumed, ...me } = data as Me & { resumed: boolean };
      this.#meet(me);
      if (!resumed) this.#refetch();
    } else if (type === "reset") {
      this.#refetch();
    } else if (type === "poll") {
      this.#refetch(data as Unread);
    } else if (type === "conversation") {
      this.#know(this.api.toConversation(data));
    } else if (type === "message") {
      this.#receive(this.api.toMessage(data), true);
    } else if (type === "unread") {
      this.#hearNumbers(data as UnreadEvent);
    } else if (type === "typing") {
      this.#hearTyping(data as TypingEvent);
    } else if (type === "presence") {
      const event = data as PresenceEvent;
      this.#presence.set(event.userId, event);
      this.#emit("presence", event);
      this.#change();
    } else if (type === "read") {
      const event = data as ReadEvent;
      this.#emit("read", event);
      const conversation = this.conversations.get(event.conversationId);
      if (event.member === conversation?.member) return; // one's own: `unread` has it
      const others = (conversation?.members.length ?? 3) - 1;
      this.#threads.get(event.conversationId)?.readBy(event, others);
    }
  }

  /** After a gap: what is open is fetched again, a thread when it is asked for. */
  #refetch(unread?: Unread): void {
    this.#asked.clear();
    for (const list of this.#lists) void list.load();
    for (const thread of this.#threads.values()) thread.stale = true;
    this.#counts &&= null;
    if (unread) this.#count(unread);
    else if (this.#counts === null) void this.countUnread();
    this.#change();
  }

  /** Who is signed in is known: their outbox and drafts are opened, another's are left. */
  #meet(me: Me): void {
    const scope = `${this.api.base}|${me.id}`;
    const another = this.#scope && scope !== this.#scope;
    if (another) this.#forget();
    const first = !this.me;
    this.me = me;
    this.#scope = scope;
    this.#drafts ??= new Drafts(scope);
    if (this.#stop) {
      this.#outbox ??= new Outbox({
        scope,
        deliver: (entry) => this.#deliver(entry),
        changed: (failed) => {
          if (failed) this.#emit("failed", failed);
          this.#change();
        },
        signedOut: () => {
          this.#forget();
          this.#turn("signed-out");
        },
      });
      this.#outbox.wake();
    }
    if (first) this.#emit("ready", me);
    this.#change();
    if (another) {
      // The stream may still be the other's.
      if (this.#people < PEOPLE) this.#shared?.retry();
      this.#refetch();
    }
  }

  /** Everything of somebody who is not there any more. */
  #forget(): void {
    this.#people++;
    this.#outbox?.close();
    this.#outbox = this.#drafts = this.me = this.unread = null;
    this.#counts &&= null;
    this.#scope = "";
    this.version++;
    for (const { timer } of this.#typers.values()) clearTimeout(timer);
    for (const all of [
      this.conversations,
      this.#threads,
      this.#asked,
      this.#targets,
      this.#presence,
      this.#typers,
      this.#typed,
      this.#reading,
    ]) {
      all.clear();
    }
    this.select(null);
    this.#change();
  }

  // --- What is known

  /** Loaded at once, and kept in step until `close()`. */
  list(query: ListQuery = {}): ConversationList {
    const list: ConversationList = new ConversationList(
      query,
      this,
      (page) => this.#take(page),
      () => this.#change(),
      () => this.#lists.delete(list),
    );
    this.#lists.add(list);
    void list.load();
    return list;
  }

  /** The messages of a conversation, the newest at first. Ask for it at each change: one that nobody
   *  asks for is not loaded again after a gap, and in time forgotten. */
  thread(id: Id): Thread {
    const thread = this.#threads.get(id) ?? new Thread(id, this, () => this.#change());
    thread.asked = Date.now();
    this.#threads.delete(id);
    this.#threads.set(id, thread);
    const [oldest] = this.#threads.values();
    if (this.#threads.size > THREADS && oldest!.asked < Date.now() - KEPT) {
      this.#threads.delete(oldest!.id);
    }
    if (thread.stale) void thread.load();
    return thread;
  }

  /** From what is known, else from the server. */
  async conversation(id: Id): Promise<Conversation> {
    return (
      this.conversations.get(id) ??
      this.#once(id, async () => this.#know(await this.api.conversation(id)))
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
          this.#take(page);
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

  #take(page: ListPage): void {
    if (page.me) this.#meet(page.me);
    for (const conversation of page.conversations) this.#know(conversation);
  }

  #know(now: Conversation): Conversation {
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
      this.#change();
    }
    return now;
  }

  #receive(message: Message, live: boolean): void {
    const { conversationId: id, senderId } = message;
    const old = this.conversations.get(id);
    if (old) this.#put(withMessage(old, message));
    else if (live) void this.conversation(id).catch(() => {});
    this.#threads.get(id)?.receive(message);
    this.#hearTyping({ conversationId: id, userId: senderId, name: null, typing: false });
    if (live) this.#emit(senderId === this.me?.id ? "own" : "message", message);
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
    this.#emit("unread", count);
    this.#change();
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

  // --- Writing

  get entries(): Entry[] {
    return this.#outbox?.entries ?? [];
  }

  /** What is on its way to a target, or was refused, and is not there yet. */
  unsent(target: Target): Entry[] {
    const place = (of: Target) => this.resolve(of) ?? targetKey(of);
    const here = place(target);
    const mine = this.entries.filter((entry) => place(entry.target) === here);
    const messages = this.#threads.get(here)?.messages ?? [];
    return unanswered(
      mine,
      messages.filter(({ senderId }) => senderId === this.me?.id),
    );
  }

  /** Shown at once and sent as soon as that is possible; throws where nobody is signed in. */
  send(target: Target, message: Outgoing): Entry {
    if (!this.#outbox) throw new Failure(401, "signed out");
    const id = this.resolve(target) ?? "";
    const known = this.conversations.get(id)?.lastSeq ?? 0;
    const after = Math.max(known, this.#threads.get(id)?.last ?? 0);
    this.#typed.delete(id);
    return this.#outbox.add(id ? { conversation: id } : target, message, after, newKey());
  }

  resend(key: string): void {
    this.#outbox?.retry(key);
  }

  discard(key: string): void {
    this.#outbox?.discard(key);
  }

  /** Opens a conversation, with a first message or without; a repeat needs the same key. */
  async start(start: Start, message: Outgoing | null = null, key = newKey()): Promise<Id> {
    return (await this.#start(start, message, key)).conversationId;
  }

  async #start(start: Start, message: Outgoing | null, key: string): Promise<Started> {
    const started = await this.api.start(start, message, key);
    const { conversationId: id } = started;
    if (start.kind !== "ticket") this.#targets.set(targetKey({ start }), id);
    if (started.conversation) this.#know(started.conversation);
    else await this.conversation(id).catch(() => {}); // it comes with the next list, else
    if (started.message) this.#receive(started.message, false);
    return started;
  }

  async change(id: Id, change: Change): Promise<Conversation> {
    return this.#know(await this.api.change(id, change, newKey()));
  }

  /** Call it with every key that is pressed. */
  typing(id: Id, typing: boolean): void {
    const said = this.#typed.get(id) ?? 0;
    if (typing ? Date.now() - said < TYPING_SAID : !said) return;
    this.#typed.set(id, typing ? Date.now() : 0);
    this.api.typing(id, typing).catch(() => {}); // in passing
  }

  draft(target: Target): string {
    return this.#drafts?.get(targetKey(target)) ?? "";
  }

  setDraft(target: Target, text: string): void {
    this.#drafts?.set(targetKey(target), text);
  }

  /** The conversation that the page shows, where it shows one. */
  select(id: Id | null): void {
    if (id === this.selected) return;
    this.selected = id;
    this.#emit("select", id);
    this.#change();
  }

  /** A `start` stays one, though its conversation is there by now: under its key the server may
   *  have stored that very request. */
  async #deliver(entry: Entry): Promise<Message | null> {
    const { target, message, key } = entry;
    const sent =
      "start" in target
        ? (await this.#start(target.start, message, key)).message
        : await this.api.send(target.conversation, message, key);
    if (!sent) return null;
    this.#receive(sent, false);
    this.#emit("sent", { entry, message: sent });
    return sent;
  }

  #hearTyping(event: TypingEvent): void {
    this.#emit("typing", event);
    const key = `${event.conversationId} ${event.userId}`;
    clearTimeout(this.#typers.get(key)?.timer);
    if (event.typing) {
      const timer = setTimeout(() => this.#hearTyping({ ...event, typing: false }), TYPING_HEARD);
      this.#typers.set(key, { ...event, timer });
    } else if (!this.#typers.delete(key)) {
      return;
    }
    this.#change();
  }

  // --- Saying so

  #emit<Name extends keyof ClientEvents>(name: Name, detail?: ClientEvents[Name]): void {
    this.#events.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** Once for all that a task changed. */
  #change(): void {
    if (this.#announced) return;
    this.#announced = true;
    queueMicrotask(() => {
      this.#announced = false;
      this.#emit("change");
    });
  }
}
