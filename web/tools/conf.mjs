// nginx's grammar of a configuration: words, quoted or not, then ";" or a block. Everything keeps its
// file and line, so that who reads it can say where something is wrong.

/** What people did wrong: its message is all that they need to see. */
export class Wrong extends Error {}

/** `place` is anything with a file and a line. */
export function wrong({ file, line }, what) {
  throw new Wrong(`${file}:${line}: ${what}`);
}

/** Words, quoted or not, and the marks between them. */
function* tokens(text, file) {
  let line = 1;
  let at = 0;
  while (at < text.length) {
    const c = text[at];
    if (/\s/.test(c)) {
      line += c === "\n" ? 1 : 0;
      at++;
    } else if (c === "#") {
      while (at < text.length && text[at] !== "\n") at++;
    } else if (";{}".includes(c)) {
      yield { mark: c, file, line };
      at++;
    } else {
      const quote = c === '"' || c === "'" ? c : "";
      const place = { file, line };
      let word = "";
      for (at += quote ? 1 : 0; ; at++) {
        const d = text[at];
        if (d === undefined && quote) wrong(place, "a quote is not closed");
        if (quote ? d === quote : /[\s;]/.test(d ?? ";")) break;
        if (!quote && d === "{" && !word.endsWith("$")) break;
        line += d === "\n" ? 1 : 0;
        if (d === "\\" && at + 1 < text.length) {
          const e = text[++at];
          word += { '"': e, "'": e, "\\": e, t: "\t", r: "\r", n: "\n" }[e] ?? d + e;
        } else {
          word += d;
        }
      }
      if (quote && !/[\s;{)]/.test(text[++at] ?? " "))
        wrong({ file, line }, "no space after a quote");
      yield { word, ...place };
    }
  }
}

/** Directives as {words, block?, file, line}. */
export function parse(text, file) {
  const root = { block: [], file, line: 1 };
  const open = [root];
  let words = [];
  let place = root;
  for (const token of tokens(text, file)) {
    if (token.word !== undefined) {
      place = words.length > 0 ? place : token;
      words.push(token.word);
      continue;
    }
    if (token.mark === "}") {
      if (words.length > 0) wrong(token, 'a ";" is missing before "}"');
      if (open.length === 1) wrong(token, 'unexpected "}"');
      open.pop();
      continue;
    }
    if (words.length === 0) wrong(token, `unexpected "${token.mark}"`);
    const directive = { words, file, line: place.line };
    open.at(-1).block.push(directive);
    words = [];
    if (token.mark === "{") {
      directive.block = [];
      open.push(directive);
    }
  }
  if (words.length > 0) wrong(place, 'a ";" is missing');
  if (open.length > 1) wrong(open.at(-1), 'a "}" is missing');
  return root.block;
}

export function* all(directives) {
  for (const directive of directives) {
    yield directive;
    yield* all(directive.block ?? []);
  }
}
