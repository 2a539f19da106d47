// What a page hears of what happens, whoever holds the stream for it.

import type { Me, PresenceEvent, ReadEvent, TypingEvent, Unread, UnreadEvent } from "./types.js";

export type LiveState = "connecting" | "open" | "polling" | "signed-out";

/** Canonically named; documents of conversations and messages are still in the site's words. */
export type LiveEvent =
  | { type: "hello"; data: Me & { resumed: boolean } }
  | { type: "conversation" | "message"; data: unknown }
  | { type: "read"; data: ReadEvent }
  | { type: "unread"; data: UnreadEvent }
  | { type: "typing"; data: TypingEvent }
  | { type: "presence"; data: PresenceEvent }
  | { type: "reset" | "bye"; data: unknown }
  /** A poll found the badge changed: fetch what is shown. */
  | { type: "poll"; data: Unread };
