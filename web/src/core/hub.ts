// One stream and the tabs that hear it: in a SharedWorker, or in the tab that leads. It knows of
// each tab whether it heard all that there was; who may have missed something gets a `hello` that
// says so, and fetches.

import type { Api } from "./api.js";
import type { LiveEvent, LiveState } from "./live.js";
import { StreamHost } from "./stream.js";
import type { Me } from "./types.js";

type Headers = Record<string, string>;

/** What a tab says. */
export interface FromTab {
  /** That it is there; `last` is the last event that it saw, "" where it may have missed one.
   *  `fresh`: a page that has just been loaded. */
  hi?: { live: Api["live"]; last: string; fresh?: boolean };
  visible?: boolean;
  retry?: true;
  /** What it was asked for; null: it has none. */
  headers?: Headers | null;
  pong?: true;
  bye?: true;
}

/** What a tab is told; `id` is where the stream is with this event. */
export interface ToTab {
  state?: LiveState;
  event?: LiveEvent;
  id?: string;
  ask?: true;
  ping?: true;
  /** It was thought to be closed, and has to say hi. */
  gone?: true;
}

export type Send = (message: ToTab) => void;

interface Tab {
  send: Send;
  cast: Send;
  visible: boolean;
  whole: boolean;
  missed: number;
  asked: ((headers: Headers | null) => void)[];
}

const PING = 20_000; // ms
const MISSED = 3; // pings, and a tab is forgotten
const ASKED = 2000; // ms for a page to find its token

export class Hub {
  #tabs = new Map<unknown, Tab>();
  #host: StreamHost | null = null;
  #hello: LiveEvent | null = null;
  #poll: LiveEvent | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** `start`: where the hub before this one left off. */
  constructor(private start = "") {}

  /** `cast` tells all tabs that have it in common at once. */
  hear(key: unknown, message: FromTab, send: Send, cast = send): void {
    const { hi, visible, retry, headers, bye } = message;
    if (hi) {
      const whole = this.start !== "" && hi.last === this.start;
      this.#tabs.set(key, { send, cast, visible: true, whole, missed: 0, asked: [] });
      // Somebody may have signed in where this page comes from, and another than the stream is of:
      // nobody is told what was for others.
      const held = this.#host;
      const { state } = this.#open(hi.live);
      if (state === "signed-out" || (held && hi.fresh && state !== "connecting")) {
        if (held?.retry()) this.#hello = this.#poll = null;
      }
    }
    const tab = this.#tabs.get(key);
    if (bye) {
      this.#tabs.delete(key);
      if (this.#tabs.size === 0) this.close();
    } else if (!tab) {
      send({ gone: true });
    } else {
      const host = this.#host!;
      tab.missed = 0;
      if (headers !== undefined) for (const done of tab.asked.splice(0)) done(headers);
      if (visible !== undefined) {
        tab.visible = visible;
        send({ state: host.state });
        this.#look();
      }
      if (hi && host.state === "open" && this.#hello) this.#greet(tab);
      if (hi && host.state === "polling" && this.#poll) send({ event: this.#poll });
      if (retry) host.retry();
    }
  }

  close(): void {
    this.#host?.close();
    this.#host = null;
    this.#tabs.clear();
    clearInterval(this.#timer);
  }

  #open(live: Api["live"]): StreamHost {
    if (this.#host) return this.#host;
    this.#timer = setInterval(() => this.#ping(), PING);
    this.#host = new StreamHost({
      live,
      lastId: this.start,
      headers: () => this.#headers(),
      onState: (state) => {
        this.#all({ state });
      },
      onEvent: (event, id) => {
        if (event.type === "hello") {
          this.#hello = event;
          for (const tab of this.#tabs.values()) this.#greet(tab, event);
        } else {
          if (event.type === "poll") this.#poll = event;
          this.#all({ event, id });
        }
        // What was before is past: nobody who comes now can have it all.
        this.start = "";
      },
    });
    return this.#host;
  }

  #greet(tab: Tab, hello?: LiveEvent): void {
    const data = (hello ?? this.#hello)!.data as Me & { resumed: boolean };
    const resumed = data.resumed && tab.whole && !!hello;
    tab.whole = true;
    tab.send({ event: { type: "hello", data: { ...data, resumed } }, id: this.#host!.lastId });
  }

  #all(message: ToTab): void {
    for (const cast of new Set(Array.from(this.#tabs.values(), (tab) => tab.cast))) cast(message);
  }

  #look(): void {
    this.#host?.visible([...this.#tabs.values()].some((tab) => tab.visible));
  }

  #ping(): void {
    for (const [key, tab] of this.#tabs) {
      if (tab.missed++ >= MISSED) this.hear(key, { bye: true }, tab.send);
      tab.send(tab.missed > MISSED ? { gone: true } : { ping: true });
    }
    this.#look();
  }

  /** Of the first page that has them, those that are looked at first. */
  async #headers(): Promise<Headers> {
    const tabs = [...this.#tabs.values()].sort((a, b) => +b.visible - +a.visible);
    for (const tab of tabs) {
      const headers = await new Promise<Headers | null>((done) => {
        tab.asked.push(done);
        setTimeout(done, ASKED, null);
        tab.send({ ask: true });
      });
      if (headers) return headers;
    }
    throw new Error("no page answers");
  }
}
