// What a profile lets people of a role do, as far as a page can know it: the server has the last word.

import type { Adapter } from "./adapter.js";

export function may(
  adapter: Adapter | null | undefined,
  what: "open" | "change",
  role: string | null,
): boolean {
  return adapter?.[what]?.includes(role ?? "") ?? true;
}
