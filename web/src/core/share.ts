// One stream for all tabs of an origin that use the same API: a SharedWorker holds it, else the tab
// that has a Web Lock, and tells the others by a BroadcastChannel; else each tab has its own. A tab
// that cannot be sure of having heard everything joins anew, and gets a `hello` that tells it to
// fetch.

import type { Api } from "./api.js";
import { newKey } from "./backoff.js";
import type { FromTab, ToTab } from "./hub.js";
import type { LiveEvent, LiveState } from "./live.js";

export interface ShareOptions {
  /** Its headers are asked for each time, of any tab, and kept nowhere. */
  api: Pick<Api, "base" | "live" | "headers">;
  /** By tokens, so that each tab may be of another person; cookies are of all tabs. */
  tokens?: boolean;
  /** Where `messaging-worker.js` is. */
  worker?: string | URL | null;
  onEvent(event: LiveEvent): void;
  /** Again, too, though it is the same. */
  onState(state: LiveState): void;
}

export interface Shared {
  /** Now, whatever pause there is; a stream that is open is opened anew. */
  retry(): void;
  close(): void;
  /** Whether this tab is looked at. */
  visible(visible: boolean): void;
}

/** To whoever holds the stream. */
export interface Link {
  send(message: FromTab): void;
  close(): void;
}

const ANSWER = 3000; // ms for whoever holds the stream to say that it is there
const CHECK = 20_000;
const SILENT = 70_000; // three of its pings

/** Whom a token is for: all that it says but what is new in each. */
function whose({ Authorization = "" }: Record<string, string>): string {
  try {
    const part = Authorization.split(".")[1]!.replace(/-/g, "+").replace(/_/g, "/");
    const { iat, exp, nbf, jti, ...claims } = JSON.parse(atob(part));
    return JSON.stringify(claims);
  } catch {
    return ""; // it says nothing to us
  }
}

export function share(options: ShareOptions): Shared {
  const { api, tokens } = options;
  let name = `messaging-live:${api.base}`;
  let person = "";
  const self = newKey();
  const page = globalThis.location?.href;
  // A worker's own addresses are relative to the worker.
  const whole = (path: string) => (page ? new URL(path, page).href : path);
  const { stream, unread, events } = api.live;
  const live = { stream: whole(stream), unread: whole(unread), events };
  let { worker } = options;
  let link: Link | null = null;
  let answered = false;
  let heard = 0;
  let last = "";
  let looked = true;
  let fresh = true; // until it has heard who is signed in now
  let turn = 0;
  let due: ReturnType<typeof setTimeout> | undefined;

  function take({ state: now, event, id, ask, ping, gone }: ToTab): void {
    if (!link) return;
    answered = true;
    heard = Date.now();
    clearTimeout(due);
    if (gone) hi("");
    if (ping) link?.send({ pong: true });
    if (ask) {
      const answer = (headers: Record<string, string> | null) => link?.send({ headers });
      api.headers().then(
        (headers) => {
          if (!tokens || whose(headers) === person) return answer(headers);
          answer(null); // this page is another person's now
          leave();
          last = "";
          open();
        },
        () => answer(null),
      );
    }
    if (now) options.onState(now);
    if (event) {
      if (event.type === "hello") fresh = false;
      if (id && (last || event.type === "hello")) last = id;
      options.onEvent(event);
    }
  }

  function byWorker(): Link {
    const shared = new SharedWorker(worker!, { name });
    const { port } = shared;
    shared.onerror = lost;
    port.onmessage = ({ data }) => take(data);
    return { send: (says) => port.postMessage(says), close: () => port.close() };
  }

  // --- Coming and going

  function open(steal = false): void {
    const now = ++turn;
    const known = (of: string) => {
      if (now !== turn) return;
      person = of;
      // Who cannot be told from another has a stream of their own.
      name = `messaging-live:${api.base} ${of || self}`;
      join(steal);
    };
    if (!tokens) {
      join(steal);
    } else {
      api.headers().then(
        (headers) => known(whose(headers)),
        () => known(""),
      );
    }
  }

  async function join(steal: boolean): Promise<void> {
    answered = false;
    heard = Date.now();
    expect();
    try {
      if (worker) link = byWorker();
    } catch {
      worker = null;
    }
    if (!worker) {
      // Most pages have a worker: the others load what it takes then.
      const now = turn;
      const { lead } = await import("./leader.js");
      if (now !== turn) return;
      link = lead({ name, self, steal, last: () => last, take, hi });
    }
    hi();
  }

  function leave(): void {
    turn++;
    clearTimeout(due);
    link?.send({ bye: true });
    link?.close();
    link = null;
  }

  function hi(from = last): void {
    last = from;
    link?.send({ hi: { live, last, fresh }, visible: looked });
    expect();
  }

  function expect(): void {
    clearTimeout(due);
    due = setTimeout(lost, ANSWER);
  }

  /** Whoever holds the stream does not answer. */
  function lost(): void {
    // Of two that cannot hear each other the one that is looked at leads.
    const steal = !worker && looked;
    if (!answered) worker = null;
    last = "";
    leave();
    open(steal);
  }

  function show({ persisted }: PageTransitionEvent): void {
    last = "";
    fresh = true;
    if (persisted) open();
  }

  const check = setInterval(() => {
    if (link && Date.now() - heard > SILENT) lost();
  }, CHECK);
  const stop = new AbortController();
  const { signal } = stop;
  globalThis.addEventListener?.("pagehide", leave, { signal });
  globalThis.addEventListener?.("pageshow", show, { signal });
  open();

  return {
    retry: () => link?.send({ retry: true }),
    visible: (visible) => {
      looked = visible;
      link?.send({ visible });
      if (visible && link) expect();
    },
    close: () => {
      clearInterval(check);
      stop.abort();
      leave();
    },
  };
}
