// Two copies of one thing, made one. Copies come late, twice and in any order (answers, events,
// other tabs): every number only rises, so the higher one is right, component by component.

import type { Conversation, Message, ReadNumbers } from "./types.js";

const PREVIEW = 160; // characters, as the server cuts it

/** The same object where nothing changed: who shows it may compare by identity. */
export function mergeConversation(old: Conversation | undefined, now: Conversation): Conversation {
  if (!old) return now;
  const merged = { ...(now.rev >= old.rev ? now : old) };
  const latest = now.lastSeq >= old.lastSeq ? now : old;
  const { lastSeq, lastMessage, lastMessageAt } = latest;
  const reader = now.readSeq >= old.readSeq ? now : old;
  // Numbers of two copies, each ahead in one: which messages are the reader's own is in neither.
  // The event `unread` that follows every change has both.
  const { unreadCount } = now.lastSeq < old.lastSeq || now.readSeq < old.readSeq ? reader : now;
  Object.assign(merged, { lastSeq, lastMessage, lastMessageAt, unreadCount });
  merged.readSeq = reader.readSeq;
  merged.members = now.members.map((member) => {
    const known = old.members.find(({ id }) => id === member.id);
    // An event does not say who is there.
    return known && member.online === null
      ? { ...member, online: known.online, lastSeenAt: known.lastSeenAt }
      : member;
  });
  return same(old, merged) ? old : merged;
}

function same(a: object, b: object): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** A message that came moves its conversation up. */
export function withMessage(conversation: Conversation, message: Message): Conversation {
  if (message.seq <= conversation.lastSeq) return conversation;
  const { seq, senderId, content, createdAt } = message;
  return {
    ...conversation,
    lastSeq: seq,
    lastMessageAt: createdAt,
    lastMessage: { seq, senderId, content: [...content].slice(0, PREVIEW).join(""), createdAt },
  };
}

/** Numbers that are not of the same or a later state are left out. */
export function withNumbers(
  conversation: Conversation,
  numbers: ReadNumbers & { lastSeq?: number },
): Conversation {
  const { readSeq, unreadCount, lastSeq = conversation.lastSeq } = numbers;
  if (readSeq < conversation.readSeq || lastSeq < conversation.lastSeq) return conversation;
  if (readSeq === conversation.readSeq && unreadCount === conversation.unreadCount) {
    return conversation;
  }
  return { ...conversation, readSeq, unreadCount };
}

/** By newest activity; ids only make it one order for equal times. */
export function byActivity(a: Conversation, b: Conversation): number {
  const [left, right] = [activity(a), activity(b)];
  if (left !== right) return left < right ? 1 : -1;
  return a.id < b.id ? 1 : -1;
}

export function activity(conversation: Conversation): string {
  return conversation.lastMessageAt ?? conversation.createdAt;
}
