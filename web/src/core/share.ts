// STUB
import type { Api } from "./api.js";
import type { LiveEvent, LiveState } from "./live.js";
export interface Shared { state: LiveState; retry(): void; close(): void; visible(v: boolean): void }
export function share(options: {
  base: string; live: Api["live"]; headers: () => Promise<Record<string, string>>; worker: string | URL | null;
  onEvent: (event: LiveEvent) => void; onState: (state: LiveState) => void;
}): Shared {
  const stream = new EventSource(options.live.stream);
  stream.onopen = () => options.onState("open");
  stream.onerror = () => options.onState("connecting");
  for (const type of ["hello", "message", "conversation", "read", "unread", "typing", "presence", "reset"]) {
    stream.addEventListener(type, (e) => options.onEvent({ type: options.live.events[type] ?? type, data: JSON.parse((e as MessageEvent).data) }));
  }
  return { state: "open", retry() {}, close() { stream.close(); }, visible() {} };
}
