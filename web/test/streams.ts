// In place of share(): streams that a test speaks through.
import type { LiveEvent, LiveState } from "../src/core/live.js";

export interface Stream {
  onEvent(event: LiveEvent): void;
  onState(state: LiveState): void;
  closed: boolean;
  retried: number;
  seen: boolean[];
}

export const streams = { all: [] as Stream[] };

export function share(options: Pick<Stream, "onEvent" | "onState">) {
  const stream: Stream = { ...options, closed: false, retried: 0, seen: [] };
  streams.all.push(stream);
  return {
    close: () => {
      stream.closed = true;
    },
    retry: () => stream.retried++,
    visible: (visible: boolean) => stream.seen.push(visible),
  };
}
