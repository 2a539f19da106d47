// <messaging-new>: a button and a dialog for a new ticket, or a conversation with somebody out of
// the site's own list of people.

import { html, nothing, type PropertyValues, unsafeCSS } from "lit";
import { newKey } from "../core/backoff.js";
import type { Failure, Person } from "../core/types.js";
import { attributes, icon, Part, sheet } from "./base.js";
import styles from "./new.css?inline";

const PAUSE = 200; // ms after the last key
const PEOPLE = 20; // shown at once

/**
 * @fires messaging-started detail: the conversation's id; cancelable: then it is not selected
 * @fires messaging-close
 */
export class MessagingNew extends Part {
  static override properties = {
    ...attributes({
      kind: "",
      to: "",
      as: "",
      people: "",
      label: "",
      noSubject: false,
      noButton: false,
      open: false,
    }),
    search: { attribute: false },
    found: { state: true },
    person: { state: true },
    active: { state: true },
    busy: { state: true },
    failure: { state: true },
    missing: { state: true },
  };

  declare kind: "direct" | "ticket" | "";
  /** With whom, where that is always the same: "team:admin". */
  declare to: string;
  declare as: "user" | "team" | "";
  /** Where the site says who there is: JSON, `[{id, name, role?}]`; `{q}` stands for what is typed. */
  declare people: string;
  /** The same, as a function. */
  declare search: ((words: string) => Promise<Person[]>) | undefined;
  declare label: string;
  declare noSubject: boolean;
  /** The page has a button of its own, and sets `open`. */
  declare noButton: boolean;
  declare open: boolean;
  declare found: Person[] | null;
  declare person: Person | null;
  declare active: number;
  declare busy: boolean;
  declare failure: Failure | null;
  declare missing: string;

  #key = newKey();
  #timer = 0;
  #asked = 0;

  static override styles = [sheet, unsafeCSS(styles)];

  protected override view(): unknown {
    const { t } = this;
    const name = this.label || (this.kind === "ticket" ? t.newTicket : t.newConversation);
    const asksWho = !this.to;
    const asksSubject = this.kind === "ticket" && !this.noSubject;
    return html`${
      this.noButton
        ? nothing
        : html`<button type="button" class="primary" part="button" @click=${this.show}>
              <slot>${icon("M11 5h2v6h6v2h-6v6h-2v-6H5v-2h6z")}${name}</slot>
            </button>`
    }
      <dialog part="dialog" aria-labelledby="title" @close=${this.#closed}>
        <form novalidate @submit=${this.#submit} @input=${this.#mend}>
          <h2 id="title">${name}</h2>
          ${asksWho ? this.#combo() : nothing}
          ${
            asksSubject
              ? html`<label
                >${t.subject}
                <input name="subject" maxlength="200" autocomplete="off" aria-invalid=${this.#wrong("subject")} />
                ${this.#problem("subject")}
              </label>`
              : nothing
          }
          <label
            >${t.message}
            <textarea name="content" rows="5" dir="auto" maxlength="10000" aria-invalid=${this.#wrong("content")}></textarea>
            ${this.#problem("content")}
          </label>
          ${
            this.failure
              ? html`<p class="problem" role="alert">${this.failure.message || t.failure}</p>`
              : nothing
          }
          <div class="buttons">
            <button type="button" @click=${this.#close}>${t.cancel}</button>
            <button class="primary" ?disabled=${this.busy}>${this.busy ? t.sending : t.send}</button>
          </div>
        </form>
      </dialog>`;
  }

  /** WAI-ARIA's combobox with a list. */
  #combo(): unknown {
    const { t, found } = this;
    const active = this.active ?? 0;
    return html`<label
      >${t.to}
      <div class="combo">
        <input
          name="to"
          role="combobox"
          autocomplete="off"
          aria-autocomplete="list"
          aria-expanded=${found ? "true" : "false"}
          aria-controls="people"
          aria-activedescendant=${found?.[active] ? `person-${active}` : nothing}
          aria-invalid=${this.#wrong("to")}
          @input=${this.#type}
          @focus=${this.#type}
          @keydown=${this.#keydown}
          @blur=${() => {
            this.found = null;
          }}
        />
        <div id="people" role="listbox" aria-label=${t.to} ?hidden=${!found}>
          ${found?.map(
            (person, at) => html`<div
              id="person-${at}"
              role="option"
              aria-selected=${at === active ? "true" : "false"}
              @mousedown=${(event: Event) => {
                event.preventDefault();
                this.#choose(person);
              }}
            >
              ${this.avatar(person.id, person.name)}<span>${person.name}</span>
            </div>`,
          )}
          ${found?.length === 0 ? html`<div role="option" aria-selected="false">${t.nobodyFound}</div>` : nothing}
        </div>
      </div>
      ${this.#problem("to")}
    </label>`;
  }

  #wrong(field: string): string {
    return this.missing === field ? "true" : "false";
  }

