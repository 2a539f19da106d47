// How long to wait before the next attempt.

const FIRST = 200; // milliseconds
const LONGEST = 30_000;
const ASKED = 3_600_000; // a server that asks for more than an hour is asked again all the same

/** With jitter: clients that lost one server do not come back as one. `retryAfter` is the server's
 *  own word, in seconds. */
export function pause(attempt: number, retryAfter: number | null): number {
  const jittered = FIRST / 2 + Math.random() * Math.min(LONGEST, FIRST * 2 ** attempt);
  return Math.max(jittered, Math.min(ASKED, (retryAfter ?? 0) * 1000));
}

/** An idempotency key, a ticket's name: 128 bits that nobody guesses; also where the page has no
 *  secure context. */
export function newKey(): string {
  return crypto.getRandomValues(new Uint32Array(4)).join("-");
}
