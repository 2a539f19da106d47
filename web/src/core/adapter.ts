// What a site's profile changes of the canonical API, as data: tools/profile.mjs generates it from
// the `messaging_profile` block, so that pages and nginx cannot disagree. What it does not name is
// canonical.

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export type OperationName =
  | "start"
  | "send"
  | "list"
  | "history"
  | "conversation"
  | "read"
  | "change"
  | "typing"
  | "search"
  | "unread"
  | "stream"
  | "status";

/** A request of the site's own. Of several for one operation the first that fits is meant. */
export interface AdapterRoute {
  method: Method;
  /** Absolute, with `:name` for what `args` puts there. */
  path: string;
  /** Only for people of this role. */
  role?: string;
  /** The operation's argument (`content`, `context.product`, `member.seller.name`) to the site's name
   *  for it. A request that has more than that is not for this route. */
  args: Record<string, string>;
  /** Arguments that the site sets itself, and to what. */
  fixed?: Record<string, string>;
  /** Arguments without which a request is for another route. */
  needs?: string[];
  /** Parameters beside the arguments, by which the site tells its routes apart. */
  with?: Record<string, string>;
  /** How the answer is wrapped; without it, canonically. `thread`: {conversation, …}. */
  answer?: "array" | "conversation" | "message" | "count" | "thread";
}

export interface Adapter {
  name: string;
  /** The location's prefix: what stays canonical is under it. */
  base: string;
  roles?: string[];
  routes?: Partial<Record<OperationName, AdapterRoute[]>>;
  /** Operations whose canonical path means something else here: there are `routes`, or nothing. */
  hidden?: OperationName[];
  /** The site's names of fields, by the canonical name, where they differ. */
  conversation?: Record<string, string>;
  message?: Record<string, string>;
  /** The same of a refusal's `error`, `code` and `field`. */
  failure?: Record<string, string>;
  /** Canonical names of events, by the site's. */
  events?: Record<string, string>;
  /** Who may open conversations; absent: everybody. */
  open?: string[];
  /** Who may change status and subject; absent: everybody. */
  change?: string[];
  /** A conversation is opened with its first message only. */
  content?: boolean;
}

/** Whether the site ties a thing of this type to each message, and not to the conversation. */
export function ofMessage(adapter: Adapter | null | undefined, type: string): boolean | undefined {
  return adapter?.routes?.start?.some(({ args }) => args[`message.context.${type}`]);
}
