// Links are made of what is surely one, and of nothing that could run; the rest stays text.
import { describe, expect, it } from "vitest";
import { hue, initials, pieces } from "../src/components/text.js";
import { seeded } from "./world.js";

const links = (text: string) =>
  pieces(text).flatMap((piece) => (typeof piece === "string" ? [] : [[piece.text, piece.href]]));
const whole = (text: string) =>
  pieces(text)
    .map((piece) => (typeof piece === "string" ? piece : piece.text))
    .join("");

describe("links", () => {
  it.each([
    ["http://a.org", "http://a.org/"],
    ["HTTPS://A.org/B?c=d&e#f", "https://a.org/B?c=d&e#f"],
    ["www.example.com/x", "https://www.example.com/x"],
    ["https://müller.example/ü", "https://xn--mller-kva.example/%C3%BC"],
    ["https://例え.jp", "https://xn--r8jz45g.jp/"],
    ["http://[::1]:8080/", "http://[::1]:8080/"],
    ["a.b+c@d-e.example", "mailto:a.b+c@d-e.example"],
    ["jürgen@müller.example", "mailto:j%C3%BCrgen@m%C3%BCller.example"],
    ["https://a.org/wiki/B_(c)", "https://a.org/wiki/B_(c)"],
    ["https://a.org/-", "https://a.org/-"],
    ["https://a.org/?q=", "https://a.org/?q="],
  ])("%s", (text, href) => {
    expect(links(text)).toEqual([[text, href]]);
    expect(links(`see ${text}, and`)).toEqual([[text, href]]);
  });

  it.each([
    ["https://a.org.", "https://a.org"],
    ["https://a.org?!", "https://a.org"],
    ["(https://a.org)", "https://a.org"],
    ["(https://a.org/b(c)d)", "https://a.org/b(c)d"],
    ["(see https://a.org/b_(c)).", "https://a.org/b_(c)"],
    ["https://a.org/((b))", "https://a.org/((b))"],
    ["“https://a.org”", "https://a.org"],
    ["«https://a.org»", "https://a.org"],
    ["<https://a.org>", "https://a.org"],
    ["https://a.org…", "https://a.org"],
    ["https://a.org。", "https://a.org"],
    ["https://a.org؟", "https://a.org"],
    ["https://a.org/b؛ c", "https://a.org/b"],
    ["*https://a.org*", "https://a.org"],
    ["\u2068https://a.org\u2069", "https://a.org"],
    ["https://a.org\u200bx", "https://a.org"],
    ["a@b.org.", "a@b.org"],
  ])("what stands around it is not part of it: %s", (text, said) => {
    expect(links(text).map(([text]) => text)).toEqual([said]);
    expect(whole(text)).toBe(text);
  });

  it.each([
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "java\nscript:alert(1)",
    " javascript&colon;alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "file:///etc/passwd",
    "blob:abc",
    "about:blank",
    "ftp://a.org",
    "xhttps://a.org",
    "https://",
    "https:// a.org",
    "https://...",
    "www.",
    "www...",
    "http://[",
    "a@b",
    "@b.org",
    "a@@b",
    "<a href=x>",
    "",
  ])("none in %j", (text) => {
    expect(links(text)).toEqual([]);
    expect(pieces(text)).toEqual(text ? [text] : []);
  });

  it("what a script hides behind is a link by itself, or nothing", () => {
    expect(links("javascript:location='https://a.org'")).toEqual([
      ["https://a.org", "https://a.org/"],
    ]);
    expect(links("data:text/html,https://a.org")).toEqual([["https://a.org", "https://a.org/"]]);
  });

  it("several, with what stands between them", () => {
    expect(pieces("a https://b.org/c, d@e.org!")).toEqual([
      "a ",
      { text: "https://b.org/c", href: "https://b.org/c" },
      ", ",
      { text: "d@e.org", href: "mailto:d@e.org" },
      "!",
    ]);
  });

  it("the pieces are the text, and only allowed schemes come out, whatever goes in", () => {
    const parts = [
      ..."abc.:/@()<>\"'&#? \n\t,;!-_*é😀\u202e\u0000ß",
      "http://",
      "https://",
      "HTTP://",
      "www.",
      "javascript:",
      "java\nscript:",
      "data:",
      "mailto:",
      ".org",
      "a.org",
      "x@y.zz",
      "[::1]",
      "%41",
      "مثال.إختبار",
    ];
    for (let seed = 0; seed < 3000; seed++) {
      const random = seeded(seed);
      const text = Array.from(
        { length: Math.ceil(random() * 12) },
        () => parts[Math.floor(random() * parts.length)],
      ).join("");
      expect(whole(text)).toBe(text);
      for (const [, href] of links(text)) expect(href).toMatch(/^(https?:\/\/|mailto:)/);
    }
  });

  it.each(["a.", "a@", "(", ")", "https://", "www.", "a@b.", "!", "https://)", "-", "a-", "@"])(
    "100,000 characters of %j take no time",
    (part) => {
      const text = part.repeat(100_000 / part.length);
      for (const one of [text, `https://a.org/${text}x`, `${text}@`, `x@${text}!`]) {
        const before = performance.now();
        expect(whole(one)).toBe(one);
        expect(performance.now() - before).toBeLessThan(2000);
      }
    },
  );
});

describe("initials", () => {
  it.each([
    ["Ada Lovelace", "AL"],
    ["ada", "A"],
    ["Jean-Paul de la Tour", "JT"],
    ["Château d’Azay", "CA"],
    ["Éloïse", "É"],
    ["  ", ""],
    ["😀 Bob", "B"],
    ["李 小龙", "李小"],
    ["𝒜da 𝒵", "𝒜𝒵"],
    ["team 7", "T7"],
    ["محمد علي", "مع"],
  ])("of %s", (name, letters) => {
    expect(initials(name)).toBe(letters);
  });
});

it("a colour is one of so many, and always the same", () => {
  const all = Array.from({ length: 200 }, (_, i) => hue(`user-${i}`, 6));
  expect(new Set(all)).toEqual(new Set([0, 1, 2, 3, 4, 5]));
  expect(hue("user-7", 6)).toBe(all[7]);
  expect(hue("", 6)).toBe(0);
});
