// What was typed and not sent, by conversation, over reloads. A site may have no storage for us
// (private windows, a full quota): then a draft lives as long as its page.

const PREFIX = "messaging-draft:";

export class Drafts {
  #memory = new Map<string, string>();

  constructor(private readonly scope: string) {}

  get(key: string): string {
    const name = this.#name(key);
    try {
      return localStorage.getItem(name) ?? this.#memory.get(name) ?? "";
    } catch {
      return this.#memory.get(name) ?? "";
    }
  }

  set(key: string, text: string): void {
    const name = this.#name(key);
    this.#memory.delete(name);
    try {
      if (text) localStorage.setItem(name, text);
      else localStorage.removeItem(name);
    } catch {
      this.#memory.set(name, text);
    }
  }

  clear(): void {
    this.#memory.clear();
    try {
      const prefix = this.#name("");
      for (const name of Object.keys(localStorage)) {
        if (name.startsWith(prefix)) localStorage.removeItem(name);
      }
    } catch {
      // Nothing was kept.
    }
  }

  #name(key: string): string {
    return `${PREFIX}${this.scope}:${key}`;
  }
}
