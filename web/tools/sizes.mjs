#!/usr/bin/env node
// What a page loads of the built package, in bytes after gzip -9, file by file as they are sent; Lit,
// which a site may have already, by itself. Exits with 1 where a limit is passed.

import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const LIMITS = { client: 8192, index: 25_600 };

const dist = new URL("../dist/", import.meta.url);
const read = (file) => readFileSync(new URL(file, dist), "utf8");
const size = (file) => gzipSync(read(file), { level: 9 }).length;

/** A module and all that it cannot do without; what it imports later is in `later`. */
function closure(file, found = new Set(), later = new Set()) {
  if (found.has(file)) return { found, later };
  found.add(file);
  const text = read(file);
  for (const [, name] of text.matchAll(/\b(?:from|import)\s*"\.\/([\w.-]+)"/g)) {
    closure(name, found, later);
  }
  for (const [, name] of text.matchAll(/\bimport\("\.\/([\w.-]+)"\)/g)) later.add(name);
  return { found, later };
}

const sum = (files) => [...files].reduce((all, file) => all + size(file), 0);
const said = (bytes, what) => console.log(`${String(bytes).padStart(6)}  ${what}`);

for (const [entry, limit] of Object.entries(LIMITS)) {
  const { found, later } = closure(`${entry}.js`);
  const bytes = sum(found);
  said(bytes, `${[...found].join(" + ")}, of at most ${limit}`);
  for (const file of later) said(size(file), `  ${file}, where a page needs it`);
  if (bytes > limit) process.exitCode = 1;
}
said(size("messaging.js"), "messaging.js: all of it, with Lit");
said(size("messaging-worker.js"), "messaging-worker.js, in the background");
