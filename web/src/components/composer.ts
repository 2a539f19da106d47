// <messaging-composer>: a text and a button. Enter sends, Shift+Enter is a new line; on a touch
// keyboard Enter is a new line, as everywhere there. What is typed is kept as a draft.

import { html, nothing, unsafeCSS } from "lit";
import type { Target } from "../core/outbox.js";
import { type Context, Failure } from "../core/types.js";
import { attributes, icon, Part, sheet } from "./base.js";
import styles from "./composer.css?inline";
import { fill } from "./locale.js";

const LONGEST = 10_000; // characters, as the API has it

/** @fires messaging-write detail: Entry. Cancelable `messaging-before-send`, detail: {content} */
export class MessagingComposer extends Part {
  static override properties = {
    ...attributes({ conversation: "", placeholder: "" }),
    target: { attribute: false },
    context: { attribute: false },
    text: { state: true },
    problem: { state: true },
  };

  declare conversation: string;
  declare placeholder: string;
  /** Set by the thread around it; else `conversation`. */
  declare target: Target | undefined;
  /** What the messages are about, where the site has it so. */
  declare context: Context | undefined;
  declare text: string;
  declare problem: string;

  #place = "";
  #who = "";

  static override styles = [sheet, unsafeCSS(styles)];

  get #target(): Target | null {
    return this.target ?? (this.conversation ? { conversation: this.conversation } : null);
  }

  override focus(): void {
    void this.updateComplete.then(() => this.renderRoot.querySelector("textarea")?.focus());
  }

  protected override willUpdate(): void {
    const target = this.provided && this.#target;
    const place = target ? JSON.stringify(target) : "";
    const who = (target && this.client.me?.id) || "";
    if (place === this.#place && who === this.#who) return;
    // Some type before it is known who they are.
    const typed = place === this.#place && !this.#who && this.text;
    this.#place = place;
    this.#who = who;
    this.problem = "";
    this.text = target && who ? this.client.draft(target) || typed || "" : "";
    if (target && typed) this.client.setDraft(target, this.text);
  }

  protected override view(): unknown {
    const target = this.#target;
    const over = [...(this.text ?? "")].length - LONGEST;
    const problem = over > 0 ? fill(this.t.tooLong, { over }) : this.problem;
    return html`<form part="composer" @submit=${this.#submit}>
        <textarea
          part="input"
          rows="1"
          dir="auto"
          enterkeyhint="send"
          aria-label=${this.t.write}
          aria-invalid=${problem ? "true" : nothing}
          aria-describedby=${problem ? "problem" : nothing}
          placeholder=${this.placeholder || this.t.write}
          .value=${this.text ?? ""}
          ?disabled=${!target}
          @input=${this.#input}
          @keydown=${this.#keydown}
        ></textarea>
        <button class="primary" part="send" aria-label=${this.t.send} title=${this.t.send}>
          <span class="flip">${icon("M3 20V4l19 8zm2-3 11.9-5L5 7v3.5l6 1.5-6 1.5z")}</span>
        </button>
      </form>
      ${problem ? html`<p id="problem" role="alert">${problem}</p>` : nothing}`;
  }

  #input(event: Event): void {
    this.text = (event.target as HTMLTextAreaElement).value;
    const target = this.#target;
    if (!target) return;
    this.client.setDraft(target, this.text);
    const id = this.client.resolve(target);
    if (id) this.client.typing(id, this.text.trim() !== "");
  }

  #keydown(event: KeyboardEvent): void {
    const touch = matchMedia("(pointer: coarse)").matches;
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || touch) return;
    event.preventDefault();
    this.#submit(event);
  }

  #submit(event: Event): void {
    event.preventDefault();
    const content = this.text.trim();
    const target = this.#target;
    if (!content || !target || [...content].length > LONGEST) return;
    if (!this.say("before-send", { content })) return;
    try {
      const entry = this.client.send(target, {
        content,
        ...(this.context ? { context: this.context } : {}),
      });
      this.text = "";
      this.problem = "";
      this.client.setDraft(target, "");
      this.say("write", entry);
    } catch (error) {
      this.problem = error instanceof Failure ? this.t.failure : String(error);
    }
    this.focus();
  }
}
