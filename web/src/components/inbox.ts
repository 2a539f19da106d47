// <messaging-inbox>: the list of conversations, with filters and search, and beside it, unless
// `list-only`, the one that is chosen; where there is no room for both, one or the other. The chosen
// one stands in the page's address.

import { html, nothing, type PropertyValues, type TemplateResult, unsafeCSS } from "lit";
import { guard } from "lit/directives/guard.js";
import { repeat } from "lit/directives/repeat.js";
import type { ConversationList } from "../core/list.js";
import type { Conversation, Id, ListQuery, Message } from "../core/types.js";
import { attributes, Part, sheet } from "./base.js";
import { full, short } from "./dates.js";
import styles from "./inbox.css?inline";
import { fill, plural } from "./locale.js";

const FILTERS = {
  all: { archived: false },
  unread: { unread: true, archived: false },
  open: { status: "open", archived: false },
  closed: { status: "closed", archived: false },
  archived: { archived: true },
} satisfies Record<string, ListQuery>;

type Filter = keyof typeof FILTERS;

const PAUSE = 250; // ms after the last key, before a search is asked for
const AHEAD = 1000; // px from the end at which more is asked for
const CHUNK = 10; // rows that a browser may leave undrawn together

/**
 * @fires messaging-choose detail: the id that somebody chose; cancelable: then nothing is selected
 * @slot actions beside the heading. Further slots: empty, sign-in, thread
 */
export class MessagingInbox extends Part {
  static override properties = {
    ...attributes({
      filters: "",
      conversation: "",
      context: "",
      urlParam: "",
      listOnly: false,
      heading: "",
    }),
    filter: { state: true },
    words: { state: true },
    found: { state: true },
    marked: { state: true },
  };

  /** Which filters there are, by name, in order; "" for none. */
  declare filters: string;
  /** The one that is chosen, at first and whenever the page names another. */
  declare conversation: string;
  /** `TYPE:ID`, or `TYPE`: only conversations about it. */
  declare context: string;
  declare urlParam: string;
  declare listOnly: boolean;
  declare heading: string;
  declare filter: Filter;
  declare words: string;
  declare found: { messages: Message[]; cursor: string | null } | null;
  declare marked: { id: Id; seq: number } | null;

  #list: ConversationList | null = null;
  #key = "";
  #timer = 0;
  #search = new AbortController();
  #focused = "";
  /** Rises when somebody comes or goes. */
  #seen = 0;

  constructor() {
    super();
    this.filters = "all unread archived";
    this.urlParam = "conversation";
    this.filter = "all";
    this.words = "";
  }

  static override styles = [sheet, unsafeCSS(styles)];

