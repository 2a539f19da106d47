// The API by fetch. What the adapter does not name is canonical, under `base`; what it has routes for
// routes.ts finds. What comes back has canonical names again.

import type { Adapter, Method, OperationName } from "./adapter.js";
import type { Api, ApiOptions, Change } from "./api.js";
import type { Names, Values, Way } from "./routes.js";
import {
  type Conversation,
  Failure,
  type Id,
  type ListPage,
  type ListQuery,
  type Me,
  type Message,
  type MessagePage,
  type Outgoing,
  type ReadNumbers,
  type Start,
  type Started,
  type Unread,
} from "./types.js";

/** What an answer may be; `take` throws where it is not. */
interface Body extends Values {
  me?: Me | null;
  conversation?: unknown;
  conversations: unknown[];
  message?: unknown;
  messages: unknown[];
  nextCursor?: string | null;
}

interface Extra {
  key?: string;
  signal?: AbortSignal;
  /** What members are called. */
  names?: Names;
  /** Whom it is for, as it was when it was asked for: by the time that it goes out another may be
   *  there. */
  me?: Me | null;
}

/** The stream is not asked for here, and its status by nobody. */
type Asked = Exclude<OperationName, "status" | "stream">;

const ONE = "/conversations/:conversation";
const CANONICAL: Record<Asked, `${Method} ${string}`> = {
  start: "POST /conversations",
  list: "GET /conversations",
  conversation: `GET ${ONE}`,
  change: `PATCH ${ONE}`,
  send: `POST ${ONE}/messages`,
  history: `GET ${ONE}/messages`,
  read: `PATCH ${ONE}/read`,
  typing: `POST ${ONE}/typing`,
  search: "GET /search",
  unread: "GET /unread-count",
};

export class HttpApi implements Api {
  readonly base: string;
  readonly adapter?: Adapter | null;
  #options: ApiOptions;

  constructor(options: ApiOptions) {
    this.#options = options;
    this.adapter = options.adapter;
    this.base = (options.base ?? this.adapter?.base ?? "").replace(/\/+$/, "");
  }

