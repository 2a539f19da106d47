// What all components share: the client of the provider around them, its locale, and the sheet of
// styles. A component renders again whenever the client says that something changed.

import {
  html,
  LitElement,
  nothing,
  type PropertyDeclarations,
  type TemplateResult,
  unsafeCSS,
} from "lit";
import type { MessagingClient } from "../core/client.js";
import type { Conversation, Failure, Id, Member, Start } from "../core/types.js";
import styles from "./base.css?inline";
import { fill, type Locale } from "./locale.js";
import { hue, initials } from "./text.js";

/** What a provider gives; another object whenever one of these is another. */
export interface Provided {
  client: MessagingClient;
  locale: Locale;
  /** Where the site signs people in. */
  signIn: string;
}

/** How a component asks for its provider: an event that goes up to it. */
export const JOIN = "messaging-join";

/** Called now, if there is something, and at each change; what it returns ends that. */
export type Join = (take: (given: Provided) => void) => () => void;

export abstract class Part extends LitElement {
  provided?: Provided;
  #stops: (() => void)[] = [];
  #left = () => {};

  constructor() {
    super();
    // Vue looks at what is there to know that `inline` alone means true.
    const { elementProperties } = this.constructor as typeof LitElement;
    for (const [name, { type }] of elementProperties) {
      if (type === Boolean) (this as unknown as Record<PropertyKey, unknown>)[name] = false;
    }
  }

  override connectedCallback(): void {
    super.connectedCallback();
    const ask = { join: undefined as Join | undefined };
    this.dispatchEvent(new CustomEvent(JOIN, { detail: ask, bubbles: true, composed: true }));
    if (!ask.join) console.error(`${this.localName}: there is no <messaging-provider> around it`);
    this.#left =
      ask.join?.((given) => {
        this.#leave();
        this.provided = given;
        this.hold(given.client.on("change", () => this.requestUpdate()));
        this.joined();
        this.requestUpdate();
      }) ?? (() => {});
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#left();
    this.#leave();
  }

  /** What is to be undone when it leaves this client. */
  protected hold(stop: () => void): void {
    this.#stops.push(stop);
  }

  /** Listens to the page for as long as it is there. */
  protected listen(target: EventTarget, type: string, listener: (event: Event) => void): void {
    target.addEventListener(type, listener);
    this.hold(() => target.removeEventListener(type, listener));
  }

  #leave(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  get client(): MessagingClient {
    return this.provided!.client;
  }

  get t(): Locale {
    return this.provided!.locale;
  }

  /** There is a client, or another one. */
  protected joined(): void {}

  /** What is shown where there is one. */
  protected abstract view(): unknown;

  protected override render(): unknown {
    return this.provided ? this.view() : nothing;
  }

  protected override updated(): void {
    // For screen readers, hyphenation and `:lang()`: the site's page may be in another language.
    if (this.provided && this.lang !== this.t.tag) this.lang = this.t.tag;
  }

  /** An event of this component, heard by the page too. */
  say(name: string, detail?: unknown): boolean {
    return this.dispatchEvent(
      new CustomEvent(`messaging-${name}`, {
        detail,
        bubbles: true,
        composed: true,
        cancelable: true,
      }),
    );
  }

  protected nameOf(member: Member | undefined): string {
    if (!member) return this.t.somebody;
    const team = /^team:(.*)/.exec(member.id);
    return member.name ?? (team ? fill(this.t.team, { role: team[1] }) : member.id);
  }

  /** Who it is with. */
  protected headline(conversation: Conversation): string {
    const others = this.client.others(conversation);
    return others.map((member) => this.nameOf(member)).join(", ") || this.t.somebody;
  }

  protected avatar(id: Id, name: string): TemplateResult {
    return html`<span class="avatar" data-hue=${hue(id, 6)} aria-hidden="true"
      >${initials(name)}</span
    >`;
  }

  /** For those who do not see the rest. */
  protected unseen(text: string): TemplateResult {
    return html`<span class="hidden">, ${text}, </span>`;
  }

  /** Where a visitor stands who is not signed in. */
  protected signInView(): TemplateResult {
    return html`<div class="empty" part="sign-in">
      <slot name="sign-in">${this.signInHint()}</slot>
    </div>`;
  }

  /** What stands in that slot where the page has put nothing: here, or handed on to a thread inside. */
  protected signInHint(): TemplateResult {
    const { signIn } = this.provided!;
    return html`<p>${this.t.signedOut}</p>
      ${signIn ? html`<a class="button" href=${signIn}>${this.t.signIn}</a>` : nothing}`;
  }

  protected failureView(failure: Failure | null, again: () => void): unknown {
    if (!failure || failure.status === 401) return nothing;
    const text = failure.status > 0 ? failure.message : this.t.reconnecting;
    return html`<p class="failure" role="alert">
      ${text} <button type="button" class="link" @click=${again}>${this.t.retry}</button>
    </p>`;
  }
}

/** Attributes: strings, or booleans where the default is false. */
export function attributes(names: Record<string, string | false>): PropertyDeclarations {
  return Object.fromEntries(
    Object.entries(names).map(([name, initial]) => [
      name,
      {
        type: initial === false ? Boolean : String,
        attribute: name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
        reflect: initial === false,
      },
    ]),
  );
}

/** With whom, and about what, as the attributes of several elements say it. */
export function startOf(element: {
  to: string;
  toName: string;
  contextType: string;
  contextId: string;
}): Start {
  const { to, toName, contextType: type, contextId: id } = element;
  return {
    members: [to],
    ...(toName ? { names: { [to]: toName } } : {}),
    ...(type && id ? { context: { type, id } } : {}),
  };
}

/** Not on a server, and once: two copies of the script on a page are no error. */
export function define(name: string, element: CustomElementConstructor): void {
  const registry = globalThis.customElements;
  if (registry && !registry.get(name)) registry.define(name, element);
}

export const icon = (path: string): TemplateResult =>
  html`<svg viewBox="0 0 24 24" aria-hidden="true"><path d=${path} /></svg>`;

export const sheet = unsafeCSS(styles);
