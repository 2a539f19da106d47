// How messages look, pure: a thread's messages in chunks that a browser may leave undrawn while they
// are out of sight, so that ten thousand cost what is seen of them. All of them stay in the page,
// for its search and for screen readers.

import { html, nothing, type TemplateResult, unsafeCSS } from "lit";
import { guard } from "lit/directives/guard.js";
import { repeat } from "lit/directives/repeat.js";
import type { Conversation, Id, Message } from "../core/types.js";
import { clock, day, full } from "./dates.js";
import type { Locale } from "./locale.js";
import styles from "./messages.css?inline";
import { pieces } from "./text.js";

const CHUNK = 16;
const TOGETHER = 5 * 60_000; // ms: one sender's messages of one moment stand together
const LONG = 1500; // characters, of which only the beginning is shown at first

export interface Shown {
  messages: Message[];
  me: Id;
  /** The last that was read when the thread was opened; null: nothing was unread. */
  unreadAfter: number | null;
  /** A message that a search found. */
  marked: number | null;
  conversation: Conversation | undefined;
  locale: Locale;
  nameOf: (id: Id) => string;
}

export function messagesView(shown: Shown): unknown {
  const { messages, me, unreadAfter, marked, conversation, locale } = shown;
  const chunks: { key: number; from: number; to: number }[] = [];
  messages.forEach(({ seq }, at) => {
    const key = Math.floor(seq / CHUNK);
    const last = chunks.at(-1);
    if (last?.key === key) last.to = at + 1;
    else chunks.push({ key, from: at, to: at + 1 });
  });
  const unread =
    unreadAfter === null
      ? null
      : messages.find(({ seq, senderId }) => seq > unreadAfter && senderId !== me)?.seq;
  const lastOwn = messages.findLast(({ senderId }) => senderId === me)?.seq;
  return repeat(
    chunks,
    ({ key }) => key,
    ({ key, from, to }, at) => {
      const inside = messages.slice(from, to);
      const within = (seq: number | null | undefined) =>
        seq != null && Math.floor(seq / CHUNK) === key ? seq : null;
      const line = within(unread);
      const own = within(lastOwn);
      const chosen = within(marked);
      const before = messages[from - 1];
      return guard(
        [
          ...inside,
          before,
          line,
          own,
          chosen,
          conversation?.members,
          locale,
          at === chunks.length - 1,
        ],
        () => html`<div class=${at === chunks.length - 1 ? "chunk last" : "chunk"}>
          ${repeat(
            inside,
            ({ seq }) => seq,
            (message, index) =>
              messageView(shown, message, inside[index - 1] ?? before, {
                line: line === message.seq,
                own: own === message.seq,
                marked: chosen === message.seq,
              }),
          )}
        </div>`,
      );
    },
  );
}

function messageView(
  { me, conversation, locale, nameOf }: Shown,
  message: Message,
  before: Message | undefined,
  at: { line: boolean; own: boolean; marked: boolean },
): TemplateResult {
  const { tag } = locale;
  const mine = message.senderId === me;
  const newDay =
    !before ||
    new Date(before.createdAt).toDateString() !== new Date(message.createdAt).toDateString();
  const together =
    !newDay &&
    !at.line &&
    before.senderId === message.senderId &&
    Date.parse(message.createdAt) - Date.parse(before.createdAt) < TOGETHER;
  const name = mine ? locale.you : nameOf(message.senderId);
  const many = (conversation?.members.length ?? 2) > 2 || conversation?.kind === "ticket";
  return html`${
    newDay
      ? html`<p class="day" role="separator"><span>${day(tag, message.createdAt)}</span></p>`
      : nothing
  }${
    at.line
      ? html`<p class="line" role="separator"><span>${locale.newMessages}</span></p>`
      : nothing
  }
    <article
      class="message ${mine ? "mine" : "theirs"} ${together ? "together" : ""} ${at.marked ? "marked" : ""}"
      part="message ${mine ? "own-message" : "other-message"}"
      data-seq=${message.seq}
    >
      <span class=${many && !mine && !together ? "name" : "hidden"}>${name}</span>
      ${bubble(message.content, locale)}
      ${
        together && !at.own
          ? nothing
          : html`<span class="meta"
            ><time datetime=${message.createdAt} title=${full(tag, message.createdAt)}
              >${clock(tag, message.createdAt)}</time
            >${at.own ? ` · ${message.read ? locale.read : locale.sent}` : nothing}</span
          >`
      }
    </article>`;
}

/** A text as it was written: lines, links, its own direction. */
export function bubble(text: string, locale: Locale): TemplateResult {
  const shown = pieces(text).map((piece) =>
    typeof piece === "string"
      ? piece
      : html`<a href=${piece.href} target="_blank" rel="noopener noreferrer nofollow ugc"
          >${piece.text}</a
        >`,
  );
  const big =
    text.length <= 12 &&
    /^(?:\p{Extended_Pictographic}|\p{Emoji_Component}|\s)+$/u.test(text) &&
    !/\d/.test(text);
  const content = html`<div class="text ${big ? "big" : ""}" dir="auto">${shown}</div>`;
  if (text.length <= LONG) return html`<div class="bubble">${content}</div>`;
  return html`<div class="bubble long">
    ${content}
    <button
      type="button"
      class="link"
      @click=${(event: Event) => (event.target as Element).parentElement!.classList.remove("long")}
    >
      ${locale.more}
    </button>
  </div>`;
}

export const messageStyles = unsafeCSS(styles);
