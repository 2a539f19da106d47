// Two copies of one conversation, made one. Copies come late, twice and in any order (answers,
// events, other tabs), so each part is taken from the copy that is ahead in the numbers by which
// that part goes: whatever the order, all of them together make the same.

import type { Conversation, Message, ReadNumbers } from "./types.js";

const PREVIEW = 160; // characters, as the server cuts it

type Count = "rev" | "lastSeq" | "readSeq" | "unreadCount";

/** The same object where nothing changed: who shows it may compare by identity. */
export function merge(old: Conversation | undefined, now: Conversation): Conversation {
  if (!old) return now;
  // Who is a member in person, and by their team too, sees it as the person.
  if (now.member !== old.member) return now.member.startsWith("team:") ? old : now;
  const ahead = (by: Count, then: Count) =>
    (now[by] - old[by] || now[then] - old[then]) >= 0 ? now : old;
  // A message may open what was closed, without another `rev`.
  const newest = ahead("rev", "lastSeq");
  const other = newest === now ? old : now;
  // Up to one place in the conversation, unread ones only become more; with it, fewer.
  const { readSeq, unreadCount } = ahead("readSeq", "unreadCount");
  const { lastMessage, lastMessageAt } =
    (now.lastMessage?.seq ?? 0) < (old.lastMessage?.seq ?? 0) ? old : now;
  const merged = {
    ...newest,
    lastMessage,
    lastMessageAt,
    lastSeq: Math.max(now.lastSeq, old.lastSeq),
    readSeq,
    unreadCount,
    // An event does not say who is there, nor what somebody will be called.
    members: newest.members.map((member) => {
      const known = other.members.find(({ id }) => id === member.id);
      const said = Object.entries(member).filter(([, value]) => value !== null);
      return { ...member, ...known, ...Object.fromEntries(said) };
    }),
  };
  return JSON.stringify(merged) === JSON.stringify(old) ? old : merged;
}

/** A message that came moves its conversation up. */
export function withMessage(conversation: Conversation, message: Message): Conversation {
  const { seq, senderId, createdAt } = message;
  const content = [...message.content].slice(0, PREVIEW).join("");
  return merge(conversation, {
    ...conversation,
    lastSeq: seq,
    lastMessage: { seq, senderId, content, createdAt },
    lastMessageAt: createdAt,
  });
}

export function withNumbers(
  conversation: Conversation,
  { readSeq, unreadCount, lastSeq = conversation.lastSeq }: ReadNumbers & { lastSeq?: number },
): Conversation {
  return merge(conversation, { ...conversation, readSeq, unreadCount, lastSeq });
}
