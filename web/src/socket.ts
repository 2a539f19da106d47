// For a page that was written for Socket.IO: its `io()`, as far as chat pages use it. Rooms are
// conversations; `send-message` goes through the outbox, so that it is neither lost nor doubled; what
// comes, comes by the one stream that all tabs share. Change the import, keep the page:
//
//   import { io } from "nginx-messaging/socket"; // was: "socket.io-client"

import type { Adapter } from "./core/adapter.js";
import { MessagingClient } from "./core/client.js";
import type { Entry, Target } from "./core/outbox.js";
import {
  Failure,
  type Message,
  type Outgoing,
  type PresenceEvent,
  type ReadEvent,
  type TypingEvent,
} from "./core/types.js";

type Value = string | number | null | undefined;
type Token = { token?: string | null };

/** In the several manners in which servers of old said it. */
export interface Answer {
  ok: boolean;
  success: boolean;
  status: "ok" | "error";
  message?: Message;
  error?: string;
}
type Acknowledge = (answer: Answer) => void;

export interface SocketOptions {
  /** The location's prefix; without it the profile's, else `/api/messages`. */
  api?: string;
  profile?: Adapter;
  /** A token for each request: given, asked for, or passed to a function as Socket.IO has it. */
  auth?: Token | ((done: (auth: Token) => void) => unknown);
  worker?: string;
  autoConnect?: boolean;
  /** What else Socket.IO takes (`path`, `transports`, …) has no meaning here. */
  [option: string]: unknown;
}

/** What pages send; ids may be numbers. With `receiverId` and no room: to that person. */
export interface SentMessage {
  content?: string;
  message?: string;
  text?: string;
  conversationId?: Value;
  roomId?: Value;
  room?: Value;
  receiverId?: Value;
  appointmentId?: Value;
  type?: string;
  data?: Record<string, unknown>;
}

type InRoom<Event> = Event & { roomId: string };

export interface SocketEvents {
  connect: () => void;
  /** Again, after it was lost. */
  reconnect: () => void;
  disconnect: (reason: string) => void;
  connect_error: (error: Error) => void;
  error: (error: Failure) => void;
  /** Of the rooms that were joined; one's own too, as a server tells it to a whole room. */
  "new-message": (message: InRoom<Message>) => void;
  message: (message: InRoom<Message>) => void;
  "message-sent": (message: InRoom<Message>) => void;
  typing: (event: InRoom<TypingEvent & { isTyping: boolean }>) => void;
  "user-typing": (event: InRoom<TypingEvent & { isTyping: boolean }>) => void;
  "stop-typing": (event: InRoom<TypingEvent>) => void;
  "messages-read": (event: InRoom<ReadEvent>) => void;
  "unread-count": (count: number) => void;
  "user-online": (event: PresenceEvent) => void;
  "user-offline": (event: PresenceEvent) => void;
}

// biome-ignore lint/suspicious/noExplicitAny: what a page expects of its own words, as Socket.IO has it.
type Listener = ((...values: any[]) => void) & { of?: Listener };

const DEFAULT = "/api/messages";
const HEARD = 50; // of one's own messages: those that may still be told twice, or waited for

export class MessagingSocket {
  connected = false;
  id: string | undefined;
  auth: SocketOptions["auth"];
  readonly client: MessagingClient;
  #listeners = new Map<string, Set<Listener>>();
  #any = new Set<Listener>();
  #rooms = new Set<string>();
  #waiting = new Map<string, { entry: Entry; acknowledge: Acknowledge | null }>();
  #own: Message[] = [];
  /** Said before it was known who is signed in. */
  #held: { work: () => void; refuse: () => void }[] = [];
  #was = false;

