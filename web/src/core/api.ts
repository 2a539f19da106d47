// The API by HTTP, in canonical words whatever the site's profile calls them. One method, one
// request (`start` aside); nothing is repeated here. The adapter says which request an operation is.

import type { Adapter } from "./adapter.js";
import type {
  Conversation,
  ConversationStatus,
  Id,
  ListPage,
  ListQuery,
  Me,
  Message,
  MessagePage,
  Outgoing,
  ReadNumbers,
  Start,
  Started,
  Unread,
} from "./types.js";

export interface ApiOptions {
  /** The location's prefix; without it the adapter's. */
  base?: string;
  adapter?: Adapter | null;
  /** For sign-in without cookies: called before each request; null sends none. */
  getToken?: (() => string | null | Promise<string | null>) | null;
  /** For `Accept-Language`: refusals come in it. */
  locale?: string;
  /** Who is signed in, where that is known: what is asked for them is not done for another. */
  me?: () => Me | null;
  fetch?: typeof fetch;
}

export interface Change {
  status?: ConversationStatus;
  archived?: boolean;
  subject?: string | null;
}

/**
 * Every method throws a `Failure`, and nothing else: status 0 where there was no answer, or none
 * that could be read; 405 with the code `not_available` where the site's own API has no such
 * request.
 */
export interface Api {
  readonly base: string;
  readonly adapter?: Adapter | null;
  /** Where the site's list does not know a filter a page may be short, or empty, though there is a
   *  next one. */
  list(query?: ListQuery, signal?: AbortSignal): Promise<ListPage>;
  conversation(id: Id): Promise<Conversation>;
  /** Two requests where the site's takes no message: the same key is good for both. */
  start(start: Start, message: Outgoing | null, key: string): Promise<Started>;
  send(conversation: Id, message: Outgoing, key: string): Promise<Message>;
  history(
    conversation: Id,
    page?: { before?: number | string; after?: number | string; limit?: number },
  ): Promise<MessagePage>;
  read(conversation: Id, seq: number): Promise<ReadNumbers>;
  change(conversation: Id, change: Change, key: string): Promise<Conversation>;
  typing(conversation: Id, typing: boolean): Promise<void>;
  search(q: string, cursor?: string, signal?: AbortSignal): Promise<MessagePage>;
  /** Nothing by conversation where the site's answer is but a number. */
  unread(): Promise<Unread>;
  /** Documents of events, in canonical words. */
  toMessage(document: unknown): Message;
  toConversation(document: unknown): Conversation;
  /** What the stream's host needs; plain data, to be posted to a worker. */
  readonly live: { stream: string; unread: string; events: Record<string, string> };
  /** The headers of a request: the token, the language. */
  headers(): Promise<Record<string, string>>;
}
