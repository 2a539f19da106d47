// The host of one stream, in a SharedWorker or in a page: holds it open, resumes it where it broke
// off, and asks for the badge now and then where no stream can be had. It knows no DOM and no
// tokens: headers are asked for each time.

import type { Api } from "./api.js";
import type { LiveEvent, LiveState } from "./live.js";

export interface HostOptions {
  live: Api["live"];
  headers(): Promise<Record<string, string>>;
  /** `id`: where the stream is with this event. */
  onEvent(event: LiveEvent, id: string): void;
  onState(state: LiveState): void;
  /** Where another host left off. */
  lastId: string;
}

const HELLO = 10_000; // ms; a proxy that buffers gives none
const SILENCE = 62_500; // the server's heartbeat is 25 s, and this 2.5 of it
const STEADY = 10_000; // that a stream must last to be a good one
const JUST_NOW = 1000; // all tabs say "online" at once
const LONGEST = 30_000;
const REFUSALS = 3; // in a row, and one polls
const AGAIN = 60_000; // while polling a stream is tried
const POLL = 15_000;
const POLL_HIDDEN = 60_000;
const MOST = 1 << 20; // characters of one event
const SIGNED_OUT = -1;
const PLAIN: RequestInit = { cache: "no-store" };

export class StreamHost {
  state: LiveState = "connecting";
  lastId: string;
  #options: HostOptions;
  #run = new AbortController();
  #began = 0; // of the request that is under way; 0: there is none
  #retry = 2000; // the server's word
  #lost = 0;
  #refused = 0;
  #polling = false;
  #tag: string | null = null;
  #visible = true;
  #wake = () => {};

  constructor(options: HostOptions) {
    this.#options = options;
    this.lastId = options.lastId;
    globalThis.addEventListener?.("online", this.retry);
    void this.#work();
  }

  /** Now, whatever pause there is; a stream that is open is opened anew. Says whether it does. */
  retry = (): boolean => {
    if (Date.now() - this.#began < JUST_NOW) return false;
    this.#lost = 0;
    if (this.state === "signed-out") this.#turn("connecting");
    void this.#work();
    return true;
  };

  /** Whether anybody looks; polls are rarer where nobody does. */
  visible(visible: boolean): void {
    if (visible && !this.#visible && this.#polling) this.#wake();
    this.#visible = visible;
  }

  close(): void {
    globalThis.removeEventListener?.("online", this.retry);
    this.retry = () => false;
    this.#run.abort();
  }

  #turn(state: LiveState): void {
    if (state === this.state) return;
    this.state = state;
    this.#options.onState(state);
  }

  /** One stream after the other, until another run begins, or nobody is signed in. */
  async #work(): Promise<void> {
    this.#run.abort();
    this.#run = new AbortController();
    const { signal } = this.#run;
    while (!signal.aborted) {
      this.#began = Date.now();
      let pause = await this.#follow(signal);
      if (signal.aborted) return;
      this.#began = 0;
      if (this.#polling && pause >= 0) {
        pause = await this.#pollFor(Math.max(pause, AGAIN), signal);
      } else if (pause >= 0) {
        this.#turn("connecting");
        await this.#sleep(pause);
      }
      if (pause < 0 && !signal.aborted) {
        this.#polling = false;
        return this.#turn("signed-out");
      }
    }
  }

