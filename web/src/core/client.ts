// The headless client: what one person sees of one site's messaging, kept in step with the server,
// and all that they can do. Components show it; a page may use it without them. It says "change"
// when anything changed (at most once a task) and keeps objects that did not the same.

import type { Adapter } from "./adapter.js";
import type { Api, Change } from "./api.js";
import { newKey } from "./backoff.js";
import { Drafts } from "./drafts.js";
import { HttpApi } from "./http.js";
import { ConversationList } from "./list.js";
import type { LiveEvent, LiveState } from "./live.js";
import { mergeConversation, withMessage, withNumbers } from "./merge.js";
import { type Entry, Outbox, type Target, targetKey, unanswered } from "./outbox.js";
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
  typing: TypingEvent;
  failed: Entry;
  select: Id | null;
  unread: number;
  "signed-out": undefined;
}

const THREADS = 8; // kept loaded; an older one is loaded again when it is opened
const LOOKED_THROUGH = 1000; // conversations, to find one with somebody
const TYPING_SAID = 4000; // ms between two requests
const TYPING_HEARD = 10_000; // ms after which somebody has stopped

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
  #shared: Shared | null = null;
  #outbox: Outbox | null = null;
  #drafts = new Drafts("");
  #scope = "";
  #threads = new Map<Id, Thread>();
  #lists = new Set<ConversationList>();
  #found = new Map<string, Promise<Conversation | null>>();
  #targets = new Map<string, Id>();
  #sought = new Map<string, number>();
  #typers = new Map<string, { event: TypingEvent; timer: ReturnType<typeof setTimeout> }>();
  #typed = new Map<Id, number>();
  #presence = new Map<Id, Pick<Member, "online" | "lastSeenAt">>();
  #counts: Record<Id, number> | null = null;
  #counting: Promise<void> | null = null;
  #recount = false;
  #counted = false;
  #reading = new Map<Id, number>();
  #announced = false;
  #stop = new AbortController();

  constructor(options: ClientOptions = {}) {
    this.#options = options;
    this.api = new HttpApi({
      base: options.api,
      adapter: options.adapter,
      getToken: options.getToken,
      locale: options.locale,
      role: () => this.me?.role ?? null,
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
    if (this.#shared) return;
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.#shared = share({
      base: this.api.base,
      live: this.api.live,
      headers: () => this.api.headers(),
      tokens: !!this.#options.getToken,
      worker: this.#options.worker ?? null,
      onEvent: (event) => this.#hear(event),
      onState: (state) => this.#turn(state),
    });
    const seen = () => {
      const visible = document.visibilityState === "visible";
      this.#shared?.visible(visible);
      // Who was signed out may have signed in, in another tab.
      if (visible && this.state === "signed-out") this.retry();
    };
    document.addEventListener("visibilitychange", seen, { signal });
    addEventListener("online", () => this.retry(), { signal });
    seen();
  }

  /** Now, whatever pause there is: the button "retry", or somebody has signed in. */
  retry(): void {
    if (this.state === "signed-out") this.#turn("connecting");
    this.#shared?.retry();
    this.#outbox?.wake();
    for (const list of this.#lists) if (list.failure) void list.load();
    for (const thread of this.#threads.values()) if (thread.failure) void thread.refresh();
  }

  /** The page is done with it; nothing that was written is lost. */
  close(): void {
    this.#stop.abort();
    this.#shared?.close();
    this.#shared = null;
    this.#outbox?.close();
    this.#outbox = null;
    for (const { timer } of this.#typers.values()) clearTimeout(timer);
  }

  /** Before the site's own sign-out: takes all that is kept in this browser away. */
  async signOut(): Promise<void> {
    this.#drafts.clear();
    await this.#outbox?.clear();
    this.#forget();
    this.#turn("signed-out");
  }

  #turn(state: LiveState): void {
    if (state === this.state) return;
    this.state = state;
    this.since = Date.now();
    this.#emit("state", state);
    if (state === "signed-out") {
      this.#shared?.close();
      this.#shared = null;
      this.#emit("signed-out", undefined);
    } else if (state === "connecting" && !this.#shared) {
      this.connect();
    } else if (state !== "connecting") {
      this.#outbox?.wake();
    }
    this.#change();
  }

  #hear({ type, data }: LiveEvent): void {
    switch (type) {
      case "hello": {
        const hello = data as Me & { resumed: boolean };
        this.#meet(hello);
        if (!hello.resumed) this.#refetch();
        break;
      }
      case "poll":
        this.#count(data as Unread);
        this.#refetch();
        break;
      case "reset":
        this.#refetch();
        break;
      case "conversation":
        this.#know(this.api.toConversation(data));
        break;
      case "message":
        this.#receive(this.api.toMessage(data), true);
        break;
      case "unread":
        this.#hearNumbers(data as UnreadEvent);
        break;
      case "read": {
        const event = data as ReadEvent;
        const conversation = this.conversations.get(event.conversationId);
        if (event.member === conversation?.member) break; // one's own: `unread` has it
        const others = (conversation?.members.length ?? 2) - 1;
        this.#threads.get(event.conversationId)?.readBy(event, others);
        break;
      }
      case "typing":
        this.#hearTyping(data as TypingEvent);
        break;
      case "presence": {
        const { userId, online, lastSeenAt } = data as PresenceEvent;
        this.#presence.set(userId, { online, lastSeenAt });
        this.#change();
      }
    }
  }

  /** After a gap: what is open is fetched again, and nothing else. */
  #refetch(): void {
    for (const list of this.#lists) void list.load();
    for (const thread of this.#threads.values()) {
      if (thread.loaded || thread.loading) void thread.refresh();
    }
    if (this.#counted) this.countUnread();
  }

  /** Who is signed in is known: their outbox and drafts are opened, another's are left. */
  #meet(me: Me): void {
    const scope = `${new URL(this.api.base, location.href).href}|${me.id}`;
    if (scope !== this.#scope) {
      if (this.#scope) this.#forget();
      this.#scope = scope;
      this.#drafts = new Drafts(scope);
      this.#outbox = new Outbox({
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
    }
    const { id, role, name, teams } = me;
    const first = this.me === null;
    this.me = { id, role, name, teams };
    if (first) this.#emit("ready", this.me);
    this.#change();
  }

  /** Everything of somebody who is not there any more. */
  #forget(): void {
    this.#outbox?.close();
    this.#outbox = null;
    this.#scope = "";
    this.me = null;
    this.unread = null;
    this.#counts = null;
    this.conversations = new Map();
    this.version++;
    this.#threads.clear();
    this.#found.clear();
    this.#targets.clear();
    this.#sought.clear();
    this.#presence.clear();
    this.select(null);
    this.#change();
  }

  // --- What is known

  /** Loaded at once, and kept in step until `close()`. */
  list(query: ListQuery = {}): ConversationList {
    const list = new ConversationList(
      query,
      this.api,
      this,
      (page) => this.#take(page),
      () => this.#change(),
    );
    const close = list.close.bind(list);
    list.close = () => {
      this.#lists.delete(list);
      close();
    };
    this.#lists.add(list);
    void list.load().then(() => this.#notice(list.failure));
    return list;
  }

  /** The messages of a conversation; the newest are loaded at once. */
  thread(id: Id): Thread {
    let thread = this.#threads.get(id);
    if (!thread) {
      thread = new Thread(
        id,
        this.api,
        () => this.me?.id,
        () => this.#change(),
      );
      const created = thread;
      void thread.refresh().then(() => this.#notice(created.failure));
    }
    this.#threads.delete(id);
    this.#threads.set(id, thread);
    if (this.#threads.size > THREADS) this.#threads.delete(this.#threads.keys().next().value!);
    return thread;
  }

  /** From what is known, else from the server. */
  async conversation(id: Id): Promise<Conversation> {
    const known = this.conversations.get(id);
    if (known) return known;
    return this.#try(async () => this.#know(await this.api.conversation(id)));
  }

  /** The conversation that a `start` would find; null where there is none yet. */
  find(start: Start): Promise<Conversation | null> {
    const key = targetKey({ start });
    let found = this.#found.get(key);
    if (!found) {
      found = this.#try(() => this.#lookFor(start));
      found.catch(() => this.#found.delete(key));
      this.#found.set(key, found);
    }
    return found;
  }

  async #lookFor(start: Start): Promise<Conversation | null> {
    const { context } = start;
    const query: ListQuery = { limit: 200 };
    if (context) query.context = `${context.type}:${context.id}`;
    let looked = 0;
    for (;;) {
      const page = await this.api.list(query);
      this.#take(page);
      const found = page.conversations.find((one) => matches(one, start));
      looked += page.conversations.length;
      if (found) {
        this.#targets.set(targetKey({ start }), found.id);
        return found;
      }
      if (!page.nextCursor || looked >= LOOKED_THROUGH) return null;
      query.cursor = page.nextCursor;
    }
  }

  /** The conversation of a target, as soon as it has one: whoever opened it. */
  resolve(target: Target): Id | null {
    if ("conversation" in target) return target.conversation;
    const key = targetKey(target);
    const known = this.#targets.get(key);
    if (known || this.#sought.get(key) === this.version) return known ?? null;
    this.#sought.set(key, this.version);
    for (const one of this.conversations.values()) {
      if (matches(one, target.start)) this.#targets.set(key, one.id);
    }
    return this.#targets.get(key) ?? null;
  }

  /**
   * Somebody, and what one writes to them about: the conversation's own context, or each message's
   * where the site's profile has it so.
   */
  about(start: Start): { target: Target; context?: Context } {
    const { context, ...plain } = start;
    return context && this.api.ofMessage(context.type)
      ? { target: { start: plain }, context }
      : { target: { start } };
  }

  presence(member: Member): Pick<Member, "online" | "lastSeenAt"> {
    return this.#presence.get(member.id) ?? member;
  }

  typers(id: Id): TypingEvent[] {
    return [...this.#typers.values()]
      .map(({ event }) => event)
      .filter((event) => event.conversationId === id);
  }

  /** The other members, as this person sees the conversation. */
  others(conversation: Conversation): Member[] {
    return conversation.members.filter(({ id }) => id !== conversation.member);
  }

  async search(q: string, cursor?: string, signal?: AbortSignal): Promise<MessagePage> {
    return this.#try(() => this.api.search(q, cursor, signal));
  }

  #take(page: ListPage): void {
    if (page.me) {
      // Another has signed in since the stream began.
      if (this.me && this.me.id !== page.me.id) this.#shared?.retry();
      this.#meet(page.me);
    }
    for (const conversation of page.conversations) this.#know(conversation);
  }

  #know(now: Conversation): Conversation {
    const old = this.conversations.get(now.id);
    const merged = mergeConversation(old, now);
    for (const { id, online, lastSeenAt } of now.members) {
      if (online !== null) this.#presence.set(id, { online, lastSeenAt });
    }
    this.#put(merged, old);
    return merged;
  }

  #put(now: Conversation, old: Conversation | undefined): void {
    if (now === old) return;
    this.conversations.set(now.id, now);
    this.version++;
    this.#change();
  }

  #receive(message: Message, live: boolean): void {
    const { conversationId: id, senderId } = message;
    const old = this.conversations.get(id);
    if (old) this.#put(withMessage(old, message), old);
    else if (live) void this.conversation(id).catch(() => {});
    this.#threads.get(id)?.receive(message);
    const typer = this.#typers.get(`${id} ${senderId}`);
    if (typer) this.#hearTyping({ ...typer.event, typing: false });
    if (live && senderId !== this.me?.id) this.#emit("message", message);
  }

  // --- Unread

  /** From now on `unread` is known and kept. */
  countUnread(): void {
    this.#counted = true;
    if (this.#counting) {
      this.#recount = true;
      return;
    }
    this.#counting = this.#try(() => this.api.unread())
      .then((unread) => this.#count(unread))
      .catch(() => {})
      .finally(() => {
        this.#counting = null;
        if (this.#recount) this.countUnread();
      });
    this.#recount = false;
  }

  #count(unread: Unread): void {
    const counts = { ...unread.conversations };
    const named = Object.values(counts).reduce((sum, one) => sum + one, 0);
    // Where some are not named (a site's own answer, or very many), each change is counted anew.
    this.#counts = named === unread.count ? counts : null;
    this.#setUnread(unread.count);
  }

  #setUnread(count: number): void {
    if (count === this.unread) return;
    this.unread = count;
    this.#emit("unread", count);
    this.#change();
  }

  #hearNumbers(numbers: UnreadEvent): void {
    const { conversationId: id, member, unreadCount } = numbers;
    const old = this.conversations.get(id);
    if (old && member !== old.member) return; // the team's, where one is there in person
    if (old) this.#put(withNumbers(old, numbers), old);
    if (!this.#counted) return;
    if (!this.#counts || this.#counting) {
      this.countUnread(); // the answer that is on its way may be of before or after
    } else {
      const now = old ? (this.conversations.get(id)?.unreadCount ?? 0) : unreadCount;
      this.#setUnread((this.unread ?? 0) + now - (this.#counts[id] ?? 0));
      this.#counts[id] = now;
    }
  }

  /** `seq` was seen, by somebody who looks. */
  async read(id: Id, seq: number): Promise<void> {
    const conversation = this.conversations.get(id);
    if (!conversation || conversation.readSeq >= seq || conversation.unreadCount === 0) return;
    if ((this.#reading.get(id) ?? 0) >= seq) return;
    this.#reading.set(id, seq);
    try {
      const numbers = await this.#try(() => this.api.read(id, seq));
      const old = this.conversations.get(id);
      if (old) this.#put(withNumbers(old, numbers), old);
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
    const id = this.resolve(target);
    const key = targetKey(target);
    const mine = this.entries.filter(
      (entry) => targetKey(entry.target) === key || (id && this.resolve(entry.target) === id),
    );
    const own = this.#threads.get(id ?? "")?.messages.filter((one) => one.senderId === this.me?.id);
    return mine.length > 0 ? unanswered(mine, own ?? []) : mine;
  }

  /** Shown at once and sent as soon as that is possible; throws where nobody is signed in. */
  send(target: Target, message: Outgoing): Entry {
    if (!this.#outbox) throw new Failure(401, "nobody is signed in");
    const id = this.resolve(target);
    const after = id ? (this.conversations.get(id)?.lastSeq ?? 0) : 0;
    this.#typed.delete(id ?? "");
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
    return (await this.#open(start, message, key)).conversationId;
  }

  async #open(start: Start, message: Outgoing | null, key: string): Promise<Started> {
    const started = await this.#try(() => this.api.start(start, message, key));
    const { conversationId: id } = started;
    if (start.kind !== "ticket") this.#targets.set(targetKey({ start }), id);
    this.#found.delete(targetKey({ start }));
    if (started.conversation) this.#know(started.conversation);
    else await this.conversation(id).catch(() => {}); // it comes with the next list, else
    if (started.message) this.#receive(started.message, false);
    return started;
  }

  async change(id: Id, change: Change): Promise<Conversation> {
    return this.#try(async () => this.#know(await this.api.change(id, change, newKey())));
  }

  /** Call it with every key that is pressed. */
  typing(id: Id, typing: boolean): void {
    const said = this.#typed.get(id) ?? 0;
    if (typing ? Date.now() - said < TYPING_SAID : said === 0) return;
    this.#typed.set(id, typing ? Date.now() : 0);
    this.api.typing(id, typing).catch(() => {}); // in passing
  }

  draft(target: Target): string {
    return this.#drafts.get(targetKey(target));
  }

  setDraft(target: Target, text: string): void {
    this.#drafts.set(targetKey(target), text);
  }

  /** The conversation that the page shows, where it shows one. */
  select(id: Id | null): void {
    if (id === this.selected) return;
    this.selected = id;
    this.#emit("select", id);
    this.#change();
  }

  async #deliver(entry: Entry): Promise<void> {
    const { target, message, key } = entry;
    const id = this.resolve(target);
    if (id) {
      const sent = await this.#try(() => this.api.send(id, message, key));
      this.#receive(sent, false);
      this.#emit("sent", { entry, message: sent });
    } else if ("start" in target) {
      const { message: sent } = await this.#open(target.start, message, key);
      if (sent) this.#emit("sent", { entry, message: sent });
    }
  }

  #hearTyping(event: TypingEvent): void {
    this.#emit("typing", event);
    const key = `${event.conversationId} ${event.userId}`;
    clearTimeout(this.#typers.get(key)?.timer);
    if (event.typing) {
      const timer = setTimeout(() => this.#hearTyping({ ...event, typing: false }), TYPING_HEARD);
      this.#typers.set(key, { event, timer });
    } else {
      this.#typers.delete(key);
    }
    this.#change();
  }

  // --- Saying so

  async #try<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.#notice(error as Failure);
      throw error;
    }
  }

  #notice(failure: Failure | null): void {
    if (failure?.status === 401) this.#turn("signed-out");
  }

  #emit<Name extends keyof ClientEvents>(name: Name, detail: ClientEvents[Name]): void {
    this.#events.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** Once for all that a task changed. */
  #change(): void {
    if (this.#announced) return;
    this.#announced = true;
    queueMicrotask(() => {
      this.#announced = false;
      this.#emit("change", undefined);
    });
  }
}

function matches(one: Conversation, { members, context, kind = "direct" }: Start): boolean {
  return (
    one.kind === kind &&
    one.context?.type === context?.type &&
    one.context?.id === context?.id &&
    one.members.length === new Set([...members, one.member]).size &&
    members.every((id) => one.members.some((member) => member.id === id))
  );
}
