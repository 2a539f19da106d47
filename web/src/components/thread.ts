// <messaging-thread>: one conversation, its messages and the composer. The messages stand in a box
// that is laid out from its end: what is loaded above moves nothing, and who is at the end stays
// there when something comes.

import { html, nothing, type PropertyValues, unsafeCSS } from "lit";
import { guard } from "lit/directives/guard.js";
import { repeat } from "lit/directives/repeat.js";
import type { Change } from "../core/api.js";
import type { Entry, Target } from "../core/outbox.js";
import { may } from "../core/rights.js";
import type { Thread } from "../core/thread.js";
import type { Context, Conversation, Failure, Id, Message } from "../core/types.js";
import { attributes, icon, Part, sheet, startOf } from "./base.js";
import type { MessagingComposer } from "./composer.js";
import { since } from "./dates.js";
import { fill } from "./locale.js";
import { bubble, messageStyles, messagesView } from "./messages.js";
import styles from "./thread.css?inline";

const NEAR = 60; // px from the end: still looking at the newest
const AHEAD = 1200; // px from the top at which older messages are asked for
const WAITING = 8000; // ms after which "sending" says what it waits for

/** @fires messaging-back: the button of a narrow page. Slots: header, empty, sign-in, footer */
export class MessagingThread extends Part {
  static override properties = {
    ...attributes({
      conversation: "",
      to: "",
      toName: "",
      contextType: "",
      contextId: "",
      plain: false,
      backButton: false,
    }),
    marked: { attribute: false },
    heard: { state: true },
    away: { state: true },
    later: { state: true },
    refused: { state: true },
  };

  /** Without it and without `to`: the conversation that is selected. */
  declare conversation: string;
  declare to: string;
  declare toName: string;
  declare contextType: string;
  declare contextId: string;
  /** Without the header. */
  declare plain: boolean;
  declare backButton: boolean;
  /** The seq of a message to be shown, that a search found. */
  declare marked: number | null;
  declare heard: string;
  /** Scrolled away from the end. */
  declare away: boolean;
  /** Messages that came meanwhile. */
  declare later: number;
  /** A change that did not succeed. */
  declare refused: { failure: Failure; change: Change } | null;

  #shown = "";
  #wanted = false;
  #timer = 0;
  #unreadAfter: number | null = null;
  #opened = false;
  #reached: number | null = null;
  #end = "";
  #anchor: { element: Element; top: number } | null = null;

  static override styles = [sheet, messageStyles, unsafeCSS(styles)];

  get target(): Target | null {
    return this.#about().target;
  }

