// <messaging-chat>: for a page about somebody, a shop's or a venue's: a button in the corner that
// opens a conversation with them. `inline`: in the page itself, open.

import { html, nothing, type PropertyValues, unsafeCSS } from "lit";
import { attributes, icon, Part, sheet } from "./base.js";
import styles from "./chat.css?inline";

/** @fires messaging-toggle detail: whether it is open. Slots: launcher, empty, sign-in */
export class MessagingChat extends Part {
  static override properties = attributes({
    to: "",
    toName: "",
    contextType: "",
    contextId: "",
    label: "",
    inline: false,
    open: false,
  });

  declare to: string;
  declare toName: string;
  declare contextType: string;
  declare contextId: string;
  /** On the button. */
  declare label: string;
  declare inline: boolean;
  declare open: boolean;

  static override styles = [sheet, unsafeCSS(styles)];

  protected override view(): unknown {
    const { t, toName } = this;
    const shown = this.open || this.inline;
    const text = this.label || t.contact;
    return html`${
      this.inline
        ? nothing
        : html`<button
          type="button"
          class="launcher primary"
          part="launcher"
          aria-expanded=${this.open ? "true" : "false"}
          aria-haspopup="dialog"
          @click=${() => {
            this.open = !this.open;
          }}
        >
          <slot name="launcher">${icon("M4 4h16v12H9l-5 4.5z")}${text}</slot>
        </button>`
    }
    ${
      shown
        ? html`<div
          class="panel"
          part="panel"
          role=${this.inline ? "region" : "dialog"}
          aria-label=${toName || text}
          @keydown=${this.#keydown}
        >
          <messaging-thread
            exportparts="messages, message, own-message, other-message, composer, input, send, header"
            to=${this.to}
            to-name=${toName ?? ""}
            context-type=${this.contextType ?? ""}
            context-id=${this.contextId ?? ""}
          >
            <slot name="sign-in" slot="sign-in">${this.signInHint()}</slot>
            ${
              this.inline
                ? nothing
                : html`<button
                  slot="header"
                  type="button"
                  class="icon"
                  aria-label=${t.hide}
                  @click=${this.#close}
                >
                  ${icon("m6.4 5 5.6 5.6L17.6 5 19 6.4 13.4 12l5.6 5.6-1.4 1.4-5.6-5.6L6.4 19 5 17.6l5.6-5.6L5 6.4z")}
                </button>`
            }
          </messaging-thread>
        </div>`
        : nothing
    }`;
  }

  protected override update(changed: PropertyValues<this>): void {
    super.update(changed);
    if (!this.provided || !changed.has("open") || changed.get("open") === undefined) return;
    this.say("toggle", this.open);
    void this.updateComplete.then(() => {
      const at = this.open ? "messaging-thread" : ".launcher";
      this.renderRoot.querySelector<HTMLElement>(at)?.focus();
    });
  }

  #close(): void {
    this.open = false;
  }

  #keydown(event: KeyboardEvent): void {
    if (event.key === "Escape" && !this.inline) this.#close();
  }
}