  #sleep(pause: number): Promise<void> {
    return new Promise((done) => {
      this.#wake = done;
      setTimeout(done, pause);
    });
  }

  /** From the request to its end; says when the next one is due. */
  async #follow(run: AbortSignal): Promise<number> {
    const stop = new AbortController();
    const { signal } = stop;
    const over = () => stop.abort();
    run.addEventListener("abort", over, { signal });
    let watch: ReturnType<typeof setTimeout> | undefined;
    let greeted = 0;
    let bye = "";
    let after = 0;
    let refused = false;
    const take = ({ id, event = "message", data, retry }: Record<string, string>) => {
      if (run.aborted) return;
      if (retry) this.#retry = +retry;
      if (data === undefined) return;
      if (id !== undefined) this.lastId = id;
      const type = this.#options.live.events[event] ?? event;
      let body: { code?: string };
      try {
        body = JSON.parse(data);
      } catch {
        return console.warn(`messaging: the event ${type} cannot be read`);
      }
      if (type === "bye") bye = `${body.code}`;
      if (type === "hello") {
        greeted = Date.now();
        this.#refused = 0;
        this.#polling = false;
        this.#tag = null; // what is polled after it is after a gap
        this.#turn("open");
      }
      this.#options.onEvent({ type, data: body } as LiveEvent, this.lastId);
    };
    try {
      const headers = await this.#options.headers();
      watch = setTimeout(over, HELLO);
      headers.Accept = "text/event-stream";
      if (this.lastId) headers["Last-Event-ID"] = this.lastId;
      const response = await fetch(this.#options.live.stream, { ...PLAIN, headers, signal });
      if (response.status === 401) return SIGNED_OUT;
      after = retryAfter(response);
      const events = response.headers.get("Content-Type")?.startsWith("text/event-stream");
      refused = response.ok ? !events : response.status < 500;
      if (response.ok && events) {
        const reader = response.body!.getReader();
        const decoder = new TextDecoder();
        const feed = parser(take);
        for (;;) {
          const { done, value } = await reader.read();
          if (done) break;
          if (!feed(decoder.decode(value, { stream: true }))) {
            this.lastId = ""; // else it would come again, and again
            break;
          }
          if (!greeted) continue;
          clearTimeout(watch);
          watch = setTimeout(over, SILENCE);
        }
      }
    } catch {
      // No network, a server that went, or one that was silent for too long.
      refused = !greeted && signal.aborted;
    } finally {
      clearTimeout(watch);
      over();
    }
    if (run.aborted) return 0;
    if (bye) {
      this.#lost = 0;
      // Others of this person have taken its place, and it may not have theirs.
      if (bye === "limit") this.#polling = true;
      return this.#retry;
    }
    if (greeted && Date.now() - greeted >= STEADY) this.#lost = 0;
    if (refused && ++this.#refused >= REFUSALS) this.#polling = true;
    // Full jitter: those who lost one server do not come back as one.
    const most = Math.min(LONGEST, this.#retry * 2 ** this.#lost++);
    return Math.max(after, Math.random() * most);
  }

  /** The badge, again and again, until it is time to try a stream. */
  async #pollFor(time: number, run: AbortSignal): Promise<number> {
    for (const due = Date.now() + time; Date.now() < due && !run.aborted; ) {
      const after = await this.#poll(run);
      if (after < 0 || run.aborted) return after;
      await this.#sleep(after || (this.#visible ? POLL : POLL_HIDDEN));
    }
    return 0;
  }

  /** Told where it changed; says when the next poll is due, 0 being as usual. */
  async #poll(signal: AbortSignal): Promise<number> {
    try {
      const headers = await this.#options.headers();
      if (this.#tag) headers["If-None-Match"] = this.#tag;
      const response = await fetch(this.#options.live.unread, { ...PLAIN, headers, signal });
      if (response.status === 401) return SIGNED_OUT;
      const data = response.ok && { conversations: {}, ...(await response.json()) };
      if (signal.aborted) return 0;
      this.#turn(data || response.status === 304 ? "polling" : "connecting");
      if (data) {
        this.#tag = response.headers.get("ETag");
        this.#options.onEvent({ type: "poll", data }, this.lastId);
      }
      return retryAfter(response);
    } catch {
      if (!signal.aborted) this.#turn("connecting");
      return 0;
    }
  }
}

/** Milliseconds that a server asks to wait. */
function retryAfter(response: Response): number {
  return (Number(response.headers.get("Retry-After")) || 0) * 1000;
}

/** Server-sent events of a text that comes in pieces; false where one is too long to be one. */
function parser(take: (fields: Record<string, string>) => void): (piece: string) => boolean {
  let rest = "";
  return (piece) => {
    const events = (rest + piece).split(/\r?\n\r?\n/);
    rest = events.pop()!;
    for (const event of events) {
      const fields: Record<string, string> = {};
      for (const line of event.split(/\r?\n/)) {
        const [, name, value = ""] = /^(\w+)(?:: ?(.*))?$/s.exec(line) ?? [];
        if (name === "data" && name in fields) fields.data += `\n${value}`;
        else if (name) fields[name] = value;
      }
      take(fields);
    }
    return rest.length <= MOST;
  };
}
