// The stream where there is no SharedWorker: the tab that has a Web Lock holds it, and tells the
// others by a BroadcastChannel. Where tabs cannot speak to each other each leads itself. A tab that
// took the lock and sleeps is robbed of it by one that is looked at.

import { type FromTab, Hub, type ToTab } from "./hub.js";
import type { Link } from "./share.js";

export interface LeaderOptions {
  /** Of the lock and the channel: who has it in common shares one stream. */
  name: string;
  /** This tab's own. */
  self: string;
  /** Whoever has the lock does not answer. */
  steal: boolean;
  /** The last event that this tab saw. */
  last(): string;
  take(told: ToTab): void;
  /** Says hi to whoever leads now; `from` "" where something may have been missed. */
  hi(from?: string): void;
}

/** What stands on the channel: a tab's word to who leads, or who leads to one tab or to all. */
interface Note {
  tab?: string;
  says?: FromTab;
  hub?: string;
  to?: string;
  told?: ToTab;
}

export function lead({ name, self, steal, last, take, hi }: LeaderOptions): Link {
  const locks = globalThis.navigator?.locks;
  const channel = locks && globalThis.BroadcastChannel ? new BroadcastChannel(name) : null;
  const stop = new AbortController();
  const { signal } = stop;
  const post = (note: Note) => channel?.postMessage(note);
  let hub: Hub | null = null;
  let leader = "";
  let release = () => {};

  const mine = (told: ToTab) => queueMicrotask(() => take(told));
  const cast = (told: ToTab) => {
    post({ hub: self, told });
    mine(told);
  };
  const begin = () => {
    hub = new Hub(last());
    post({ hub: self });
    hi();
  };
  const hold = async () => {
    if (signal.aborted) return;
    begin();
    return new Promise<void>((done) => {
      release = done;
    });
  };
  const stand = (steal: boolean) => {
    locks.request(name, steal ? { steal } : { signal }, hold).catch(({ name }) => {
      if (signal.aborted) return;
      if (name !== "AbortError") return void hold();
      // It was taken from a tab that did not answer, and is awake again: this one.
      hub?.close();
      hub = null;
      leader = "";
      stand(false);
      hi("");
    });
  };
  if (channel) {
    channel.onmessage = ({ data: { tab, says, hub: from, to = self, told } }) => {
      if (tab) hub?.hear(tab, says, (told) => post({ hub: self, to: tab, told }), cast);
      if (!from || hub) return;
      if (told) {
        leader ||= from;
        if (from === leader && to === self) take(told);
      } else {
        leader = from; // another leads from now on
        hi();
      }
    };
    stand(steal);
  } else {
    queueMicrotask(begin); // whoever asked has no link yet
  }
  return {
    send: (says) => (hub ? hub.hear(self, says, mine, cast) : post({ tab: self, says })),
    close: () => {
      stop.abort();
      hub?.close();
      release();
      channel?.close();
    },
  };
}
