// What was typed and not sent, by conversation, over reloads. A site may have no storage for us
// (private windows, a full quota): then a draft lives as long as its page.

export class Drafts {
  #prefix: string;
  #memory = new Map<string, string>();

  constructor(scope: string) {
    this.#prefix = `messaging-draft:${scope}:`;
  }

  get(key: string): string {
    const name = this.#prefix + key;
    try {
      return this.#memory.get(name) ?? localStorage.getItem(name) ?? "";
    } catch {
      return "";
    }
  }

  set(key: string, text: string): void {
    const name = this.#prefix + key;
    this.#memory.set(name, text);
    try {
      if (text) localStorage.setItem(name, text);
      else localStorage.removeItem(name);
      this.#memory.delete(name);
    } catch {
      // It is in memory; what an older one left in the storage counts no more.
    }
  }

  clear(): void {
    this.#memory.clear();
    try {
      for (const name of Object.keys(localStorage)) {
        if (name.startsWith(this.#prefix)) localStorage.removeItem(name);
      }
    } catch {
      // Nothing was kept.
    }
  }
}
