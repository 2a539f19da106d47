// What a client says, by name, and with what.

import type { LiveState } from "./live.js";
import type { Entry } from "./outbox.js";
import type { Id, Me, Message, PresenceEvent, ReadEvent, TypingEvent } from "./types.js";

export interface ClientEvents {
  change: undefined;
  ready: Me;
  state: LiveState;
  /** Somebody else's message, come just now. */
  message: Message;
  /** One's own, stored. */
  sent: { entry: Entry; message: Message };
  /** One's own, come by the stream: written here, in another tab, or on another machine. */
  own: Message;
  typing: TypingEvent;
  read: ReadEvent;
  presence: PresenceEvent;
  failed: Entry;
  select: Id | null;
  unread: number;
  "signed-out": undefined;
}
