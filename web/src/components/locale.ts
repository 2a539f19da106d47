// What the components say, by language: a locale is a file of locales/, whose texts have {places}
// for what differs, and plurals by Intl's names for them.

import en from "../locales/en.json" with { type: "json" };

/** Spelled out, so that the types of the package need no file of data beside them. */
export interface Locale extends Record<Text, string> {
  filters: Record<"all" | "unread" | "open" | "closed" | "archived", string>;
  /** By Intl's names of plurals. */
  unread: { one: string; other: string; [kind: string]: string };
}

type Text =
  | "tag"
  | "conversations"
  | "messages"
  | "show"
  | "search"
  | "noConversations"
  | "noMatches"
  | "nobodyChosen"
  | "loadMore"
  | "loading"
  | "somebody"
  | "team"
  | "you"
  | "closed"
  | "online"
  | "lastSeen"
  | "back"
  | "archive"
  | "unarchive"
  | "close"
  | "reopen"
  | "older"
  | "newest"
  | "newMessages"
  | "noMessages"
  | "more"
  | "typing"
  | "typingMany"
  | "said"
  | "write"
  | "send"
  | "tooLong"
  | "sending"
  | "waiting"
  | "sent"
  | "read"
  | "failed"
  | "retry"
  | "discard"
  | "connected"
  | "connecting"
  | "reconnecting"
  | "polling"
  | "signedOut"
  | "signIn"
  | "failure"
  | "contact"
  | "open"
  | "hide"
  | "newTicket"
  | "newConversation"
  | "to"
  | "subject"
  | "message"
  | "cancel"
  | "nobodyFound"
  | "required";

const locales = new Map<string, Locale>([[en.tag, en]]);

/** Makes a language known by its tag; a page's `fr-CA` finds `fr`. */
export function registerLocale(locale: Locale): void {
  locales.set(locale.tag, locale);
}

/** The one asked for, else the page's, else the reader's, else English. */
export function localeFor(asked: string): Locale {
  for (const tag of [asked, document.documentElement.lang, ...navigator.languages]) {
    const found = locales.get(tag) ?? locales.get(tag?.split("-")[0] ?? "");
    if (found) return found;
  }
  return en;
}

export function fill(text: string, values: Record<string, unknown>): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name]));
}

export function plural(locale: Locale, name: "unread", count: number): string {
  const kind = new Intl.PluralRules(locale.tag).select(count);
  const texts: Record<string, string> = locale[name];
  return fill(texts[kind] ?? texts.other!, { count });
}