  protected override joined(): void {
    this.#list?.close();
    this.#list = null;
    const chosen = this.conversation || this.#inAddress();
    if (chosen) this.client.select(chosen);
    this.hold(this.client.on("select", (id) => this.#address(id)));
    this.hold(this.client.on("presence", () => this.#seen++));
    this.listen(window, "popstate", () => this.client.select(this.#inAddress()));
    this.hold(() => {
      this.#list?.close();
      this.#key = "";
    });
  }

  // --- The address

  #inAddress(): Id | null {
    return this.urlParam ? new URLSearchParams(location.search).get(this.urlParam) : null;
  }

  #address(id: Id | null): void {
    if (!this.urlParam || id === this.#inAddress()) return;
    const url = new URL(location.href);
    if (id) url.searchParams.set(this.urlParam, id);
    else url.searchParams.delete(this.urlParam);
    history.pushState(history.state, "", url);
  }

  // --- What is listed

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!this.provided) return;
    if (changed.has("conversation") && this.conversation) this.client.select(this.conversation);
    const query: ListQuery = this.words
      ? { q: this.words }
      : { ...(FILTERS[this.filter] ?? {}), ...(this.context ? { context: this.context } : {}) };
    const key = JSON.stringify(query);
    if (key === this.#key || this.client.state === "signed-out") return;
    this.#key = key;
    this.#list?.close();
    this.#list = this.client.list(query);
    this.#search.abort();
    this.found = null;
    if (this.words) void this.#searchMessages();
  }

  async #searchMessages(): Promise<void> {
    this.#search = new AbortController();
    const { signal } = this.#search;
    const before = this.found;
    try {
      const page = await this.client.search(this.words, before?.cursor ?? undefined, signal);
      if (signal.aborted) return;
      const messages = [...(before?.messages ?? []), ...page.messages];
      this.found = { messages, cursor: page.nextCursor };
    } catch {
      // The list beside it says what is wrong.
    }
  }

  // --- What is shown

  protected override view(): unknown {
    const { client } = this;
    if (client.state === "signed-out") return this.signInView();
    const selected = client.selected;
    const conversation = selected ? client.conversations.get(selected) : undefined;
    const classes = `panes ${this.listOnly ? "" : "two"} ${selected ? "chosen" : ""}`;
    return html`<div class=${classes}>
      <section class="list" part="list" aria-label=${this.t.conversations}>${this.#listView()}</section>
      ${
        this.listOnly
          ? nothing
          : html`<section
            class="thread"
            part="thread"
            aria-label=${conversation ? this.headline(conversation) : this.t.messages}
            @keydown=${this.#leave}
          >
            <slot name="thread">
              <messaging-thread
                back-button
                exportparts="messages, message, own-message, other-message, composer, input, send"
                .conversation=${selected ?? ""}
                .marked=${this.marked?.id === selected ? this.marked!.seq : null}
                @messaging-back=${this.#back}
              ></messaging-thread>
            </slot>
          </section>`
      }
    </div>`;
  }

  #listView(): TemplateResult {
    const { t } = this;
    const list = this.#list!;
    const names = this.filters.split(/\s+/).filter((name): name is Filter => name in FILTERS);
    return html`<div class="head">
        <div class="title">
          <h2>${this.heading || t.conversations}</h2>
          <slot name="actions"></slot>
        </div>
        <messaging-status quiet></messaging-status>
        <input
          type="search"
          part="search"
          aria-label=${t.search}
          placeholder=${t.search}
          maxlength="200"
          @input=${this.#type}
        />
        ${
          names.length > 1
            ? html`<div class="filters" role="group" aria-label=${t.show}>
              ${names.map(
                (name) =>
                  html`<button
                    type="button"
                    aria-pressed=${this.filter === name ? "true" : "false"}
                    @click=${() => {
                      this.filter = name;
                    }}
                  >
                    ${t.filters[name]}
                  </button>`,
              )}
            </div>`
            : nothing
        }
      </div>
      ${this.failureView(list.failure, () => void list.load())}
      <div class="rows" part="rows" @keydown=${this.#keydown} @scroll=${this.#fill}>${this.#rows(list)}</div>`;
  }

  #rows(list: ConversationList): TemplateResult {
    const { t } = this;
    const { items } = list;
    const found = this.words ? this.found : null;
    const none = items.length === 0 && list.loaded && !list.loading && !found?.messages.length;
    const tab = items.some(({ id }) => id === this.#focused) ? this.#focused : (items[0]?.id ?? "");
    const today = new Date().toDateString(); // tomorrow its time reads otherwise
    return html`${!list.loaded && list.loading ? html`<p class="empty">${t.loading}</p>` : nothing}
      ${
        none
          ? html`<div class="empty">
            <slot name="empty">${this.words || this.filter !== "all" ? t.noMatches : t.noConversations}</slot>
          </div>`
          : nothing
      }
      ${guard([items, tab, this.client.selected, t, today, this.#seen], () => {
        const chunks: TemplateResult[] = [];
        for (let at = 0; at < items.length; at += CHUNK) {
          chunks.push(html`<ul class="chunk" role="list">
            ${repeat(
              items.slice(at, at + CHUNK),
              ({ id }) => id,
              (one) => html`<li>${this.#row(one, one.id === tab, today)}</li>`,
            )}
          </ul>`);
        }
        return chunks;
      })}
      ${
        list.more
          ? html`<button type="button" class="more" ?disabled=${list.loading} @click=${() => void list.loadMore()}>
            ${t.loadMore}
          </button>`
          : nothing
      }
      ${found?.messages.length ? this.#foundView(found) : nothing}`;
  }

  #row(one: Conversation, tab: boolean, today: string): unknown {
    const { client, t } = this;
    const other = client.others(one)[0];
    const there = other ? client.presence(other).online === true : false;
    const current = one.id === client.selected;
    return guard([one, tab, there, current, t, today], () => {
      const name = this.headline(one);
      const { unreadCount, lastMessage, subject } = one;
      const mine = lastMessage && lastMessage.senderId === client.me?.id;
      const text = lastMessage?.content ?? "";
      const preview = mine ? fill(t.said, { name: t.you, text }) : text;
      const when = one.lastMessageAt ?? one.createdAt;
      return html`<button
        type="button"
        class="row ${unreadCount > 0 ? "new" : ""}"
        part="row"
        data-id=${one.id}
        tabindex=${tab ? 0 : -1}
        aria-current=${current ? "true" : "false"}
        @click=${() => this.#choose(one.id)}
        @focus=${() => {
          this.#focused = one.id;
        }}
      >
        <span class=${there ? "there" : ""}>${this.avatar(other?.id ?? one.id, name)}</span>
        <span class="who ellipsis"
          >${name}${there ? this.unseen(t.online) : nothing}${
            one.status === "closed" ? this.unseen(t.closed) : nothing
          }</span
        >
        <time datetime=${when} title=${full(t.tag, when)}>${short(t.tag, when)}</time>
        <span class="preview ellipsis" dir="auto">${subject ? `${subject} — ` : ""}${preview}</span>
        ${
          unreadCount > 0
            ? html`<span class="count"
                ><span aria-hidden="true">${unreadCount}</span>${this.unseen(
                  plural(t, "unread", unreadCount),
                )}</span
              >`
            : nothing
        }
      </button>`;
    });
  }

  #foundView({ messages, cursor }: { messages: Message[]; cursor: string | null }): TemplateResult {
    const { client, t } = this;
    return html`<p class="section">${t.messages}</p>
      <ul role="list">
        ${messages.map((message) => {
          const conversation = client.conversations.get(message.conversationId);
          if (!conversation) void client.conversation(message.conversationId).catch(() => {});
          const name = conversation ? this.headline(conversation) : t.somebody;
          const when = short(t.tag, message.createdAt);
          return html`<li>
            <button
              type="button"
              class="row"
              part="row"
              tabindex="-1"
              @click=${() => {
                this.marked = { id: message.conversationId, seq: message.seq };
                this.#choose(message.conversationId);
              }}
            >
              ${this.avatar(message.senderId, name)}
              <span class="who ellipsis">${name}</span>
              <time>${when}</time>
              <span class="preview ellipsis" dir="auto">${message.content}</span>
            </button>
          </li>`;
        })}
      </ul>
      ${
        cursor
          ? html`<button type="button" class="more" @click=${() => void this.#searchMessages()}>
            ${t.loadMore}
          </button>`
          : nothing
      }`;
  }

  // --- What is done

  #type(event: Event): void {
    const words = (event.target as HTMLInputElement).value.trim();
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => {
      this.words = words;
    }, PAUSE);
  }

  #choose(id: Id): void {
    if (this.marked?.id !== id) this.marked = null;
    if (!this.say("choose", id)) return;
    this.client.select(id);
    if (this.listOnly) return;
    // Where one types next; on a phone the keyboard would hide what was chosen.
    if (!matchMedia("(pointer: coarse)").matches) {
      void this.updateComplete.then(() =>
        this.renderRoot.querySelector<HTMLElement>("messaging-thread")?.focus(),
      );
    }
  }

