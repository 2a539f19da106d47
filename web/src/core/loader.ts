// What a list and a thread have in common: one request at a time, what went wrong, and that it is
// asked for anew when that was wanted meanwhile.

import type { Failure } from "./types.js";

export abstract class Loader {
  loading = false;
  loaded = false;
  failure: Failure | null = null;
  /** There may be more by now: what is there is to be loaded again. */
  stale = true;

  constructor(protected readonly changed: () => void) {}

  /** All that is there, again. */
  protected abstract reload(): Promise<void>;

  load(): Promise<void> {
    this.stale = true;
    return this.work();
  }

  protected async work(more?: () => Promise<void>): Promise<void> {
    if (this.loading) return;
    this.loading = true;
    do {
      this.failure = null;
      this.changed();
      try {
        if (more) {
          await more();
        } else {
          this.stale = false;
          await this.reload();
        }
      } catch (error) {
        this.failure = error as Failure;
      }
      more = undefined;
    } while (this.stale);
    this.loading = false;
    this.changed();
  }
}
