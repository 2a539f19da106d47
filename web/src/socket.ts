// For a page that was written for Socket.IO: its `io()`, as far as chat pages use it. Rooms are
// conversations; `send-message` goes through the outbox, so that it is neither lost nor doubled; what
// comes, comes by the one stream that all tabs share. Change the import, keep the page.
//
//   import { io } from "nginx-messaging/socket";
//   const socket = io({ api: "/api/messages", profile });
//   socket.emit("join-room", conversationId);
//   socket.on("new-message", (message) => …);

import type { Adapter } from "./core/adapter.js";
import { MessagingClient } from "./core/client.js";
import type { Entry, Target } from "./core/outbox.js";
import { Failure, type Message, type Outgoing } from "./core/types.js";

type Listener = (...values: never[]) => void;
type Acknowledge = (answer: { ok: boolean; message?: Message; error?: string }) => void;

export interface SocketOptions {
  /** The location's prefix; without it the profile's. */
  api?: string;
  profile?: Adapter;
  auth?: { token?: string } | (() => Promise<string>);
  worker?: string;
  autoConnect?: boolean;
}

/** What pages send; ids may be numbers. With `receiverId` and no room: to that person. */
export interface SentMessage {
  content?: string;
  message?: string;
  text?: string;
  conversationId?: string | number;
  roomId?: string | number;
  receiverId?: string | number;
  appointmentId?: string | number;
  type?: string;
  data?: Record<string, unknown>;
}

/**
 * Events: `connect`, `disconnect` (reason), `connect_error` (Error), `new-message` and `message`
 * (Message, with `roomId`), `message-sent`, `typing` and `user-typing` ({roomId, userId, name,
 * typing}), `stop-typing`, `messages-read`, `unread-count` (number), `user-online`, `user-offline`.
 */
export class MessagingSocket {
  connected = false;
  readonly client: MessagingClient;
  #listeners = new Map<string, Set<Listener>>();
  #rooms = new Set<string>();
  #waiting = new Map<string, Acknowledge>();

