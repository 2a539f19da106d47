// How long to wait before the next attempt, and waiting so that it can be cut short.

const FIRST = 200; // milliseconds
const LONGEST = 30_000;

/** Full jitter: clients that lost one server do not come back as one. */
export function pause(attempt: number, random = Math.random): number {
  return FIRST / 2 + random() * Math.min(LONGEST, FIRST * 2 ** attempt);
}

/** Until the pause is over, or `signal` aborts. `retryAfter` is the server's own word, in seconds. */
export function wait(
  attempt: number,
  retryAfter: number | null = null,
  signal?: AbortSignal,
): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(done, Math.max(pause(attempt), (retryAfter ?? 0) * 1000));
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      done();
    });
    if (signal?.aborted) done();
  });
}

/** An idempotency key, a ticket's name: unguessable; also where the page has no secure context. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
