// Session cookies by the hand of the packages that real sites use: node session_cookies.mjs PACKAGES
// reads a list of {version: 4 | 5, cookie, secret, token, maxAge?} from standard input, and prints for each the list
// of [name, value] that the site would set.
import { webcrypto } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

// Debian 12's Node 18 has it under no global name, where the packages look for it.
globalThis.crypto ??= webcrypto;

const modules = `${process.argv[2]}/node_modules`;
const require = createRequire(`${modules}/here.js`);
const core = (path) => import(pathToFileURL(`${modules}/@auth/core/${path}`).href);
const logger = { debug() {}, warn() {}, error() {} };

const old = require("next-auth/jwt");
const oldCookies = require(`${modules}/next-auth/core/lib/cookie.js`);
const current = await core("jwt.js");
const currentCookies = await core("lib/utils/cookie.js");

async function cookiesFor({ version, cookie, secret, token, maxAge }) {
  const option = { name: cookie, options: {} };
  if (version === 4) {
    const value = await old.encode({ token, secret, maxAge });
    return new oldCookies.SessionStore(option, { cookies: {}, headers: {} }, logger).chunk(value, {});
  }
  const value = await current.encode({ token, secret, maxAge, salt: cookie });
  return new currentCookies.SessionStore(option, {}, logger).chunk(value, {});
}

const wishes = JSON.parse(readFileSync(0, "utf8"));
const made = await Promise.all(wishes.map(cookiesFor));
console.log(JSON.stringify(made.map((cookies) => cookies.map(({ name, value }) => [name, value]))));
