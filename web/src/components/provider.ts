// <messaging-provider>: one for a page, around all the other components. It has the client, says
// where the API is and how one signs in, and sets the theme that they inherit.

import { html, LitElement, type PropertyValues, unsafeCSS } from "lit";
import type { Adapter } from "../core/adapter.js";
import { MessagingClient } from "../core/client.js";
import type { ClientEvents } from "../core/events.js";
import { attributes, JOIN, type Join, type Provided } from "./base.js";
import { type Locale, localeFor, registerLocale } from "./locale.js";
import styles from "./provider.css?inline";

/** Where the script-tag build was loaded from: its worker and its profiles lie beside it. */
export const place: { script: string } = { script: "" };

const beside = (name: string) => (place.script ? new URL(name, place.script).href : null);

/** Others are a site's own, and asked for by name. */
const SHIPPED = ["en", "fr"];

const ANNOUNCED = [
  "ready",
  "signed-out",
  "state",
  "message",
  "sent",
  "select",
  "unread",
  "failed",
] as const;

/**
 * @fires messaging-ready detail: Me
 * @fires messaging-signed-out 401: the page may show its own sign-in
 * @fires messaging-state detail: "connecting", "open", "polling", "signed-out"
 * @fires messaging-message detail: Message, somebody else's, just come
 * @fires messaging-sent detail: Message
 * @fires messaging-failed detail: Entry
 * @fires messaging-select detail: the conversation's id, or null
 * @fires messaging-unread detail: the number of unread messages
 */
export class MessagingProvider extends LitElement {
  static override properties = {
    ...attributes({
      api: "",
      profile: "",
      locale: "",
      worker: "",
      signIn: "",
      theme: "",
      density: "",
      deferHydration: false,
    }),
    getToken: { attribute: false },
    adapter: { attribute: false },
  };

  declare api: string;
  declare profile: string;
  declare locale: string;
  declare worker: string;
  declare signIn: string;
  declare theme: "" | "light" | "dark" | "auto";
  declare density: "" | "compact";
  /** A server rendered it, and what it is to do is not said yet (React's wrapper, for one). */
  declare deferHydration: boolean;
  declare getToken: (() => string | null | Promise<string | null>) | undefined;
  declare adapter: Adapter | undefined;

  client: MessagingClient | null = null;
  #given: Provided | null = null;
  #takers = new Set<(given: Provided) => void>();
  #closing = 0;
  #asked = 0;

  static override styles = unsafeCSS(styles);

  override connectedCallback(): void {
    super.connectedCallback();
    clearTimeout(this.#closing);
    this.client?.connect();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    // A page may only be moving it.
    this.#closing = window.setTimeout(() => this.client?.close());
  }

  constructor() {
    super();
    this.addEventListener(JOIN, (event) => {
      event.stopPropagation();
      const join: Join = (take) => {
        this.#takers.add(take);
        if (this.#given) take(this.#given);
        return () => this.#takers.delete(take);
      };
      (event as CustomEvent).detail.join = join;
    });
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (this.deferHydration) return;
    const anew = ["api", "profile", "adapter", "getToken", "worker", "locale"] as const;
    if (!this.client || anew.some((name) => changed.has(name))) void this.#open();
    else if (changed.has("signIn")) this.#give();
  }

  /** Of another API, person or language: another client. */
  async #open(): Promise<void> {
    const { profile } = this;
    const asked = ++this.#asked;
    const [adapter] = await Promise.all([
      this.adapter ?? (profile ? this.#load<Adapter>("profiles", profile) : null),
      this.#learn(),
    ]);
    if (asked !== this.#asked || adapter === undefined) return;
    this.client?.close();
    const client = new MessagingClient({
      api: this.api || undefined,
      adapter,
      getToken: this.getToken,
      locale: localeFor(this.locale).tag,
      worker: this.worker === "none" ? null : this.worker || beside("messaging-worker.js"),
    });
    this.client = client;
    for (const name of ANNOUNCED) {
      client.on(name, (detail: ClientEvents[typeof name]) => {
        if (client !== this.client) return;
        this.dispatchEvent(
          new CustomEvent(`messaging-${name}`, { detail, bubbles: true, composed: true }),
        );
      });
    }
    this.#give();
    if (this.isConnected) client.connect();
  }

  /** The page's language, where it is not known and lies beside the script. */
  async #learn(): Promise<void> {
    const page = document.documentElement.lang.split("-")[0]!;
    const tag = this.locale?.split("-")[0] || (SHIPPED.includes(page) ? page : "");
    if (!place.script || !tag || localeFor(tag).tag === tag) return;
    const locale = await this.#load<Locale>("locales", tag);
    if (locale) registerLocale(locale);
  }

  /** What is shipped by its name, a site's own by its address. */
  async #load<T>(folder: string, name: string): Promise<T | undefined> {
    const url = name.includes("/") ? name : beside(`${folder}/${name}.json`);
    try {
      const answer = await fetch(url ?? name);
      if (answer.ok) return (await answer.json()) as T;
      throw new Error(String(answer.status));
    } catch (error) {
      console.error(`messaging-provider: nothing at ${url ?? name}:`, error);
    }
  }

  #give(): void {
    if (!this.client) return;
    this.#given = {
      client: this.client,
      locale: localeFor(this.locale),
      signIn: this.signIn ?? "",
    };
    for (const take of [...this.#takers]) take(this.#given);
  }

  /** Before the site's own sign-out: takes drafts and what is unsent out of this browser. */
  async signOut(): Promise<void> {
    await this.client?.signOut();
  }

  protected override render(): unknown {
    return html`<slot></slot>`;
  }
}
