// When something was, as people say it: by Intl, in the locale's language and the reader's zone.

const formats = new Map<string, Intl.DateTimeFormat>();

function format(tag: string, time: Date, options: Intl.DateTimeFormatOptions): string {
  const key = tag + JSON.stringify(options);
  const made = formats.get(key) ?? new Intl.DateTimeFormat(tag, options);
  formats.set(key, made);
  return made.format(time);
}

/** Calendar days from `time` to now; 0 is today. */
function daysAgo(time: Date): number {
  const day = (date: Date) => Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return (day(new Date()) - day(time)) / 864e5;
}

export function clock(tag: string, iso: string): string {
  return format(tag, new Date(iso), { timeStyle: "short" });
}

export function full(tag: string, iso: string): string {
  return format(tag, new Date(iso), { dateStyle: "full", timeStyle: "short" });
}

/** "Today", "Yesterday", else the day: what stands between the messages of two days. */
export function day(tag: string, iso: string): string {
  const time = new Date(iso);
  const ago = daysAgo(time);
  if (ago >= 0 && ago < 2) {
    const word = new Intl.RelativeTimeFormat(tag, { numeric: "auto" }).format(-ago, "day");
    return word.charAt(0).toLocaleUpperCase(tag) + word.slice(1);
  }
  const year = time.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
  return format(tag, time, { weekday: "long", day: "numeric", month: "long", year });
}

/** As short as it can be understood: for a row of a list. */
export function short(tag: string, iso: string): string {
  const time = new Date(iso);
  const ago = daysAgo(time);
  if (ago <= 0) return clock(tag, iso);
  if (ago < 2) return new Intl.RelativeTimeFormat(tag, { numeric: "auto" }).format(-ago, "day");
  if (ago < 7) return format(tag, time, { weekday: "long" });
  return format(tag, time, { day: "numeric", month: "short", year: "2-digit" });
}

/** "5 minutes ago": of somebody who was here. */
export function since(tag: string, iso: string): string {
  const minutes = Math.max(0, (Date.now() - Date.parse(iso)) / 6e4);
  const days = daysAgo(new Date(iso));
  const relative = new Intl.RelativeTimeFormat(tag, { numeric: "auto" });
  if (minutes < 60) return relative.format(-Math.floor(minutes), "minute");
  // The longest day has 25 hours.
  if (minutes < 1440 || days < 1) return relative.format(-Math.floor(minutes / 60), "hour");
  return relative.format(-days, "day");
}
