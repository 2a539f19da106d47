// The API by fetch. What the adapter does not name is canonical, under `base`; of its routes the
// first is taken that has a place for all that is said, since a part left out would be a message
// that silently says less. What comes back has canonical names again.

import type { Adapter, AdapterRoute, Method, OperationName } from "./adapter.js";
import type { Api, ApiOptions, Change } from "./api.js";
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

type Values = Record<string, unknown>;
type Names = Record<string, string>;
type Answer = AdapterRoute["answer"];

/** What an answer may be; `take` throws where it is not. */
interface Body extends Values {
  me: Me | null;
  conversation: unknown;
  message: unknown;
  nextCursor: string | null;
}

/** A request, ready but for its headers; `sent` is its query with GET, else its body. */
interface Way {
  method: Method;
  path: string;
  sent: Values;
  answer?: Answer;
}

interface Extra {
  key?: string;
  signal?: AbortSignal;
  /** What members are called. */
  names?: Names;
}

const ONE = "/conversations/:conversation";
const CANONICAL: Record<OperationName, [Method, string]> = {
  start: ["POST", "/conversations"],
  list: ["GET", "/conversations"],
  conversation: ["GET", ONE],
  change: ["PATCH", ONE],
  send: ["POST", `${ONE}/messages`],
  history: ["GET", `${ONE}/messages`],
  read: ["PATCH", `${ONE}/read`],
  typing: ["POST", `${ONE}/typing`],
  search: ["GET", "/search"],
  unread: ["GET", "/unread-count"],
  stream: ["GET", "/stream"],
  status: ["GET", "/status"],
};

export class HttpApi implements Api {
  readonly base: string;
  readonly adapter: Adapter | null;
  #options: ApiOptions;

  constructor(options: ApiOptions = {}) {
    this.#options = options;
    this.adapter = options.adapter ?? null;
    this.base = (options.base ?? this.adapter?.base ?? "").replace(/\/+$/, "");
  }