  /** Escape goes back to the list, to the row that one came from. */
  #leave(event: KeyboardEvent): void {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    const { selected } = this.client;
    if (this.renderRoot.querySelector(".list")!.clientHeight === 0) void this.#back();
    else this.#focusRow((row) => row.dataset.id === selected);
  }

  async #back(): Promise<void> {
    const id = this.client.selected;
    this.client.select(null);
    this.requestUpdate();
    await this.updateComplete;
    this.#focusRow((row) => row.dataset.id === id);
  }

  /** Arrows walk the list, Home and End jump. */
  #keydown(event: KeyboardEvent): void {
    const rows = [...this.renderRoot.querySelectorAll<HTMLElement>(".row")];
    const at = rows.indexOf(event.target as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (to === undefined || at < 0) return;
    event.preventDefault();
    const row = rows[Math.max(0, Math.min(to, rows.length - 1))];
    row?.focus();
  }

  #focusRow(wanted: (row: HTMLElement) => boolean): void {
    [...this.renderRoot.querySelectorAll<HTMLElement>(".row")].find(wanted)?.focus();
  }

  protected override updated(): void {
    super.updated();
    this.#fill();
  }

  /** The end comes near: there is more. */
  #fill(): void {
    const rows = this.renderRoot.querySelector(".rows");
    if (!rows || !this.#list?.more || this.#list.loading || this.#list.failure) return;
    if (rows.scrollHeight - rows.scrollTop - rows.clientHeight < AHEAD) void this.#list.loadMore();
  }
}
