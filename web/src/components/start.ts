// <messaging-start>: a button that opens a conversation with somebody about something. Where the
// site wants no empty conversations, or has no page for them, a dialog takes the first message.

import { html, unsafeCSS } from "lit";
import { newKey } from "../core/backoff.js";
import type { Entry } from "../core/outbox.js";
import type { Failure, Id } from "../core/types.js";
import { attributes, Part, sheet, startOf } from "./base.js";
import styles from "./start.css?inline";

/** @fires messaging-started detail: the conversation's id; cancelable: then no page is opened */
export class MessagingStart extends Part {
  static override properties = {
    ...attributes({ to: "", toName: "", contextType: "", contextId: "", href: "", label: "" }),
    busy: { state: true },
    failure: { state: true },
  };

  declare to: string;
  declare toName: string;
  declare contextType: string;
  declare contextId: string;
  /** Where the conversation is shown: `/messages?conversation={id}`. */
  declare href: string;
  declare label: string;
  declare busy: boolean;
  declare failure: Failure | null;

  #key = newKey();

  static override styles = [sheet, unsafeCSS(styles)];

  protected override view(): unknown {
    const { t } = this;
    const name = this.toName || t.newConversation;
    return html`<button
        type="button"
        class="primary"
        part="button"
        ?disabled=${this.busy}
        @click=${this.#click}
      >
        <slot>${this.label || t.contact}</slot>
      </button>
      ${this.failureView(this.failure, () => void this.#click())}
      <dialog part="dialog" aria-label=${name} @messaging-write=${this.#wrote}>
        <form method="dialog"><button class="icon" aria-label=${t.hide}>✕</button></form>
        <messaging-thread
          to=${this.to}
          to-name=${this.toName ?? ""}
          context-type=${this.contextType ?? ""}
          context-id=${this.contextId ?? ""}
        >
          <slot name="sign-in" slot="sign-in">${this.signInHint()}</slot>
        </messaging-thread>
      </dialog>`;
  }

  async #click(): Promise<void> {
    const { client } = this;
    this.failure = null;
    if (!this.href || client.api.adapter?.content || client.state === "signed-out") {
      this.renderRoot.querySelector("dialog")!.showModal();
      return;
    }
    this.busy = true;
    try {
      this.#go(await client.start(startOf(this), null, this.#key));
    } catch (error) {
      if (client.state === ("signed-out" as string))
        this.renderRoot.querySelector("dialog")!.showModal();
      else this.failure = error as Failure;
    } finally {
      this.busy = false;
    }
  }

  /** On to the conversation, when its first message is there: a page that is left sends nothing. */
  #wrote({ detail }: CustomEvent<Entry>): void {
    if (!this.href) return;
    const stop = this.client.on("sent", ({ entry, message }) => {
      if (entry.key !== detail.key) return;
      stop();
      this.#go(message.conversationId);
    });
    this.hold(stop);
  }

  #go(id: Id): void {
    if (!this.say("started", id)) return;
    if (this.href) location.assign(this.href.replace("{id}", encodeURIComponent(id)));
  }
}