  #about(): { target: Target | null; context?: Context } {
    if (!this.conversation && this.to) return this.client.about(startOf(this));
    const conversation = this.conversation || this.client.selected;
    return { target: conversation ? { conversation } : null };
  }

  /** Where one writes, as soon as there is such a place. */
  override focus(): void {
    this.#wanted = true;
    this.requestUpdate();
  }

  protected override joined(): void {
    this.#shown = "";
    this.hold(this.client.on("message", (message) => this.#hear(message)));
    this.hold(() => clearTimeout(this.#timer));
    const look = () => this.#look();
    this.listen(window, "focus", look);
    this.listen(window, "offline", () => this.requestUpdate());
    this.listen(document, "visibilitychange", look);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!this.provided) return;
    const target = this.target;
    if (target && "start" in target && this.client.me)
      void this.client.find(target.start).catch(() => {});
    const id = target && this.client.resolve(target);
    if ((id ?? "") !== this.#shown) {
      this.#shown = id ?? "";
      this.#opened = false;
      this.#unreadAfter = null;
      this.#reached = null;
      this.heard = "";
      this.away = false;
      this.later = 0;
      this.refused = null;
    }
    const conversation = id && this.client.conversations.get(id);
    if (id && !conversation && this.client.me) void this.client.conversation(id).catch(() => {});
    if (conversation && !this.#opened) {
      this.#opened = true;
      if (conversation.unreadCount > 0) this.#unreadAfter = conversation.readSeq;
    }
    if (changed.has("marked")) this.#reached = null;
    // What is loaded further up moves nothing: only then it costs a layout.
    const last = id ? this.client.thread(id).last : 0;
    const end = `${last} ${this.client.entries.map(({ problem }) => !!problem)}`;
    this.#anchor = this.away && end !== this.#end ? this.#inSight() : null;
    this.#end = end;
  }

  protected override view(): unknown {
    const { client, t } = this;
    const target = this.target;
    if (client.state === "signed-out") {
      // The way out of a chat that is open stands in the header.
      return html`${this.plain || !this.to ? nothing : this.#header(undefined)}${this.signInView()}`;
    }
    if (!target) return html`<div class="empty"><slot name="empty">${t.nobodyChosen}</slot></div>`;
    const id = client.resolve(target);
    const conversation = id ? client.conversations.get(id) : undefined;
    const thread = id ? client.thread(id) : null;
    return html`${this.plain ? nothing : this.#header(conversation)}
      ${this.failureView(thread?.failure ?? null, () => void thread?.load())}
      ${this.failureView(this.refused?.failure ?? null, () => void this.#change(id!, this.refused!.change))}
      <div
        class="scroller"
        part="messages"
        role="log"
        aria-live="off"
        aria-label=${t.messages}
        aria-busy=${thread?.loading ? "true" : "false"}
        tabindex="0"
        @scroll=${this.#scroll}
      >
        <div class="all">
          <div class="top">${thread && (!thread.loaded || thread.loading) ? t.loading : nothing}</div>
          ${thread ? this.#messages(thread, conversation) : nothing}
          ${
            !thread || (thread.loaded && thread.messages.length === 0)
              ? html`<p class="empty"><slot name="empty">${t.noMessages}</slot></p>`
              : nothing
          }
          ${repeat(
            client.unsent(target),
            ({ key }) => key,
            (entry) => this.#unsent(entry),
          )}
        </div>
      </div>
      ${
        this.away
          ? html`<button type="button" class="newest" @click=${this.toNewest} title=${t.newest}>
            <span class="hidden">${t.newest}</span>
            ${this.later ? html`<span class="count">${this.later}</span>` : nothing}
            ${icon("M12 16.5 5 9.5l1.5-1.5 5.5 5.5 5.5-5.5L19 9.5z")}
          </button>`
          : nothing
      }
      <p class="typing" part="typing">${id ? this.#typing(id, conversation) : nothing}</p>
      <p class="hidden" role="status">${this.heard}</p>
      <slot name="footer"></slot>
      <messaging-composer exportparts="composer, input, send" .target=${target}
        .context=${this.#about().context}></messaging-composer>`;
  }

  #header(conversation: Conversation | undefined): unknown {
    const { t } = this;
    const other = conversation && this.client.others(conversation)[0];
    const title = conversation ? this.headline(conversation) : this.toName || this.to;
    const there = other && this.client.presence(other);
    const line = [
      conversation?.subject,
      there?.online
        ? t.online
        : there?.lastSeenAt && fill(t.lastSeen, { when: since(t.tag, there.lastSeenAt) }),
      conversation?.status === "closed" && t.closed,
    ];
    return html`<header part="header">
      ${
        this.backButton
          ? html`<button type="button" class="icon back" aria-label=${t.back} @click=${() => this.say("back")}>
            <span class="flip">${icon("m15.5 4 1.5 1.5L10.5 12l6.5 6.5-1.5 1.5L7.5 12z")}</span>
          </button>`
          : nothing
      }
      ${title ? this.avatar(other?.id ?? this.to, title) : nothing}
      <div>
        <h2 class="ellipsis">${title}</h2>
        <small class="ellipsis">${line.filter(Boolean).join(" · ")}</small>
      </div>
      <slot name="header"></slot>
      ${conversation ? this.#actions(conversation) : nothing}
    </header>`;
  }

  #actions(conversation: Conversation): unknown {
    const { client, t } = this;
    const { id, archived, status, kind } = conversation;
    const button = (label: string, path: string, change: Change) =>
      html`<button
        type="button"
        class="icon"
        aria-label=${label}
        title=${label}
        @click=${() => void this.#change(id, change)}
      >
        ${icon(path)}
      </button>`;
    return html`${
      kind === "ticket" && client.me && may(client.api.adapter, "change", client.me.role)
        ? status === "open"
          ? button(t.close, "m9.5 17.5-5.5-5.5 1.5-1.5 4 4 9-9L20 7z", { status: "closed" })
          : button(t.reopen, "M12 5V1.5L7 6.5l5 5V8a5 5 0 1 1-5 5H4.5A7.5 7.5 0 1 0 12 5z", {
              status: "open",
            })
        : nothing
    }${button(
      archived ? t.unarchive : t.archive,
      archived
        ? "M4 8h16v12H4zm2 2v8h12v-8zM3 4h18v3H3zm9 6.5 3.5 3.5H13v3h-2v-3H8.5z"
        : "M4 8h16v12H4zm2 2v8h12v-8zM3 4h18v3H3zm8 7h2v3h2.5L12 17.5 8.5 14H11z",
      { archived: !archived },
    )}`;
  }

  async #change(id: Id, change: Change): Promise<void> {
    this.refused = null;
    try {
      this.say("change", await this.client.change(id, change));
    } catch (failure) {
      if (id === this.#shown) this.refused = { failure: failure as Failure, change };
    }
  }

  #messages(thread: Thread, conversation: Conversation | undefined): unknown {
    const { messages } = thread;
    const me = this.client.me?.id ?? "";
    const unreadAfter = this.#unreadAfter;
    const marked = this.marked ?? null;
    const locale = this.t;
    // Of ten thousand, to look whether they changed takes its time too.
    return guard([messages, me, unreadAfter, marked, conversation?.members, locale], () =>
      messagesView({
        messages,
        me,
        unreadAfter,
        marked,
        conversation,
        locale,
        nameOf: (id) => this.#nameOfId(id, conversation),
      }),
    );
  }

  #nameOfId(id: Id, conversation: Conversation | undefined): string {
    const member = conversation?.members.find((one) => one.id === id);
    if (member) return this.nameOf(member);
    // A team's person: who exactly is not the other side's business.
    const team = conversation && this.client.others(conversation)[0];
    return this.nameOf(team);
  }

  #unsent(entry: Entry): unknown {
    const { t, client } = this;
    const bad = entry.problem;
    const left = entry.at + WAITING - Date.now();
    const slow = left < 0 || !navigator.onLine || client.state === "connecting";
    if (!slow) this.#later(left);
    return html`<article class="message mine unsent ${bad ? "bad" : ""}" part="message own-message">
      ${bubble(entry.message.content, t)}
      <span class="meta">
        ${
          bad
            ? html`<span role="alert" title=${bad.text}>${t.failed}</span>
              <button type="button" class="link" @click=${() => client.resend(entry.key)}>${t.retry}</button>
              <button type="button" class="link" @click=${() => client.discard(entry.key)}>
                ${t.discard}
              </button>`
            : slow
              ? t.waiting
              : t.sending
        }
      </span>
    </article>`;
  }

  #later(pause: number): void {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.requestUpdate(), pause);
  }

  #typing(id: Id, conversation: Conversation | undefined): unknown {
    const typers = this.client.typers(id);
    if (typers.length === 0) return nothing;
    if (typers.length > 1) return this.t.typingMany;
    const { name, userId } = typers[0]!;
    return fill(this.t.typing, { name: name ?? this.#nameOfId(userId, conversation) });
  }

  get #scroller(): HTMLElement | null {
    return this.renderRoot.querySelector(".scroller");
  }

  toNewest(): void {
    this.#scroller?.scrollTo({ top: 0 });
  }

  protected override updated(): void {
    super.updated();
    // Not at each update: it stands behind all messages.
    const composer =
      this.#wanted && this.renderRoot.querySelector<MessagingComposer>("messaging-composer");
    if (composer) {
      this.#wanted = false;
      composer.focus();
    }
    const scroller = this.#scroller;
    if (!scroller) return;
    if (this.#anchor?.element.isConnected) {
      // Who reads further up stays there when something comes at the end.
      scroller.scrollTop += this.#anchor.element.getBoundingClientRect().top - this.#anchor.top;
    }
    this.#reach();
    this.#fill();
    this.#look();
  }

  /** A message in the middle of what is seen. */
  #inSight(): { element: Element; top: number } | null {
    const box = this.#scroller?.getBoundingClientRect();
    if (!box) return null;
    const root = this.renderRoot as ShadowRoot;
    const element = root
      .elementsFromPoint(box.left + box.width / 2, box.top + box.height / 2)
      .find((one) => one.matches("[data-seq]"));
    return element ? { element, top: element.getBoundingClientRect().top } : null;
  }

  /** The beginning comes near: there may be more. */
  #fill(): void {
    const box = this.#scroller;
    const thread = this.#shown && box ? this.client.thread(this.#shown) : null;
    if (!box || !thread?.older || thread.loading || thread.failure) return;
    if (box.scrollHeight + box.scrollTop - box.clientHeight < AHEAD) void thread.loadOlder();
  }

  #scroll(): void {
    this.#fill();
    const away = -(this.#scroller?.scrollTop ?? 0) > NEAR;
    if (away === (this.away ?? false)) return;
    this.away = away;
    if (!away) this.later = 0;
    this.#look();
  }

  /** Read is what somebody looks at: the newest in sight, the page in front. */
  #look(): void {
    const target = this.provided && this.client.me && this.target;
    const id = target && this.client.resolve(target);
    if (!id || this.away || document.visibilityState !== "visible" || !document.hasFocus()) return;
    const scroller = this.#scroller;
    if (!scroller?.clientHeight) return; // it is there, but not to be seen
    const { last } = this.client.thread(id);
    if (last > 0) void this.client.read(id, last);
  }

  #hear(message: Message): void {
    if (message.conversationId !== this.#shown) return;
    const conversation = this.client.conversations.get(this.#shown);
    const name = this.#nameOfId(message.senderId, conversation);
    this.heard = fill(this.t.said, { name, text: message.content });
    if (this.away) this.later = (this.later ?? 0) + 1;
  }

  /** Loads as far as a message that was found, and shows it. */
  #reach(): void {
    const { marked } = this;
    const thread = this.#shown && marked ? this.client.thread(this.#shown) : null;
    if (!thread?.loaded || thread.loading || !marked || this.#reached === marked) return;
    if ((thread.messages[0]?.seq ?? 0) > marked && thread.older) {
      void thread.loadOlder(marked);
      return;
    }
    this.#reached = marked;
    const found = this.renderRoot.querySelector(`[data-seq="${marked}"]`);
    found?.scrollIntoView({ block: "center" });
  }
}
