// <messaging-badge>: how much is unread, as a number for a site's own link; nothing where nothing
// is. It may say so in the page's title and on the installed app's icon too.

import { html, nothing, unsafeCSS } from "lit";
import styles from "./badge.css?inline";
import { attributes, Part, sheet } from "./base.js";
import { plural } from "./locale.js";

export class MessagingBadge extends Part {
  static override properties = attributes({ max: "", pageTitle: false, appBadge: false });

  /** Above it: "99+". */
  declare max: string;
  /** "(3) Shop" while something is unread. */
  declare pageTitle: boolean;
  declare appBadge: boolean;

  #said: number | null = null;

  static override styles = [sheet, unsafeCSS(styles)];

  protected override joined(): void {
    this.client.countUnread();
    this.hold(() => this.#tell(0));
  }

  protected override view(): unknown {
    const count = this.client.unread ?? 0;
    const max = Number(this.max || 99);
    if (count === 0) return nothing;
    return html`<span class="count" part="count">
      <span aria-hidden="true">${count > max ? `${max}+` : count}</span>${this.unseen(
        plural(this.t, "unread", count),
      )}
    </span>`;
  }

  protected override updated(): void {
    super.updated();
    if (this.provided) this.#tell(this.client.unread ?? 0);
  }

  #tell(count: number): void {
    if (count === this.#said) return;
    this.#said = count;
    if (this.pageTitle) {
      const title = document.title.replace(/^\(\d+\) /, "");
      document.title = count > 0 ? `(${count}) ${title}` : title;
    }
    if (this.appBadge && "setAppBadge" in navigator) {
      // Refused where the site is not installed: then there is no icon either.
      void navigator.setAppBadge(count).catch(() => {});
    }
  }
}
