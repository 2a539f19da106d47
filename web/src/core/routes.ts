// Which of a site's own requests an operation is: the first that has a place for all that is said,
// since a part left out would be a message that silently says less. Loaded where a profile has some.

import type { Adapter, AdapterRoute, Method, OperationName } from "./adapter.js";
import type { Id } from "./types.js";

export type Values = Record<string, unknown>;
export type Names = Record<string, string>;

/** A request, ready but for its headers; `sent` is what its path has places for, and then its query
 *  with GET, else its body. */
export interface Way {
  method: Method;
  path: string;
  sent: Values;
  /** Makes of the answer what the canonical operation answers. */
  canonical?: (body: unknown) => unknown;
  /** It opens a conversation, and the message has to go by a request of its own. */
  later?: boolean;
}

/** What a site's own request may have no place for, and the client can do without: it filters too,
 *  and a message has another way. */
const SPARE: Partial<Record<OperationName, string[]>> = {
  list: ["status", "unread", "archived", "context"],
  start: ["content", "message"],
};

/** `names`: with `start`, what members are called; each takes one of the route's seats. */
export function pick(
  adapter: Adapter,
  name: OperationName,
  body: Values,
  mine: string | null,
  names?: Names,
): Way | undefined {
  const { routes, hidden } = adapter;
  for (const route of routes?.[name] ?? []) {
    const { method, path, role, args, fixed = {}, needs = [], answer } = route;
    if (role && role !== mine) continue;
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
    return { method, path, sent, canonical: envelope(name, "content" in said, answer) };
  }
  const rest = Object.entries(body).filter(([one]) => !SPARE[name]?.includes(one));
  const less = rest.length < Object.keys(body).length;
  if (!less || !hidden?.includes(name) || (name === "start" && adapter.content)) return;
  const way = pick(adapter, name, Object.fromEntries(rest), mine, names);
  return way && { ...way, later: name === "start" };
}

/** The site's answer in the canonical operation's envelope. */
function envelope(
  name: OperationName,
  content: boolean,
  answer: AdapterRoute["answer"],
): Way["canonical"] {
  if (answer === "thread") return (body) => (body as Values).conversation;
  if (answer === "array") {
    return (body) => ({ [name === "list" ? "conversations" : "messages"]: body });
  }
  if (name !== "start" || !answer) return;
  // Opened with its first message, it may be the message that is answered.
  const what = answer === "message" && content ? answer : "conversation";
  return (body) => ({ [what]: body });
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
