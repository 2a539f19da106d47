// The headless client: what one person sees of one site's messaging (`store.ts`), and all that they
// can do. Components show it; a page may use it without them.

import type { Adapter } from "./adapter.js";
import type { Api, Change } from "./api.js";
import { newKey } from "./backoff.js";
import { Drafts } from "./drafts.js";
import { HttpApi } from "./http.js";
import type { LiveState } from "./live.js";
import { type Entry, Outbox, type Target, targetKey, unanswered } from "./outbox.js";
import { type Shared, share } from "./share.js";
import { Store } from "./store.js";
import {
  type Conversation,
  Failure,
  type Id,
  type Me,
  type Message,
  type Outgoing,
  type Start,
  type Started,
} from "./types.js";

export interface ClientOptions {
  /** The location's prefix: "/api/messages". Without it the adapter's. */
  api?: string;
  /** What the site's profile changes; see `adapter.ts`. */
  adapter?: Adapter | null;
  /** For sign-in without cookies. */
  getToken?: () => string | null | Promise<string | null>;
  locale?: string;
  /** Where `messaging-worker.js` is; null: tabs agree on one of them that holds the stream. */
  worker?: string | URL | null;
}

const TYPING_SAID = 4000; // ms between two requests
const PEOPLE = 9; // on one page; more is two sign-ins that fight for one stream

export class MessagingClient extends Store {
  readonly api: Api;
  state: LiveState = "connecting";
  /** Since when the state is what it is: `Date.now()`. */
  since = Date.now();
  selected: Id | null = null;

  #options: ClientOptions;
  #stop: AbortController | null = null;
  #shared: Shared | null = null;
  #scope = "";
  /** How many have been forgotten. */
  #people = 0;
  #outbox: Outbox | null = null;
  #drafts: Drafts | null = null;
  #typed = new Map<Id, number>();

  constructor(options: ClientOptions = {}) {
    super();
    this.#options = options;
    this.api = new HttpApi({
      ...options,
      base: options.api,
      me: () => this.me,
      fetch: async (...request) => {
        const people = this.#people;
        const response = await fetch(...request);
        // Another has signed in: what was not sent stays kept for who wrote it.
        if (response.status === 412 && people === this.#people) this.#leave();
        // What somebody asked for who is gone is nobody's.
        if (people !== this.#people) throw new Error("signed out");
        if (response.status === 401) this.#turn("signed-out");
        return response;
      },
    });
  }

  // --- Connection

  /** Opens the stream that all tabs share. What is shown is fetched whenever it begins anew. */
  connect(): void {
    if (this.#stop) return;
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    document.addEventListener("visibilitychange", () => this.#look(), { signal });
    addEventListener("online", () => this.retry(), { signal });
    this.#open();
  }

  /** Now, whatever pause there is: the button "retry", or somebody has signed in. */
  retry(): void {
    if (this.state === "signed-out") {
      // Who it is now has to be known before anything is sent for them.
      this.#turn("connecting");
    } else {
      this.#shared?.retry();
      this.#outbox?.wake();
    }
    this.again();
  }

  /** The page is done with it; nothing that was written is lost. */
  close(): void {
    this.#stop?.abort();
    this.#shared?.close();
    this.#outbox?.close();
    this.#stop = this.#shared = this.#outbox = null;
    this.state = "connecting"; // which it is, should it be opened again
    this.silence();
  }

  /** Before the site's own sign-out: takes all that is kept in this browser away. */
  async signOut(): Promise<void> {
    this.#drafts?.clear();
    const cleared = this.#outbox?.clear();
    this.#leave();
    await cleared;
  }

  #leave(): void {
    this.forget();
    this.#turn("signed-out");
  }

  #open(): void {
    if (!this.#stop || this.#shared) return;
    this.#shared = share({
      api: this.api,
      tokens: !!this.#options.getToken,
      worker: this.#options.worker,
      onEvent: (event) => this.hear(event),
      onState: (state) => this.#turn(state),
    });
    this.#look();
  }

  #look(): void {
    const visible = document.visibilityState === "visible";
    this.#shared?.visible(visible);
    // Who was signed out may have signed in, in another tab.
    if (visible && this.state === "signed-out") this.retry();
  }

