// What the API speaks of, as schema/openapi.yaml describes it, in the canonical names: the adapter
// has undone a profile's. Times are ISO 8601 in UTC, ids opaque.

export type Id = string;

/** A thing of the site's own that a conversation or a message is about. */
export interface Context {
  type: string;
  id: Id;
}

/** Who is signed in; `teams` are members like people (`team:ROLE`). */
export interface Me {
  id: Id;
  role: string | null;
  name: string | null;
  teams: Id[];
}

export interface Member {
  id: Id;
  role: string | null;
  name: string | null;
  /** Whether a stream is open; null where that is unknown. */
  online: boolean | null;
  lastSeenAt: string | null;
}

export interface Preview {
  seq: number;
  senderId: Id;
  content: string;
  createdAt: string;
}

export type ConversationStatus = "open" | "closed";

export interface Conversation {
  id: Id;
  kind: "direct" | "ticket";
  status: ConversationStatus;
  subject: string | null;
  context: Context | null;
  members: Member[];
  /** As whom this is seen: the reader, or their team. */
  member: Id;
  createdAt: string;
  lastMessageAt: string | null;
  lastMessage: Preview | null;
  lastSeq: number;
  readSeq: number;
  unreadCount: number;
  archived: boolean;
  /** Of two copies the one with the higher `rev` has status, subject and archived right. */
  rev: number;
}

export interface Message {
  id: Id;
  conversationId: Id;
  /** 1, 2, 3… without holes in its conversation: the only order there is. */
  seq: number;
  senderId: Id;
  content: string;
  /** These four a profile may leave out. */
  senderRole?: string | null;
  context?: Context | null;
  /** Absent: "text". */
  type?: string;
  data?: Record<string, unknown> | null;
  createdAt: string;
  /** One's own: by all the others; the others': by oneself. */
  read: boolean;
}

/** What one sends. */
export interface Outgoing {
  content: string;
  context?: Context;
  type?: string;
  data?: Record<string, unknown>;
}

/** With whom, and about what, a conversation is opened. */
export interface Start {
  members: Id[];
  /** What they are called until they sign in, where the profile takes such a name. */
  names?: Record<Id, string>;
  context?: Context;
  subject?: string;
  kind?: "direct" | "ticket";
  as?: "user" | "team";
}

export interface ListQuery {
  status?: ConversationStatus;
  unread?: boolean;
  archived?: boolean;
  /** `TYPE:ID`, or `TYPE` for any of that type. */
  context?: string;
  q?: string;
  cursor?: string;
  limit?: number;
}

export interface ListPage {
  /** null where the site's own list does not say it. */
  me: Me | null;
  conversations: Conversation[];
  nextCursor: string | null;
}

export interface MessagePage {
  messages: Message[];
  nextCursor: string | null;
}

export interface Started {
  conversationId: Id;
  /** null where the site's own answer has none: ask for it. */
  conversation: Conversation | null;
  message: Message | null;
}

export interface ReadNumbers {
  conversationId: Id;
  readSeq: number;
  unreadCount: number;
}

export interface Unread {
  count: number;
  /** By conversation; at most 1,000 are named. */
  conversations: Record<Id, number>;
}

/** Numbers of one conversation, absolute: who merges takes the higher of each. */
export interface UnreadEvent extends ReadNumbers {
  member: Id;
  lastSeq: number;
}

export interface ReadEvent {
  conversationId: Id;
  member: Id;
  userId: Id;
  readSeq: number;
}

export interface TypingEvent {
  conversationId: Id;
  userId: Id;
  name: string | null;
  typing: boolean;
}

export interface PresenceEvent {
  userId: Id;
  online: boolean;
  lastSeenAt: string;
}

/** Somebody to write to, of a site's own list of people. */
export interface Person {
  id: Id;
  name: string;
  role?: string;
}

/** An answer that was none of 2xx, or none at all (`status` 0). */
export class Failure extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly code: string | null = null,
    /** Seconds that the server asks to wait. */
    readonly retryAfter: number | null = null,
    readonly field: string | null = null,
  ) {
    super(message);
    this.name = "Failure";
  }

  /**
   * Whether the same request may succeed later. A 4xx was surely not stored, and will not be
   * another time; the rest may have been, which is why a repeat carries the same key.
   */
  get retryable(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}