  #problem(field: string): unknown {
    return this.missing === field
      ? html`<span class="problem" role="alert">${this.t.required}</span>`
      : nothing;
  }

  #field(name: string): HTMLInputElement | null {
    return this.renderRoot.querySelector(`[name="${name}"]`);
  }

  show(): void {
    this.open = true;
  }

  /** What is missing is said until somebody writes there. */
  #mend({ target }: Event): void {
    if ((target as HTMLInputElement).name === this.missing) this.missing = "";
  }

  #close(): void {
    this.open = false;
  }

  /** By Escape too. */
  #closed(): void {
    this.open = false;
    this.say("close");
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has("open") || !this.open) return;
    this.#key = newKey();
    this.failure = null;
    this.missing = "";
  }

  protected override updated(): void {
    super.updated();
    const dialog = this.renderRoot.querySelector("dialog");
    if (!dialog || dialog.open === (this.open ?? false)) return;
    if (this.open) dialog.showModal();
    else dialog.close();
  }

  #type(event: Event): void {
    const words = (event.target as HTMLInputElement).value.trim();
    if (this.person && words !== this.person.name) this.person = null;
    if (this.person) return;
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#ask(words), PAUSE);
  }

  async #ask(words: string): Promise<void> {
    const asked = ++this.#asked;
    let people: Person[] = [];
    try {
      people = this.search
        ? await this.search(words)
        : await this.#fetch(this.people.replace("{q}", encodeURIComponent(words)));
    } catch (error) {
      console.error("messaging-new: no people:", error);
    }
    if (asked !== this.#asked || this.renderRoot.querySelector("input:focus") === null) return;
    // A source that does not search gives all: the words are looked for here.
    const plain = (text: string) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
    const me = this.client.me?.id;
    this.found = people
      .filter(({ id, name }) => id !== me && plain(name).includes(plain(words)))
      .slice(0, PEOPLE);
    this.active = 0;
  }

  async #fetch(url: string): Promise<Person[]> {
    if (!url) return [];
    const answer = await fetch(url, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(String(answer.status));
    return (await answer.json()) as Person[];
  }

  #keydown(event: KeyboardEvent): void {
    const { found } = this;
    if (!found || event.isComposing) return;
    const active = this.active ?? 0;
    if (event.key === "ArrowDown") this.active = Math.min(active + 1, found.length - 1);
    else if (event.key === "ArrowUp") this.active = Math.max(active - 1, 0);
    else if (event.key === "Enter" && found[active]) this.#choose(found[active]);
    else if (event.key === "Escape") this.found = null;
    else return;
    event.preventDefault();
  }

  #choose(person: Person): void {
    this.person = person;
    this.found = null;
    this.missing = "";
    this.#field("to")!.value = person.name;
  }

  async #submit(event: Event): Promise<void> {
    event.preventDefault();
    const content = this.#field("content")!.value.trim();
    const subject = this.#field("subject")?.value.trim();
    const to = this.to || this.person?.id;
    this.missing = !to ? "to" : subject === "" ? "subject" : content ? "" : "content";
    if (this.missing || !to) {
      this.#field(this.missing)?.focus();
      return;
    }
    this.busy = true;
    this.failure = null;
    try {
      const start = {
        members: [to],
        ...(this.person ? { names: { [to]: this.person.name } } : {}),
        ...(subject ? { subject } : {}),
        ...(this.kind ? { kind: this.kind } : {}),
        ...(this.as ? { as: this.as } : {}),
      };
      const id = await this.client.start(start, { content }, this.#key);
      this.#close();
      this.renderRoot.querySelector("form")!.reset();
      this.person = null;
      if (this.say("started", id)) this.client.select(id);
    } catch (error) {
      // Repeated under the same key it is one ticket, whatever became of this one.
      this.failure = error as Failure;
    } finally {
      this.busy = false;
    }
  }
}
