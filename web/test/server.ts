// A small server with the rules that matter to a client: seqs without holes, idempotency keys with
// fingerprints, read states that never go back, the events that follow each change, and lists by
// keyset. `faults` makes it, and the network before it, fail.
import type { LiveEvent } from "../src/core/live.js";
import type { Conversation, Message, Start, UnreadEvent } from "../src/core/types.js";

interface Kept {
  conversation: Conversation;
  messages: (Message & { member: string })[];
  read: Map<string, number>;
  archived: Set<string>;
}

type Body = Record<string, unknown>;
/** What becomes of a request: "lost" before, "unheard" after it was done; or an answer. */
export type Fault = "lost" | "unheard" | Response | undefined;

export const refusal = (status: number, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify({ error: `no ${status}`, code: "x" }), { status, headers });

export class Server {
  kept = new Map<string, Kept>();
  requests: string[] = [];
  /** By user: the team that they are of. */
  teams = new Map<string, string>();
  names = new Map<string, string>();
  faults: (method: string, path: string, init: RequestInit) => Fault | Promise<Fault> = () =>
    undefined;
  #answers = new Map<string, { print: string; answer: () => [number, unknown] }>();
  #listeners = new Map<string, Set<(event: LiveEvent) => void>>();
  #time = Date.parse("2026-01-01T00:00:00Z");

  now(): string {
    this.#time += 1000;
    return new Date(this.#time).toISOString();
  }

  me = (user: string) => ({
    id: user,
    role: null,
    name: this.names.get(user) ?? null,
    teams: this.teams.has(user) ? [this.teams.get(user)!] : [],
  });

  /** A user's stream. */
  on(user: string, listener: (event: LiveEvent) => void): () => void {
    const inboxes = [user, this.teams.get(user)].filter((one) => one !== undefined);
    for (const inbox of inboxes) {
      const all = this.#listeners.get(inbox) ?? new Set();
      this.#listeners.set(inbox, all.add(listener));
    }
    return () => {
      for (const inbox of inboxes) this.#listeners.get(inbox)?.delete(listener);
    };
  }

  #publish(member: string, type: string, data: unknown): void {
    for (const listener of this.#listeners.get(member) ?? []) {
      listener({ type, data: structuredClone(data) } as LiveEvent);
    }
  }

  // --- What is done, as a worker does it

  open(members: string[], more: Partial<Conversation> = {}): string {
    const id = more.id ?? `c${this.kept.size + 1}`;
    const conversation: Conversation = {
      id,
      kind: "direct",
      status: "open",
      subject: null,
      context: null,
      members: members.map((id) => ({
        id,
        role: null,
        name: null,
        online: null,
        lastSeenAt: null,
      })),
      member: "",
      createdAt: this.now(),
      lastMessageAt: null,
      lastMessage: null,
      lastSeq: 0,
      readSeq: 0,
      unreadCount: 0,
      archived: false,
      rev: 0,
      ...more,
    };
    this.kept.set(id, { conversation, messages: [], read: new Map(), archived: new Set() });
    return id;
  }

  memberOf(id: string, user: string): string {
    const { members } = this.kept.get(id)!.conversation;
    if (members.some((one) => one.id === user)) return user;
    const team = this.teams.get(user);
    return members.some((one) => one.id === team) ? team! : "";
  }

  unreadOf(id: string, member: string): number {
    const { messages, read } = this.kept.get(id)!;
    const from = read.get(member) ?? 0;
    return messages.filter((one) => one.seq > from && one.member !== member).length;
  }

  view(id: string, member: string): Conversation {
    const { conversation, messages, read, archived } = this.kept.get(id)!;
    const last = messages.at(-1);
    return structuredClone({
      ...conversation,
      members: conversation.members.map((one) => ({
        ...one,
        name: this.names.get(one.id) ?? null,
      })),
      member,
      lastSeq: messages.length,
      lastMessageAt: last?.createdAt ?? null,
      lastMessage: last
        ? {
            seq: last.seq,
            senderId: last.senderId,
            content: last.content.slice(0, 160),
            createdAt: last.createdAt,
          }
        : null,
      readSeq: read.get(member) ?? 0,
      unreadCount: this.unreadOf(id, member),
      archived: archived.has(member),
    });
  }