  #turn(state: LiveState): void {
    if (state === this.state) return;
    this.state = state;
    this.since = Date.now();
    this.emit("state", state);
    if (state === "signed-out") {
      this.#shared?.close();
      this.#shared = null;
      this.emit("signed-out");
    }
    if (state === "connecting") this.#open();
    if (state === "polling") this.#outbox?.wake(); // of a stream, `hello` does
    this.changed();
  }

  /** Who is signed in is known: their outbox and drafts are opened, another's are left. */
  protected meet(me: Me): void {
    const scope = `${this.api.base}|${me.id}`;
    const another = this.#scope && scope !== this.#scope;
    if (another) this.forget();
    const first = !this.me;
    this.me = me;
    this.#scope = scope;
    this.#drafts ??= new Drafts(scope);
    if (this.#stop) {
      this.#outbox ??= new Outbox({
        scope,
        deliver: (entry) => this.#deliver(entry),
        changed: (failed) => {
          if (failed) this.emit("failed", failed);
          this.changed();
        },
        signedOut: () => this.#leave(),
      });
      this.#outbox.wake();
    }
    if (first) this.emit("ready", me);
    this.changed();
    if (another) {
      // The stream may still be the other's.
      if (this.#people < PEOPLE) this.#shared?.retry();
      this.refetch();
    }
  }

  protected override forget(): void {
    this.#people++;
    this.#outbox?.close();
    this.#outbox = this.#drafts = null;
    this.#scope = "";
    this.#typed.clear();
    this.select(null);
    super.forget();
  }

  // --- Writing

  get entries(): Entry[] {
    return this.#outbox?.entries ?? [];
  }

  /** What is on its way to a target, or was refused, and is not there yet. */
  unsent(target: Target): Entry[] {
    const place = (of: Target) => this.resolve(of) ?? targetKey(of);
    const here = place(target);
    const mine = this.entries.filter((entry) => place(entry.target) === here);
    return unanswered(
      mine,
      this.loaded(here).filter(({ senderId }) => senderId === this.me?.id),
    );
  }

  /** Shown at once and sent as soon as that is possible; throws where nobody is signed in. */
  send(target: Target, message: Outgoing): Entry {
    if (!this.#outbox) throw new Failure(401, "signed out");
    const id = this.resolve(target) ?? "";
    const known = this.conversations.get(id)?.lastSeq ?? 0;
    const after = Math.max(known, this.loaded(id).at(-1)?.seq ?? 0);
    this.#typed.delete(id);
    return this.#outbox.add(id ? { conversation: id } : target, message, after, newKey());
  }

  resend(key: string): void {
    this.#outbox?.retry(key);
  }

  discard(key: string): void {
    this.#outbox?.discard(key);
  }

  /** Opens a conversation, with a first message or without; a repeat needs the same key. */
  async start(start: Start, message: Outgoing | null = null, key = newKey()): Promise<Id> {
    return (await this.#start(start, message, key)).conversationId;
  }

  async #start(start: Start, message: Outgoing | null, key: string): Promise<Started> {
    const started = await this.api.start(start, message, key);
    await this.opened(start, started);
    return started;
  }

  async change(id: Id, change: Change): Promise<Conversation> {
    return this.know(await this.api.change(id, change, newKey()));
  }

  /** Call it with every key that is pressed. */
  typing(id: Id, typing: boolean): void {
    const said = this.#typed.get(id) ?? 0;
    if (typing ? Date.now() - said < TYPING_SAID : !said) return;
    this.#typed.set(id, typing ? Date.now() : 0);
    this.api.typing(id, typing).catch(() => {}); // in passing
  }

  draft(target: Target): string {
    return this.#drafts?.get(targetKey(target)) ?? "";
  }

  setDraft(target: Target, text: string): void {
    this.#drafts?.set(targetKey(target), text);
  }

  /** The conversation that the page shows, where it shows one. */
  select(id: Id | null): void {
    if (id === this.selected) return;
    this.selected = id;
    this.emit("select", id);
    this.changed();
  }

  /** A `start` stays one, though its conversation is there by now: under its key the server may
   *  have stored that very request. */
  async #deliver(entry: Entry): Promise<Message | null> {
    const { target, message, key } = entry;
    const sent =
      "start" in target
        ? (await this.#start(target.start, message, key)).message
        : await this.api.send(target.conversation, message, key);
    if (!sent) return null;
    this.receive(sent, false);
    this.emit("sent", { entry, message: sent });
    return sent;
  }
}