  list(query: ListQuery = {}, signal?: AbortSignal): Promise<ListPage> {
    return this.#ask(
      "list",
      query,
      ({ me = null, conversations, nextCursor = null }) => ({
        me,
        conversations: conversations.map(this.toConversation),
        nextCursor,
      }),
      { signal },
    );
  }

  conversation(conversation: Id): Promise<Conversation> {
    return this.#ask("conversation", { conversation }, this.toConversation);
  }

  async start(start: Start, message: Outgoing | null, key: string): Promise<Started> {
    const { names = {}, ...opened } = start;
    const { content, ...more } = message ?? {};
    const me = this.#options.me?.();
    let rest: boolean | undefined;
    const started = await this.#ask(
      "start",
      { ...opened, content, ...(Object.keys(more)[0] && { message: more }) },
      (body, { later }): Started => {
        rest = later;
        const conversation = body.conversation ? this.toConversation(body.conversation) : null;
        const sent = body.message ? this.toMessage(body.message) : null;
        const conversationId = conversation?.id ?? sent!.conversationId;
        return { conversationId, conversation, message: sent };
      },
      { key, names, me },
    );
    if (rest) started.message = await this.send(started.conversationId, message!, key, me);
    return started;
  }

  send(conversation: Id, message: Outgoing, key: string, me?: Me | null): Promise<Message> {
    return this.#ask("send", { conversation, ...message }, this.toMessage, { key, me });
  }

  history(
    conversation: Id,
    page: { before?: number | string; after?: number | string; limit?: number } = {},
  ): Promise<MessagePage> {
    return this.#ask("history", { conversation, ...page }, this.#page);
  }

  read(conversation: Id, seq: number): Promise<ReadNumbers> {
    return this.#ask("read", { conversation, seq }, (body) => body as unknown as ReadNumbers);
  }

  change(conversation: Id, change: Change, key: string): Promise<Conversation> {
    return this.#ask("change", { conversation, ...change }, this.toConversation, { key });
  }

  typing(conversation: Id, typing: boolean): Promise<void> {
    return this.#ask("typing", { conversation, typing }, () => {});
  }

  search(q: string, cursor?: string, signal?: AbortSignal): Promise<MessagePage> {
    return this.#ask("search", { q, cursor }, this.#page, { signal });
  }

  unread(): Promise<Unread> {
    return this.#ask("unread", {}, ({ count, conversations = {} }) => {
      return { count, conversations } as Unread;
    });
  }

  readonly toMessage = (document: unknown): Message =>
    renamed(document as Message, this.adapter?.message);

  readonly toConversation = (document: unknown): Conversation =>
    renamed(document as Conversation, this.adapter?.conversation);

  readonly #page = ({ messages, nextCursor = null }: Body): MessagePage => ({
    messages: messages.map(this.toMessage),
    nextCursor,
  });

  get live(): Api["live"] {
    const path = (name: OperationName, path: string) =>
      this.adapter?.routes?.[name]?.find(({ role }) => !role)?.path ??
      (this.#has(name) ? this.base + path : "");
    return {
      stream: path("stream", "/stream"),
      unread: path("unread", "/unread-count"),
      events: this.adapter?.events ?? {},
    };
  }

  async headers(): Promise<Record<string, string>> {
    const { locale, getToken } = this.#options;
    const token = await getToken?.();
    return {
      ...(locale && { "Accept-Language": locale }),
      ...(token && { Authorization: `Bearer ${token}` }),
    };
  }

  /** The request that an operation is with these values; none where the site has none for them. */
  async #way(name: Asked, given: object, me?: Me | null, names?: Names): Promise<Way | undefined> {
    const sent: Values = JSON.parse(JSON.stringify(given)); // nothing undefined
    if (this.adapter?.routes?.[name]) {
      // A canonical site needs none of it.
      const { pick } = await import("./routes.js").catch(lost);
      const way = pick(this.adapter, name, sent, me?.role ?? null, names);
      if (way) return fill(way);
    }
    const [method, path] = CANONICAL[name].split(" ") as [Method, string];
    return this.#has(name) ? fill({ method, path: this.base + path, sent }) : undefined;
  }

  /** Whether an operation's canonical path is that operation here. */
  #has(name: OperationName): boolean {
    return !this.adapter?.hidden?.includes(name);
  }

  async #ask<T>(
    name: Asked,
    values: object,
    take: (body: Body, way: Way) => T,
    { key, signal, names, me = this.#options.me?.() }: Extra = {},
  ): Promise<T> {
    const way = await this.#way(name, values, me, names);
    if (!way) throw new Failure(405, `${name}: not available`, "not_available");
    let { path } = way;
    let response: Response | undefined;
    let body: Body | undefined;
    try {
      const headers = await this.headers();
      const init: RequestInit = { method: way.method, headers, signal };
      if (key) headers["Idempotency-Key"] = key;
      if (me) headers["Messaging-User"] = encodeURIComponent(me.id);
      if (way.method === "GET") {
        const query = `${new URLSearchParams(way.sent as Names)}`;
        if (query) path += `?${query}`;
      } else {
        headers["Content-Type"] = "application/json";
        init.body = JSON.stringify(way.sent);
      }
      const ask = this.#options.fetch ?? fetch;
      response = await ask(path, init);
      const text = await response.text();
      body = text && JSON.parse(text);
      if (response.ok) return take((way.canonical?.(body) ?? body) as Body, way);
    } catch (error) {
      // Of a refusal the status says enough, whatever a proxy wrote under it.
      if (!response || response.ok) return lost(error);
    }
    const part = (one: string) =>
      (body?.[this.adapter?.failure?.[one] ?? one] as string | undefined) ?? null;
    throw new Failure(
      response.status,
      part("error") ?? `HTTP ${response.status}`,
      part("code"),
      Number(response.headers.get("Retry-After")) || null,
      part("field"),
    );
  }
}

/** There was no answer, or none that could be read. */
function lost(error: unknown): never {
  throw new Failure(0, `${error}`);
}

/** Path parameters put into their places. */
function fill({ path, sent, ...way }: Way): Way {
  const put = path.replace(/\/:([^/]+)/g, (_, name: string) => {
    const value = encodeURIComponent(`${sent[name]}`);
    delete sent[name];
    return `/${value}`;
  });
  return { ...way, path: put, sent };
}

/** Canonical names put back. What has no id is none of ours, however well it was answered. */
function renamed<T extends { id: Id }>(document: T, names: Names = {}): T {
  const theirs = document as unknown as Values;
  const ours = { ...theirs };
  for (const name in names) ours[name] = theirs[names[name]!];
  if (!ours.id) throw new Error("no id");
  return ours as T;
}
