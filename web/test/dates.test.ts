// When something was, as people say it in English, French and Arabic; also where a day has 23 or 25
// hours.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { clock, day, full, short, since } from "../src/components/dates.js";
import { fakeTime } from "./world.js";

const zone = process.env.TZ;

beforeEach(() => {
  process.env.TZ = "Europe/Paris";
  fakeTime("2026-03-04T10:00:00+01:00"); // a Wednesday
});

afterEach(() => {
  vi.useRealTimers();
  process.env.TZ = zone;
});

const spaces = (text: string) =>
  text.replace(/[\u202f\u00a0]/g, " ").replace(/[\u200e\u200f]/g, "");
const now = (iso: string) => vi.setSystemTime(new Date(iso));

describe("in a list", () => {
  it.each([
    ["2026-03-04T09:05:00+01:00", "9:05 AM", "09:05", "9:05 ص"],
    ["2026-03-04T00:00:00+01:00", "12:00 AM", "00:00", "12:00 ص"],
    ["2026-03-03T23:59:59+01:00", "yesterday", "hier", "أمس"],
    ["2026-03-02T12:00:00+01:00", "Monday", "lundi", "الاثنين"],
    ["2026-02-26T12:00:00+01:00", "Thursday", "jeudi", "الخميس"],
    ["2026-02-25T12:00:00+01:00", "Feb 25, 26", "25 févr. 26", "25 فبراير 26"],
    ["2025-12-31T12:00:00+01:00", "Dec 31, 25", "31 déc. 25", "31 ديسمبر 25"],
    // A server's clock that is ahead.
    ["2026-03-04T10:00:30+01:00", "10:00 AM", "10:00", "10:00 ص"],
    ["2026-03-05T00:00:30+01:00", "12:00 AM", "00:00", "12:00 ص"],
  ])("%s", (iso, english, french, arabic) => {
    expect(spaces(short("en", iso))).toBe(english);
    expect(spaces(short("fr", iso))).toBe(french);
    expect(spaces(short("ar-EG-u-nu-latn", iso))).toBe(arabic);
  });
});

describe("between the messages of two days", () => {
  it.each([
    ["2026-03-04T00:00:00+01:00", "Today", "Aujourd’hui", "اليوم"],
    ["2026-03-03T00:00:00+01:00", "Yesterday", "Hier", "أمس"],
    ["2026-03-02T12:00:00+01:00", "Monday, March 2", "lundi 2 mars", "الاثنين، 2 مارس"],
    [
      "2025-03-02T12:00:00+01:00",
      "Sunday, March 2, 2025",
      "dimanche 2 mars 2025",
      "الأحد، 2 مارس 2025",
    ],
    ["2026-03-05T12:00:00+01:00", "Thursday, March 5", "jeudi 5 mars", "الخميس، 5 مارس"],
  ])("%s", (iso, english, french, arabic) => {
    expect(spaces(day("en", iso))).toBe(english);
    expect(spaces(day("fr", iso))).toBe(french);
    expect(spaces(day("ar-EG-u-nu-latn", iso))).toBe(arabic);
  });
});

describe("of somebody who was here", () => {
  it.each([
    ["2026-03-04T09:59:40+01:00", "this minute", "cette minute-ci"],
    ["2026-03-04T10:00:40+01:00", "this minute", "cette minute-ci"],
    ["2026-03-04T09:55:00+01:00", "5 minutes ago", "il y a 5 minutes"],
    ["2026-03-04T07:30:00+01:00", "2 hours ago", "il y a 2 heures"],
    ["2026-03-03T12:00:00+01:00", "22 hours ago", "il y a 22 heures"],
    ["2026-03-03T09:00:00+01:00", "yesterday", "hier"],
    ["2026-02-28T12:00:00+01:00", "4 days ago", "il y a 4 jours"],
  ])("%s", (iso, english, french) => {
    expect(since("en", iso)).toBe(english);
    expect(since("fr", iso)).toBe(french);
  });

  it("in Arabic, with its plurals", () => {
    const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();
    expect(since("ar-EG-u-nu-latn", ago(2))).toBe("قبل دقيقتين");
    expect(since("ar-EG-u-nu-latn", ago(5))).toBe("قبل 5 دقائق");
    expect(since("ar-EG-u-nu-latn", ago(11))).toBe("قبل 11 دقيقة");
  });
});

describe("where the clock is changed", () => {
  it("a day of 23 hours is a day", () => {
    now("2026-03-30T00:30:00+02:00");
    expect(short("en", "2026-03-29T00:30:00+01:00")).toBe("yesterday");
    expect(day("en", "2026-03-29T00:30:00+01:00")).toBe("Yesterday");
    expect(day("en", "2026-03-30T00:00:00+02:00")).toBe("Today");
    expect(since("en", "2026-03-28T12:00:00+01:00")).toBe("2 days ago");
    expect(short("en", "2026-03-23T00:10:00+01:00")).toMatch(/^Mar 23/);
    expect(short("en", "2026-03-24T00:10:00+01:00")).toBe("Tuesday");
  });

  it("a day of 25 hours, too", () => {
    now("2026-10-25T23:59:00+01:00");
    expect(short("en", "2026-10-25T00:01:00+02:00")).toMatch(/12:01\sAM/);
    expect(day("en", "2026-10-25T00:01:00+02:00")).toBe("Today");
    expect(since("en", "2026-10-25T00:01:00+02:00")).toBe("24 hours ago");
    now("2026-10-26T00:30:00+01:00");
    expect(short("en", "2026-10-25T23:59:00+01:00")).toBe("yesterday");
    expect(short("en", "2026-10-25T00:01:00+02:00")).toBe("yesterday");
    expect(short("en", "2026-10-24T23:59:00+02:00")).toBe("Saturday");
  });
});

it("in full, and the time alone", () => {
  const iso = "2026-03-02T12:05:00+01:00";
  expect(spaces(full("en", iso))).toBe("Monday, March 2, 2026 at 12:05 PM");
  expect(spaces(full("fr", iso))).toBe("lundi 2 mars 2026 à 12:05");
  expect(spaces(clock("fr", iso))).toBe("12:05");
  expect(spaces(clock("en", iso))).toBe("12:05 PM");
});
