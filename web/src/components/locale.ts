// What the components say, by language: a locale is a file of locales/, whose texts have {places}
// for what differs, and plurals by Intl's names for them.

import en from "../locales/en.json" with { type: "json" };

export type Locale = typeof en;

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