  list(query: ListQuery = {}, signal?: AbortSignal): Promise<ListPage> {
    const { q, cursor, limit } = query;
    const known = this.#way("list", { ...query }) ? query : { q, cursor, limit };
    return this.#ask(
      "list",
      { ...known },
      (body) => ({
        me: body.me ?? null,
        conversations: items(body, "conversations").map((one) => this.toConversation(one)),
        nextCursor: body.nextCursor ?? null,
      }),
      { signal },
    );
  }

  conversation(conversation: Id): Promise<Conversation> {
    return this.#ask("conversation", { conversation }, (body, answer) =>
      this.toConversation(answer === "thread" ? body.conversation : body),
    );
  }

  async start(start: Start, message: Outgoing | null, key: string): Promise<Started> {
    const { names = {}, ...opened } = start;
    const { content, ...more } = message ?? {};
    const whole = { ...opened, content, ...(Object.keys(more)[0] && { message: more }) };
    // Where no request has a place for the message it goes by one of its own.
    const later = message && !this.adapter?.content && !this.#way("start", whole, names);
    const started = await this.#ask(
      "start",
      later ? opened : whole,
      (body, answer): Started => {
        if (answer === "message" && content && !later) {
          const sent = this.toMessage(body);
          return { conversationId: sent.conversationId, conversation: null, message: sent };
        }
        const conversation = this.toConversation(answer ? body : body.conversation);
        const sent = !answer && body.message ? this.toMessage(body.message) : null;
        return { conversationId: conversation.id, conversation, message: sent };
      },
      { key, names },
    );
    if (later) started.message = await this.send(started.conversationId, message, key);
    return started;
  }

  send(conversation: Id, message: Outgoing, key: string): Promise<Message> {
    return this.#ask("send", { conversation, ...message }, (body) => this.toMessage(body), { key });
  }

  history(
    conversation: Id,
    page: { before?: number | string; after?: number | string; limit?: number } = {},
  ): Promise<MessagePage> {
    return this.#ask("history", { conversation, ...page }, (body) => this.#page(body));
  }

  read(conversation: Id, seq: number): Promise<ReadNumbers> {
    return this.#ask("read", { conversation, seq }, (body) => body as unknown as ReadNumbers);
  }

  change(conversation: Id, change: Change, key: string): Promise<Conversation> {
    return this.#ask("change", { conversation, ...change }, (body) => this.toConversation(body), {
      key,
    });
  }

  typing(conversation: Id, typing: boolean): Promise<void> {
    return this.#ask("typing", { conversation, typing }, () => {});
  }

  search(q: string, cursor?: string, signal?: AbortSignal): Promise<MessagePage> {
    return this.#ask("search", { q, cursor }, (body) => this.#page(body), { signal });
  }

  unread(): Promise<Unread> {
    return this.#ask("unread", {}, ({ count, conversations = {} }) => {
      return { count, conversations } as Unread;
    });
  }

  toMessage(document: unknown): Message {
    const rare = { senderRole: null, context: null, type: "text", data: null };
    return { ...rare, ...renamed(document as Message, this.adapter?.message) };
  }

  toConversation(document: unknown): Conversation {
    return renamed(document as Conversation, this.adapter?.conversation);
  }

  get live(): Api["live"] {
    const path = (name: OperationName) => this.#way(name, {})?.path ?? "";
    return {
      stream: path("stream"),
      unread: path("unread"),
      events: this.adapter?.events ?? {},
      locale: this.#options.locale ?? "",
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

  ofMessage(type: string): boolean {
    return !!this.adapter?.routes?.start?.some(({ args }) => args[`message.context.${type}`]);
  }

  may(what: "open" | "change", me: Me): boolean {
    return this.adapter?.[what]?.includes(me.role ?? "") ?? true;
  }

  #page(body: Body): MessagePage {
    const messages = items(body, "messages").map((one) => this.toMessage(one));
    return { messages, nextCursor: body.nextCursor ?? null };
  }

  /** The request that an operation is with these values; none where the site has none for them. */
  #way(name: OperationName, given: object, names?: Names): Way | undefined {
    const body: Values = JSON.parse(JSON.stringify(given)); // nothing undefined
    const { routes, hidden } = this.adapter ?? ({} as Partial<Adapter>);
    for (const route of routes?.[name] ?? []) {
      const { role, args, fixed = {}, needs = [] } = route;
      if (role && role !== this.#options.role?.()) continue;
      const said = flat(name, body);
      if (names) {
        const set = Object.values(fixed);
        const left = (body.members as Id[]).filter((id) => !set.includes(id));
        for (const seat in args) {
          if (!/^member(\.[^.]+)?$/.test(seat)) continue;
          const id = left.shift() ?? "";
          said[seat] = id;
          if (args[`${seat}.name`] && names[id]) said[`${seat}.name`] = names[id];
        }
        if (!left[0]) delete said.members;
      }
      const says = Object.keys(said);
      if (!says.every((one) => one in args || fixed[one] === `${said[one]}`)) continue;
      if (!needs.every((one) => one in said)) continue;
      const sent: Values = { ...route.with };
      for (const one in args) if (one in said) sent[args[one]!] = said[one];
      return fill(route.method, route.path, sent, route.answer);
    }
    if (hidden?.includes(name)) return;
    const [method, path] = CANONICAL[name];
    return fill(method, this.base + path, body);
  }

  async #ask<T>(
    name: OperationName,
    values: object,
    take: (body: Body, answer: Answer) => T,
    { key, signal, names }: Extra = {},
  ): Promise<T> {
    const way = this.#way(name, values, names);
    if (!way) throw new Failure(405, `${name}: not in this site's API`, "not_available");
    let { path } = way;
    let response: Response | undefined;
    let body: Body | undefined;
    try {
      const headers = await this.headers();
      const init: RequestInit = { method: way.method, headers, signal, credentials: "same-origin" };
      if (key) headers["Idempotency-Key"] = key;
      if (way.method === "GET") {
        const query = new URLSearchParams(way.sent as Names);
        if (`${query}`) path += `?${query}`;
      } else {
        headers["Content-Type"] = "application/json";
        init.body = JSON.stringify(way.sent);
      }
      const ask = this.#options.fetch ?? fetch;
      response = await ask(path, init);
      const text = await response.text();
      body = text && JSON.parse(text);
      if (response.ok) return take(body as Body, way.answer);
    } catch (error) {
      // Of a refusal the status says enough, whatever a proxy wrote under it.
      if (!response || response.ok) {
        throw new Failure(0, `${error}`, signal?.aborted ? "aborted" : null);
      }
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

/** Path parameters put into their places. */
function fill(method: Method, path: string, sent: Values, answer?: Answer): Way {
  const put = path.replace(/\/:([^/]+)/g, (_, name: string) => {
    const value = encodeURIComponent(`${sent[name]}`);
    delete sent[name];
    return `/${value}`;
  });
  return { method, path: put, sent, answer };
}

/** A canonical request's values as routes have them: contexts are arguments by their type. */
function flat(name: OperationName, body: Values, said: Values = {}): Values {
  for (const key in body) {
    const value = body[key];
    if (key === "message") {
      flat("send", value as Values, said);
    } else if (key === "context") {
      const [type, id] = typeof value === "string" ? value.split(/:(.*)/s) : [];
      const about = id ? { type, id } : (value as { type?: string; id?: string });
      const family = name === "send" ? "message.context" : "context";
      said[`${family}.${about.type}`] = about.id;
    } else {
      said[key] = value;
    }
  }
  return said;
}

/** Canonical names put back. What has no id is none of ours, however well it was answered. */
function renamed<T extends { id: Id }>(document: T, names: Names = {}): T {
  const theirs = document as unknown as Values;
  const ours = { ...theirs };
  for (const name in names) ours[name] = theirs[names[name]!];
  if (!ours.id) throw new Error("not a document");
  return ours as T;
}

/** The documents alone, or in their envelope. */
function items(body: Values, name: string): unknown[] {
  return (Array.isArray(body) ? body : body[name]) as unknown[];
}
