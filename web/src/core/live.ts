// What a page hears of what happens, whoever holds the stream for it.

export type LiveState = "connecting" | "open" | "polling" | "signed-out";

export interface LiveEvent {
  /** Canonical: hello, message, conversation, read, unread, typing, presence, reset, bye; and
   *  `poll` ({count}) where a poll found the badge changed: fetch what is shown. */
  type: string;
  data: unknown;
}