  constructor(options: SocketOptions = {}) {
    this.auth = options.auth;
    const client = new MessagingClient({
      api: options.api ?? (options.profile ? undefined : DEFAULT),
      adapter: options.profile,
      getToken: options.auth ? () => this.#token() : undefined,
      worker: options.worker,
    });
    this.client = client;
    client.on("state", (state) => {
      if (state === "signed-out") {
        for (const { refuse } of this.#held.splice(0)) refuse();
        this.#fire("connect_error", new Error("unauthorized"));
        this.#turn(false, "io server disconnect");
      } else {
        this.#turn(state !== "connecting", "transport close");
      }
    });
    client.on("ready", () => {
      for (const { work } of this.#held.splice(0)) work();
    });
    client.on("message", (message) => this.#tell(message));
    client.on("own", (message) => this.#tellOwn(message));
    client.on("sent", ({ entry, message }) => {
      this.#tellOwn(message);
      this.#answer(entry.key, message);
    });
    client.on("failed", (entry) => this.#refuse(entry));
    client.on("change", () => this.#look());
    client.on("unread", (count) => this.#fire("unread-count", count));
    client.on("typing", (event) => {
      const { conversationId: roomId, typing: isTyping } = event;
      if (!this.#hears(roomId)) return;
      for (const name of ["typing", "user-typing"])
        this.#fire(name, { ...event, isTyping, roomId });
      if (!isTyping) this.#fire("stop-typing", { ...event, roomId });
    });
    client.on("read", (event) => {
      const { conversationId: roomId } = event;
      if (this.#hears(roomId)) this.#fire("messages-read", { ...event, roomId });
    });
    client.on("presence", (event) => {
      this.#fire(event.online ? "user-online" : "user-offline", event);
    });
    if (options.autoConnect !== false) this.connect();
  }

  get disconnected(): boolean {
    return !this.connected;
  }

  get active(): boolean {
    return this.connected;
  }

  /** Its manager, which pages ask to tell them of `reconnect`; and what may get lost, which nothing is. */
  get io(): this {
    return this;
  }

  get volatile(): this {
    return this;
  }

  /** On a server, which may load the page's module too, nothing. */
  connect(): this {
    if (!globalThis.document) return this;
    if (this.client.state === "signed-out") this.client.retry();
    else this.client.connect();
    return this;
  }

  open(): this {
    return this.connect();
  }

  disconnect(): this {
    this.client.close();
    this.#turn(false, "io client disconnect");
    return this;
  }

  close(): this {
    return this.disconnect();
  }

  on<Name extends keyof SocketEvents>(event: Name, listener: SocketEvents[Name]): this;
  on(event: string, listener: Listener): this;
  on(event: string, listener: Listener): this {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
    if (event === "unread-count") this.client.countUnread();
    return this;
  }

  once<Name extends keyof SocketEvents>(event: Name, listener: SocketEvents[Name]): this;
  once(event: string, listener: Listener): this;
  once(event: string, listener: Listener): this {
    const heard: Listener = (...values) => {
      this.off(event, heard);
      listener(...values);
    };
    heard.of = listener;
    return this.on(event, heard);
  }

  off(event?: string, listener?: Listener): this {
    if (!event) this.#listeners.clear();
    else if (!listener) this.#listeners.delete(event);
    else {
      const listeners = this.#listeners.get(event) ?? new Set<Listener>();
      for (const one of listeners) {
        if (one === listener || one.of === listener) listeners.delete(one);
      }
    }
    return this;
  }

  removeListener(event: string, listener: Listener): this {
    return this.off(event, listener);
  }

  removeAllListeners(event?: string): this {
    return this.off(event);
  }

  onAny(listener: (event: string, ...values: unknown[]) => void): this {
    this.#any.add(listener);
    return this;
  }

  offAny(listener?: Listener): this {
    if (listener) this.#any.delete(listener);
    else this.#any.clear();
    return this;
  }

  emitWithAck(event: string, ...values: unknown[]): Promise<Answer> {
    return new Promise((done) => this.emit(event, ...values, done));
  }

  emit(event: string, ...values: unknown[]): this {
    const last = values.at(-1);
    const acknowledge = typeof last === "function" ? (last as Acknowledge) : null;
    const [value, second] = values as [SentMessage | string | number, unknown];
    const done = () => acknowledge?.(well());
    switch (event) {
      case "join":
      case "join-room":
      case "join-conversation":
        this.#rooms.add(named(value) ?? "");
        done();
        break;
      case "leave":
      case "leave-room":
      case "leave-conversation":
        this.#rooms.delete(named(value) ?? "");
        done();
        break;
      case "send-message":
      case "message":
        this.#whenKnown(() => this.#send(value, acknowledge), acknowledge);
        break;
      case "typing":
      case "start-typing":
      case "stop-typing": {
        const { typing, isTyping } = Object(value) as { typing?: boolean; isTyping?: boolean };
        const said = typing ?? isTyping ?? (typeof second === "boolean" ? second : true);
        const id = this.#room(value);
        if (id) this.client.typing(id, event !== "stop-typing" && said);
        done();
        break;
      }
      case "mark-read":
      case "mark-as-read":
        this.#whenKnown(() => void this.#readAll(value, acknowledge), acknowledge);
        break;
      default:
        console.warn(`messaging: nobody listens to "${event}"`);
    }
    return this;
  }

  async #token(): Promise<string | null> {
    const { auth } = this;
    if (typeof auth !== "function") return auth?.token ?? null;
    // Socket.IO's way is to call what it is given; one that gives a token, or a promise of it, may.
    const said = await new Promise<unknown>((done) => {
      const returned = auth(done);
      if (returned) done(returned);
    });
    return typeof said === "string" ? said : ((said as Token | null)?.token ?? null);
  }

  #turn(connected: boolean, reason: string): void {
    if (connected === this.connected) return;
    this.connected = connected;
    this.id = connected ? crypto.randomUUID?.() : undefined;
    if (connected) {
      this.#fire("connect");
      if (this.#was) this.#fire("reconnect");
      this.#was = true;
    } else {
      this.#fire("disconnect", reason);
    }
  }

  /** As Socket.IO keeps what is said before it is connected. */
  #whenKnown(work: () => void, acknowledge: Acknowledge | null): void {
    const refuse = () => this.#wrong(new Failure(401, "unauthorized"), acknowledge);
    if (this.client.me) work();
    else if (this.client.state === "signed-out") refuse();
    else this.#held.push({ work, refuse });
  }

  /** The conversation that is meant; where nothing is said, the only room there is. */
  #room(value: unknown): string | null {
    const id = named(value);
    if (id && id !== this.client.me?.id) return id;
    const to = one((Object(value) as SentMessage).receiverId);
    if (to) return this.client.resolve({ start: { members: [to] } });
    const rooms = [...this.#rooms].filter((room) => room && room !== this.client.me?.id);
    return rooms.length === 1 ? rooms[0]! : null;
  }

  #send(value: SentMessage | string | number, acknowledge: Acknowledge | null): void {
    const said: SentMessage = typeof value === "object" ? value : { content: String(value) };
    const id = this.#room(said);
    const to = one(said.receiverId);
    const target: Target | null = id
      ? { conversation: id }
      : to
        ? { start: { members: [to] } }
        : null;
    const { type, data } = said;
    const appointment = one(said.appointmentId);
    const message: Outgoing = {
      content: (said.content ?? said.message ?? said.text ?? "").trim(),
      ...(type ? { type } : {}),
      ...(data ? { data } : {}),
      ...(appointment ? { context: { type: "appointment", id: appointment } } : {}),
    };
    try {
      if (!target || !message.content) throw new Failure(400, "a room and a text are needed");
      const entry = this.client.send(target, message);
      this.#waiting.set(entry.key, { entry, acknowledge });
    } catch (error) {
      this.#wrong(error as Failure, acknowledge);
    }
  }

  async #readAll(value: unknown, acknowledge: Acknowledge | null): Promise<void> {
    try {
      const id = this.#room(value);
      if (!id) throw new Failure(400, "a room is needed");
      const { lastSeq } = await this.client.conversation(id);
      await this.client.read(id, lastSeq);
      acknowledge?.(well());
    } catch (error) {
      this.#wrong(error as Failure, acknowledge);
    }
  }

  #wrong(failure: Failure, acknowledge: Acknowledge | null): void {
    acknowledge?.({ ok: false, success: false, status: "error", error: failure.message });
    this.#fire("error", failure);
  }

  #answer(key: string, message: Message): void {
    this.#waiting.get(key)?.acknowledge?.(well(message));
    this.#waiting.delete(key);
  }

  #refuse({ key, problem }: Entry): void {
    const { acknowledge = null } = this.#waiting.get(key) ?? {};
    this.#waiting.delete(key);
    this.#wrong(new Failure(problem?.status ?? 0, problem?.text ?? ""), acknowledge);
  }

  /** Another tab may have sent it: that one hears the answer, and here it is gone. */
  #look(): void {
    if (this.#waiting.size === 0 || !this.client.me) return;
    const entries = new Map(this.client.entries.map((entry) => [entry.key, entry]));
    // Of a copy: who is not found is waited for again, and would be met again.
    for (const [key, { entry }] of [...this.#waiting]) {
      const now = entries.get(key);
      if (now?.problem) this.#refuse(now);
      else if (!now) void this.#find(entry);
    }
  }

  async #find(entry: Entry): Promise<void> {
    const waiting = this.#waiting.get(entry.key)!;
    const { acknowledge } = waiting;
    this.#waiting.delete(entry.key);
    if (!acknowledge) return;
    const meant = (one: Message) =>
      one.senderId === this.client.me?.id &&
      one.content === entry.message.content &&
      one.seq > entry.after;
    let message = this.#own.find(meant);
    const id = this.client.resolve(entry.target);
    if (!message && id) {
      const page = await this.client.api.history(id).catch(() => null);
      message = page?.messages.find(meant);
    }
    if (message) acknowledge(well(message));
    else this.#waiting.set(entry.key, waiting); // it is not there yet: a later look finds it
  }

  /** Who joined no room, or the one of their own id, hears all. */
  #hears(roomId: string): boolean {
    const rooms = this.#rooms;
    return rooms.size === 0 || rooms.has(roomId) || rooms.has(this.client.me?.id ?? "");
  }

  #tell(message: Message): void {
    const { conversationId: roomId } = message;
    if (!this.#hears(roomId)) return;
    for (const name of ["new-message", "message"]) this.#fire(name, { ...message, roomId });
  }

  /** By the stream and by the answer, whichever is first. */
  #tellOwn(message: Message): void {
    if (this.#own.some(({ id }) => id === message.id)) return;
    this.#own = [...this.#own.slice(1 - HEARD), message];
    this.#fire("message-sent", { ...message, roomId: message.conversationId });
    this.#tell(message);
  }

  #fire(event: string, ...values: unknown[]): void {
    for (const listener of [...this.#any]) listener(event, ...values);
    for (const listener of [...(this.#listeners.get(event) ?? [])]) listener(...values);
  }
}

const well = (message?: Message): Answer => ({
  ok: true,
  success: true,
  status: "ok",
  ...(message ? { message } : {}),
});

/** An id as a string; null and "" name nothing. */
function one(value: unknown): string | null {
  return value === null || value === undefined || value === "" ? null : String(value);
}

function named(value: unknown): string | null {
  if (typeof value !== "object" || !value) return one(value);
  const { conversationId, roomId, room } = value as SentMessage;
  return one(conversationId) ?? one(roomId) ?? one(room);
}

/**
 * `io(options)`, or `io(address, options)`. An address with a path is the API's; one without is where
 * the server of old was, and the API is on the page's own origin.
 */
export function io(address?: string | SocketOptions, options: SocketOptions = {}): MessagingSocket {
  if (typeof address !== "string") return new MessagingSocket(address);
  const { pathname } = new URL(address, globalThis.location?.href ?? "http://localhost");
  return new MessagingSocket(pathname === "/" ? options : { api: address, ...options });
}

export { io as connect, MessagingSocket as Socket };
export default io;
