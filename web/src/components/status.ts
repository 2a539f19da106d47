// <messaging-status>: how the connection is. A short break is nobody's business: "reconnecting" is
// said only after some seconds, with a button for those who cannot wait.

import { html, nothing, unsafeCSS } from "lit";
import { attributes, Part, sheet } from "./base.js";
import styles from "./status.css?inline";

const PATIENCE = 4000; // ms

export class MessagingStatus extends Part {
  static override properties = attributes({ quiet: false });

  /** Says something only when something is wrong. */
  declare quiet: boolean;

  #timer = 0;
  #was = false;

  static override styles = [sheet, unsafeCSS(styles)];

  protected override joined(): void {
    this.hold(() => clearTimeout(this.#timer));
  }

  protected override view(): unknown {
    const { client, t } = this;
    const { state } = client;
    if (state === "open" || state === "polling") this.#was = true;
    clearTimeout(this.#timer);
    const left = PATIENCE - (Date.now() - client.since);
    const late = left <= 0;
    if (state === "connecting" && !late) {
      this.#timer = window.setTimeout(() => this.requestUpdate(), left);
    }
    const bad = state === "signed-out" || (state === "connecting" && late);
    const text =
      state === "connecting"
        ? late
          ? t.reconnecting
          : this.#was
            ? t.connected
            : t.connecting
        : { open: t.connected, polling: t.polling, "signed-out": t.signedOut }[state];
    if (this.quiet && !(bad && state === "connecting")) {
      return html`<div role="status"></div>`;
    }
    return html`<div role="status">
      <p class=${bad ? "bad" : ""} part="status">
        <span class="dot"></span>${text}
        ${
          bad && state === "connecting"
            ? html`<button type="button" class="link" @click=${() => client.retry()}>${t.retry}</button>`
            : nothing
        }
      </p>
    </div>`;
  }
}
