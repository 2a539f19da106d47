// A message's text, as pieces: plain text, and links of the schemes that are allowed. Nothing in a
// message is ever taken for markup.

export interface Link {
  text: string;
  href: string;
}

// A scheme, or www, or an address for mail. Each begins where no word goes on, so that no text,
// however long, is looked through again and again.
const WORD = "\\p{L}\\p{N}_";
const LINK = new RegExp(
  `(?<![${WORD}])(?:https?:\\/\\/|www\\.)[^\\s<>"“”«»\\p{C}]+|` +
    `(?<![${WORD}.+-])[${WORD}.+-]+@[${WORD}-]+(?:\\.[${WORD}-]+)+`,
  "giu",
);
// What ends a sentence is not part of it, in whatever script.
const AFTER = /(?<!(?![-/#%&@\\])\p{P})(?:(?![-/#%&@\\])\p{P})+$/u;

/** The text's pieces, in order; together they are the text. */
export function pieces(text: string): (string | Link)[] {
  const found: (string | Link)[] = [];
  let from = 0;
  for (const { 0: match, index } of text.matchAll(LINK)) {
    let said = match.replace(AFTER, "");
    // A parenthesis that was opened inside belongs to it.
    while (match[said.length] === ")" && said.split("(").length > said.split(")").length) {
      said += ")";
    }
    const href = target(said);
    if (!href) continue;
    if (index > from) found.push(text.slice(from, index));
    found.push({ text: said, href });
    from = index + said.length;
  }
  if (from < text.length) found.push(text.slice(from));
  return found;
}

function target(said: string): string | null {
  const known = /^(https?:\/\/)|^(www\.)|@/i.exec(said);
  if (!known) return null;
  const [, scheme, www] = known;
  try {
    const url = new URL((scheme ? "" : www ? "https://" : "mailto:") + said);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** For an avatar: the first letters of the first and the last word. */
export function initials(name: string): string {
  const words = name.split(/[\s'’-]+/u).filter((word) => /^[\p{L}\p{N}]/u.test(word));
  const ends = words.length > 1 ? [words[0], words.at(-1)] : words;
  return ends
    .map((word) => String.fromCodePoint(word!.codePointAt(0)!).toLocaleUpperCase())
    .join("");
}

/** One of `count` colours, always the same for one id. */
export function hue(id: string, count: number): number {
  let hash = 0;
  for (const char of id) hash = (hash * 31 + char.codePointAt(0)!) % 1_000_003;
  return hash % count;
}