  constructor(options: SocketOptions = {}) {
    const { auth } = options;
    const token = typeof auth === "function" ? auth : auth?.token ? () => auth.token! : undefined;
    const client = new MessagingClient({
      api: options.api,
      adapter: options.profile,
      getToken: token,
      worker: options.worker,
    });
    this.client = client;
    client.on("state", (state) => {
      const connected = state === "open" || state === "polling";
      if (state === "signed-out") this.#fire("connect_error", new Error("unauthorized"));
      if (connected === this.connected) return;
      this.connected = connected;
      if (connected) this.#fire("connect");
      else
        this.#fire(
          "disconnect",
          state === "signed-out" ? "io server disconnect" : "transport close",
        );
    });
    client.on("message", (message) => this.#tell(message));
    client.on("sent", ({ entry, message }) => {
      this.#tell(message);
      this.#waiting.get(entry.key)?.({ ok: true, message });
      this.#waiting.delete(entry.key);
    });
    client.on("failed", (entry) => this.#refuse(entry));
    client.on("unread", (count) => this.#fire("unread-count", count));
    client.on("typing", (event) => {
      const { conversationId: roomId } = event;
      for (const name of ["typing", "user-typing"]) this.#fire(name, { ...event, roomId });
      if (!event.typing) this.#fire("stop-typing", { ...event, roomId });
    });
    if (options.autoConnect !== false) this.connect();
  }

  get disconnected(): boolean {
    return !this.connected;
  }

  connect(): this {
    this.client.connect();
    return this;
  }

  disconnect(): this {
    this.client.close();
    if (this.connected) {
      this.connected = false;
      this.#fire("disconnect", "io client disconnect");
    }
    return this;
  }

  close(): this {
    return this.disconnect();
  }

  on(event: string, listener: Listener): this {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
    return this;
  }

  once(event: string, listener: Listener): this {
    const heard = ((...values: never[]) => {
      this.off(event, heard);
      listener(...values);
    }) as Listener;
    return this.on(event, heard);
  }

  off(event?: string, listener?: Listener): this {
    if (!event) this.#listeners.clear();
    else if (listener) this.#listeners.get(event)?.delete(listener);
    else this.#listeners.delete(event);
    return this;
  }

  removeAllListeners(event?: string): this {
    return this.off(event);
  }

  emit(event: string, ...values: unknown[]): this {
    const last = values.at(-1);
    const acknowledge = typeof last === "function" ? (last as Acknowledge) : null;
    const [value] = values as [SentMessage | string | number];
    switch (event) {
      case "join":
      case "join-room":
      case "join-conversation":
        this.#rooms.add(room(value));
        acknowledge?.({ ok: true });
        break;
      case "leave":
      case "leave-room":
      case "leave-conversation":
        this.#rooms.delete(room(value));
        acknowledge?.({ ok: true });
        break;
      case "send-message":
      case "message":
        this.#send(value as SentMessage, acknowledge);
        break;
      case "typing":
      case "start-typing":
        this.client.typing(room(value), (value as { typing?: boolean }).typing ?? true);
        break;
      case "stop-typing":
        this.client.typing(room(value), false);
        break;
      case "mark-read":
      case "mark-as-read":
        void this.#readAll(room(value));
        break;
      default:
        console.warn(`messaging: nobody listens to "${event}"`);
    }
    return this;
  }

  #send(said: SentMessage, acknowledge: Acknowledge | null): void {
    const id = said.conversationId ?? said.roomId;
    const only = this.#rooms.size === 1 ? [...this.#rooms][0] : undefined;
    const to = said.receiverId;
    const target: Target | null =
      id !== undefined
        ? { conversation: String(id) }
        : to !== undefined
          ? { start: { members: [String(to)] } }
          : only
            ? { conversation: only }
            : null;
    const { type, data, appointmentId } = said;
    const message: Outgoing = {
      content: (said.content ?? said.message ?? said.text ?? "").trim(),
      ...(type ? { type } : {}),
      ...(data ? { data } : {}),
      ...(appointmentId ? { context: { type: "appointment", id: String(appointmentId) } } : {}),
    };
    try {
      if (!target || !message.content) throw new Failure(400, "a room and a text are needed");
      const entry = this.client.send(target, message);
      if (acknowledge) this.#waiting.set(entry.key, acknowledge);
    } catch (error) {
      acknowledge?.({ ok: false, error: (error as Error).message });
      this.#fire("error", error);
    }
  }

  async #readAll(id: string): Promise<void> {
    const { lastSeq } = await this.client.conversation(id);
    await this.client.read(id, lastSeq);
  }

  #refuse(entry: Entry): void {
    const error = entry.problem?.text ?? "";
    this.#waiting.get(entry.key)?.({ ok: false, error });
    this.#waiting.delete(entry.key);
    this.#fire("error", new Failure(entry.problem?.status ?? 0, error));
  }

  /** As a server would tell a room; who joined none, or the one of their own id, hears all. */
  #tell(message: Message): void {
    const { conversationId: roomId, senderId } = message;
    const me = this.client.me?.id ?? "";
    if (senderId === me) this.#fire("message-sent", { ...message, roomId });
    const rooms = this.#rooms;
    if (rooms.size > 0 && !rooms.has(roomId) && !rooms.has(me)) return;
    for (const name of ["new-message", "message"]) this.#fire(name, { ...message, roomId });
  }

  #fire(event: string, ...values: unknown[]): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) {
      (listener as (...values: unknown[]) => void)(...values);
    }
  }
}

function room(value: unknown): string {
  const named = value as { conversationId?: unknown; roomId?: unknown; room?: unknown };
  const id =
    typeof value === "object" ? (named.conversationId ?? named.roomId ?? named.room) : value;
  return String(id);
}

/** `io(options)`, or `io(address, options)` as Socket.IO has it: then the address is the API's. */
export function io(api?: string | SocketOptions, options: SocketOptions = {}): MessagingSocket {
  return new MessagingSocket(typeof api === "string" ? { api, ...options } : api);
}

export default io;
