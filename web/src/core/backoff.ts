// How long to wait before the next attempt, and waiting so that it can be cut short.

const FIRST = 500; // milliseconds
const LONGEST = 30_000;
const ASKED = 3_600_000; // a server that asks for more than an hour is asked again all the same

/**
 * Until the pause is over, or `signal` aborts. `retryAfter` is the server's own word, in seconds.
 * With jitter: clients that lost one server do not come back as one.
 */
export function wait(
  attempt: number,
  retryAfter: number | null,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((done) => {
    const pause = FIRST / 2 + Math.random() * Math.min(LONGEST, FIRST * 2 ** attempt);
    const over = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", over);
      done();
    };
    const timer = setTimeout(over, Math.max(pause, Math.min(ASKED, (retryAfter ?? 0) * 1000)));
    signal.addEventListener("abort", over);
    if (signal.aborted) over();
  });
}

/** An idempotency key, a ticket's name: unguessable; also where the page has no secure context. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