  message(id: string, seq: number, member: string): Message {
    const { conversation, messages, read } = this.kept.get(id)!;
    const { member: by, ...message } = messages[seq - 1]!;
    const readers =
      by === member
        ? conversation.members.map((one) => one.id).filter((one) => one !== by)
        : [member];
    const seen = readers.every((one) => (read.get(one) ?? 0) >= seq);
    return structuredClone({ ...message, read: seen });
  }

  unreadEvent(id: string, member: string): UnreadEvent {
    const { lastSeq, readSeq, unreadCount } = this.view(id, member);
    return { conversationId: id, member, lastSeq, readSeq, unreadCount };
  }

  say(id: string, user: string, content: string, more: Partial<Message> = {}): Message {
    const { conversation, messages } = this.kept.get(id)!;
    const member = this.memberOf(id, user);
    const seq = messages.length + 1;
    messages.push({
      id: `${id}-${seq}`,
      conversationId: id,
      seq,
      senderId: user,
      senderRole: null,
      content: content.trim(),
      context: null,
      type: "text",
      data: null,
      createdAt: this.now(),
      read: false,
      ...more,
      member,
    });
    for (const { id: one } of conversation.members) {
      if (seq === 1) this.#publish(one, "conversation", this.view(id, one));
      this.#publish(one, "message", { ...this.message(id, seq, one), read: false });
    }
    for (const { id: one } of conversation.members) {
      if (one !== member) this.#publish(one, "unread", this.unreadEvent(id, one));
    }
    return this.message(id, seq, member);
  }

  readTo(id: string, user: string, seq: number): void {
    const { conversation, messages, read } = this.kept.get(id)!;
    const member = this.memberOf(id, user);
    const target = Math.min(seq, messages.length);
    if (target <= (read.get(member) ?? 0)) return;
    read.set(member, target);
    for (const { id: one } of conversation.members) {
      this.#publish(one, "read", { conversationId: id, member, userId: user, readSeq: target });
    }
    this.#publish(member, "unread", this.unreadEvent(id, member));
  }

  alter(id: string, user: string, change: Body): void {
    const { conversation, archived } = this.kept.get(id)!;
    const member = this.memberOf(id, user);
    conversation.rev++;
    const { archived: away, ...rest } = change;
    Object.assign(conversation, rest);
    if (away === true) archived.add(member);
    if (away === false) archived.delete(member);
    for (const { id: one } of conversation.members) {
      if (one === member || Object.keys(rest)[0])
        this.#publish(one, "conversation", this.view(id, one));
    }
  }

  start(user: string, { members, context, kind = "direct", as }: Start): string {
    const self = as === "team" ? this.teams.get(user)! : user;
    const all = [...new Set([self, ...members])].sort();
    const about = JSON.stringify(context ?? null);
    for (const { conversation } of this.kept.values()) {
      const ids = conversation.members.map(({ id }) => id).sort();
      if (
        kind === "direct" &&
        conversation.kind === "direct" &&
        `${ids}` === `${all}` &&
        JSON.stringify(conversation.context) === about
      ) {
        return conversation.id;
      }
    }
    return this.open(all, { kind, context: context ?? null });
  }

  // --- What is asked for

  inboxOf(user: string): string[] {
    return [...this.kept.keys()]
      .filter((id) => this.memberOf(id, user))
      .sort((a, b) => (this.#activity(a) < this.#activity(b) ? 1 : -1));
  }

  #activity(id: string): string {
    const { conversation, messages } = this.kept.get(id)!;
    return messages.at(-1)?.createdAt ?? conversation.createdAt;
  }

  count(user: string): { count: number; conversations: Record<string, number> } {
    const conversations: Record<string, number> = {};
    for (const id of this.inboxOf(user)) {
      const unread = this.unreadOf(id, this.memberOf(id, user));
      if (unread > 0) conversations[id] = unread;
    }
    const count = Object.values(conversations).reduce((all, one) => all + one, 0);
    return { count, conversations };
  }

  list(user: string, query: URLSearchParams): unknown {
    const is = (name: string, value: unknown) => {
      const wanted = query.get(name);
      return wanted === null || wanted === String(value);
    };
    const before = query.get("cursor");
    const limit = Number(query.get("limit") ?? 50);
    const all = this.inboxOf(user).filter((id) => {
      const one = this.view(id, this.memberOf(id, user));
      const { type, id: about } = one.context ?? {};
      return (
        is("status", one.status) &&
        is("archived", one.archived) &&
        is("unread", one.unreadCount > 0) &&
        (is("context", type) || is("context", `${type}:${about}`)) &&
        (query.get("q") === null || one.lastMessage?.content.includes(query.get("q")!)) &&
        (before === null || this.#activity(id) < before)
      );
    });
    const page = all.slice(0, limit);
    return {
      me: this.me(user),
      conversations: page.map((id) => this.view(id, this.memberOf(id, user))),
      nextCursor: all.length > limit ? this.#activity(page.at(-1)!) : null,
    };
  }

  history(id: string, user: string, query: URLSearchParams): unknown {
    const { messages } = this.kept.get(id)!;
    const before = Number(query.get("before") ?? messages.length + 1);
    const from = Math.max(0, before - 1 - Number(query.get("limit") ?? 50));
    const page = messages.slice(from, before - 1);
    const member = this.memberOf(id, user);
    return {
      messages: page.map(({ seq }) => this.message(id, seq, member)),
      nextCursor: from > 0 ? `${from + 1}` : null,
    };
  }

  /** A repeat under the same key finds what it made; another request under it is refused. */
  #once(key: string | null, print: string, work: () => () => [number, unknown]): [number, unknown] {
    const before = key && this.#answers.get(key);
    if (before) {
      if (before.print !== print) return [422, { error: "key reused", code: "key_reused" }];
      return [200, before.answer()[1]];
    }
    const answer = work();
    if (key) this.#answers.set(key, { print, answer });
    return answer();
  }

  #answer(
    user: string,
    method: string,
    url: URL,
    key: string | null,
    body: Body,
  ): [number, unknown] {
    const [, , , what, id = "", part] = url.pathname.split("/");
    const query = url.searchParams;
    if (what === "unread-count") return [200, this.count(user)];
    if (what !== "conversations") return [404, { error: "none", code: "not_found" }];
    if (!id && method === "GET") return [200, this.list(user, query)];
    const print = `${method} ${url.pathname} ${JSON.stringify(body)}`;
    if (!id) {
      const { content, message, ...start } = body;
      const made = this.start(user, start as unknown as Start);
      const member = this.memberOf(made, user);
      if (!content) return [201, { conversation: this.view(made, member), message: null }];
      return this.#once(`${user} ${made} ${key}`, print, () => {
        const { seq } = this.say(made, user, content as string, message as Partial<Message>);
        return () => [
          201,
          { conversation: this.view(made, member), message: this.message(made, seq, member) },
        ];
      });
    }
    const member = this.kept.has(id) && this.memberOf(id, user);
    if (!member) return [404, { error: "none", code: "not_found" }];
    if (part === "messages" && method === "GET") return [200, this.history(id, user, query)];
    if (part === "messages") {
      return this.#once(`${user} ${id} ${key}`, print, () => {
        const { content, ...more } = body;
        const { seq } = this.say(id, user, content as string, more);
        return () => [201, this.message(id, seq, member)];
      });
    }
    if (part === "read") {
      this.readTo(id, user, body.seq as number);
      const { readSeq, unreadCount } = this.view(id, member);
      return [200, { conversationId: id, readSeq, unreadCount }];
    }
    if (part === "typing") return [204, null];
    if (method === "PATCH") this.alter(id, user, body);
    return [200, this.view(id, member)];
  }

  /** The network between this user and the server. */
  fetch(user: () => string | null): typeof fetch {
    return async (address, init = {}) => {
      const url = new URL(String(address), "https://shop.example");
      const { method = "GET", signal } = init;
      const path = url.pathname.replace(/^\/[^/]+\/messages/, "") + url.search;
      this.requests.push(`${method} ${path}`);
      const fault = await this.faults(method, path, init);
      signal?.throwIfAborted();
      if (fault === "lost") throw new TypeError("no network");
      if (fault instanceof Response) return fault;
      const who = user();
      if (!who) return refusal(401);
      const headers = init.headers as Record<string, string>;
      if (decodeURIComponent(headers["Messaging-User"] ?? who) !== who) return refusal(412);
      const key = headers["Idempotency-Key"] ?? null;
      const body = init.body ? JSON.parse(init.body as string) : {};
      const [status, answer] = this.#answer(who, method, url, key, body);
      if (fault === "unheard") throw new TypeError("network gone");
      return new Response(answer === null ? null : JSON.stringify(answer), { status });
    };
  }
}
