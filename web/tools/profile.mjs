#!/usr/bin/env node
// Makes the browser client's adapter (src/core/adapter.ts) of a site's nginx configuration: of its
// `messaging_profile NAME {…}` and the location that says `messaging NAME`. nginx itself judges a
// block (`nginx -t`); here only what the client needs of it is read, and what it cannot use is told.
//
// Writes go by the site's own routes, which carry its hints and rules. Reads go by the canonical
// paths wherever those are not another route's: they come in pages and mark nothing as read.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { all, parse, Wrong, wrong } from "./conf.mjs";

const USAGE = `usage: nginx-messaging-profile FILE... [--profile NAME] [--base PATH]
       nginx-messaging-profile --all SRC DEST

Prints the adapter of the profile that stands in the files of nginx configuration; \`include\` is not
followed. Its base is the first location that says "messaging NAME", or --base. --all writes
DEST/NAME.json for each SRC/NAME.http.conf, with SRC/NAME.server.conf beside it.
`;

const ONE = "/conversations/:conversation";
const CANONICAL = {
  start: ["POST", "/conversations"],
  send: ["POST", `${ONE}/messages`],
  read: ["PATCH", `${ONE}/read`],
  change: ["PATCH", ONE],
  typing: ["POST", `${ONE}/typing`],
  list: ["GET", "/conversations"],
  history: ["GET", `${ONE}/messages`],
  conversation: ["GET", ONE],
  search: ["GET", "/search"],
  unread: ["GET", "/unread-count"],
  stream: ["GET", "/stream"],
  status: ["GET", "/status"],
};
const WRITES = ["start", "send", "read", "change", "typing"];
const OF_ONE = [...WRITES.slice(1), "history", "conversation"];

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];
const ANSWERS = ["array", "conversation", "message", "count", "canonical"];
const EVENTS = ["message", "conversation", "read", "unread", "typing", "presence"];
const ARGUMENT =
  /^(conversation|content|subject|kind|as|status|archived|seq|typing|type|data|q|cursor|limit|before|after|unread|member(\.[\w-]+){0,2}|(message\.)?context\.[\w.-]+)$/;

// What the client cannot do without, and what else there is.
const FIELDS = {
  conversation:
    "id kind status subject context members member createdAt lastMessageAt lastMessage lastSeq readSeq unreadCount archived rev",
  message: "id conversationId seq senderId content createdAt read",
};
const MORE = { conversation: "", message: "senderRole context type data" };

/** Past the last message: what is read from there is nothing, and so marks nothing. */
const BEYOND = String(Number.MAX_SAFE_INTEGER);

// --- A block

function halves(word) {
  const at = word.indexOf("=");
  return at < 0 ? [word, word] : [word.slice(0, at), word.slice(at + 1)];
}

function readView(directive) {
  const whole = directive.words[1] === "*";
  const fields = directive.words.slice(whole ? 2 : 1).map((word) => {
    const [name, source] = halves(word);
    const upper = source.endsWith("|upper");
    return { name, source: upper ? source.slice(0, -6) : source, upper };
  });
  if (!whole && fields.length === 0) wrong(directive, "names no field");
  return { directive, all: whole, fields };
}

function readRoute(directive, roles) {
  const [, method, path, operation, ...rest] = directive.words;
  if (!operation) wrong(directive, "a method, a path and an operation are expected");
  if (!METHODS.includes(method)) wrong(directive, `unknown method "${method}"`);
  if (!/^(\/[^/:]+|\/:[\w.-]+)+$/.test(path)) wrong(directive, `not a path: "${path}"`);
  const name = operation === "unread-count" ? "unread" : operation;
  if (name !== "thread" && (!CANONICAL[name] || operation === "unread")) {
    wrong(directive, `unknown operation "${operation}"`);
  }
  const route = { directive, method, path, operation: name, args: {}, fixed: {}, conditions: [] };
  for (const option of rest) {
    const fixed = option.startsWith("fixed:");
    const [key, value] = halves(fixed ? option.slice(6) : option);
    if (!fixed && (option === "all" || option === "reads")) {
      route[option] = true;
    } else if (!fixed && key === "if") {
      const [parameter, wanted] = value.split(/:(.*)/s);
      route.conditions.push({ parameter, wanted });
    } else if (!fixed && key === "role") {
      if (!roles.includes(value)) wrong(directive, `not one of the roles: "${value}"`);
      route.role = value;
    } else if (!fixed && key === "answer") {
      if (!ANSWERS.includes(value)) wrong(directive, `there is no answer "${value}"`);
      if (value !== "canonical") route.answer = value;
    } else {
      if (!ARGUMENT.test(key)) wrong(directive, `there is no argument "${key}"`);
      if (key in route.args || key in route.fixed) wrong(directive, `"${key}" stands twice`);
      if (fixed && !option.includes("=")) wrong(directive, 'NAME=VALUE is expected after "fixed:"');
      (fixed ? route.fixed : route.args)[key] = value;
    }
  }
  return route;
}

function readProfile({ words, block, file, line }) {
  const profile = { name: words[1], place: { file, line }, roles: [], routes: [], events: {} };
  for (const directive of block) {
    const [what, first, ...rest] = directive.words;
    if (directive.block) wrong(directive, `"${what}" has no block`);
    const known = (roles) => {
      const strange = roles.find((role) => !profile.roles.includes(role));
      if (strange !== undefined) wrong(directive, `not one of the roles: "${strange}"`);
      return roles;
    };
    if (what === "roles") {
      profile.roles = directive.words.slice(1).map((word) => halves(word)[0]);
    } else if (what === "team") {
      known(directive.words.slice(1));
    } else if (what === "conversation" || what === "message") {
      profile[what] = readView(directive);
    } else if (what === "event") {
      if (!EVENTS.includes(first) || rest.length !== 1) {
        wrong(directive, "an event of ours and its name here are expected");
      }
      profile.events[rest[0]] = first;
    } else if (what === "failure") {
      if (!/^\d+$/.test(first ?? "")) profile.failure = directive.words.slice(1).map(halves);
    } else if (what === "route") {
      profile.routes.push(readRoute(directive, profile.roles));
    } else if (what === "rule" && (first === "open" || first === "change")) {
      profile[first] = known(rest);
    } else if (what === "rule" && first === "content") {
      profile.content = true;
    } else if (what !== "rule" || !["reopen", "known", "confirm"].includes(first)) {
      wrong(directive, `unknown: ${directive.words.slice(0, what === "rule" ? 2 : 1).join(" ")}`);
    }
  }
  return profile;
}

// --- Which paths mean what; as ngx_module/core/question.cpp has it

const segments = (path) => path.split("/").slice(1);
const isParameter = (segment) => segment.startsWith(":");
const shape = (path) =>
  segments(path)
    .map((one) => (isParameter(one) ? "P" : "L"))
    .join("");

/** The site's route that answers a canonical request in its place: a word beats a parameter. */
function inPlaceOf(profile, base, name) {
  const [method, rest] = CANONICAL[name];
  const path = base + rest;
  const asked = segments(path);
  const fitting = profile.routes.filter((route) => {
    const own = segments(route.path);
    // An id that is one of the site's words is nobody's.
    return (
      own.length === asked.length && own.every((one, i) => isParameter(one) || one === asked[i])
    );
  });
  const best = fitting.map((route) => shape(route.path)).sort()[0];
  if (best === undefined || shape(path) < best) return undefined;
  return fitting.find((route) => shape(route.path) === best && route.method === method);
}

/** A route as the client can use it for an operation; undefined where it cannot. */
function usable(profile, route, name) {
  const thread = route.operation === "thread";
  if (route.operation !== name && !(thread && /^(history|conversation)$/.test(name)))
    return undefined;
  const { method, path, role } = route;
  const made = { method, path, role, args: { ...route.args }, fixed: { ...route.fixed } };
  const also = {};
  const needs = new Set(name === "start" ? [] : Object.keys(route.fixed));
  if (OF_ONE.includes(name) && !("conversation" in made.args)) return undefined; // by who is in it
  for (const { parameter, wanted } of route.conditions) {
    const argument = Object.keys(made.args).find((one) => made.args[one] === parameter);
    if (argument && wanted === undefined) {
      if (argument !== "conversation") needs.add(argument);
    } else {
      also[parameter] = wanted ?? "1";
      if (argument) {
        made.fixed[argument] = wanted;
        needs.add(argument);
        delete made.args[argument];
      }
    }
  }
  if (name === "conversation") {
    if (thread && route.answer === "array") return undefined;
    // A look at the conversation alone reads nothing.
    if (thread && !made.args.after && route.reads) return undefined;
    if (thread && made.args.after) also[made.args.after] = BEYOND;
    made.args = { conversation: made.args.conversation };
  }
  for (const earlier of profile.routes) {
    if (earlier === route) break;
    const same = earlier.method === method && sameQuestion(earlier.path, path);
    const other = earlier.role && earlier.role !== role;
    const taken = earlier.conditions.every(({ parameter, wanted }) =>
      parameter in also
        ? wanted === undefined || wanted === also[parameter]
        : wanted === undefined && parameter === made.args.conversation,
    );
    if (same && !other && taken) return undefined;
  }
  const answer = name === "conversation" && thread && !route.answer ? "thread" : route.answer;
  const some = (object) => (Object.keys(object).length > 0 ? object : undefined);
  made.fixed = some(made.fixed);
  made.needs = needs.size > 0 ? [...needs] : undefined;
  return { ...made, with: some(also), answer };
}

function sameQuestion(one, other) {
  const theirs = segments(other);
  const ours = segments(one);
  return (
    ours.length === theirs.length &&
    ours.every((own, i) => (isParameter(own) ? isParameter(theirs[i]) : own === theirs[i]))
  );
}

// --- The adapter

/** The site's name of each canonical field, where it is another. */
function namesOf(profile, document) {
  const view = profile[document] ?? { all: true, fields: [] };
  const names = {};
  const missing = [];
  for (const field of `${FIELDS[document]} ${MORE[document]}`.trim().split(" ")) {
    const shown = view.fields.filter((one) => one.source === field && !one.upper);
    const own = shown.find((one) => one.name === field) ?? shown[0];
    const canonical = view.all && !view.fields.some((one) => one.name === field);
    if (own && !canonical && own.name !== field) names[field] = own.name;
    if (!own && !canonical && FIELDS[document].split(" ").includes(field)) missing.push(field);
  }
  if (missing.length > 0) {
    wrong(view.directive, `${document} does not show what the client needs: ${missing.join(" ")}`);
  }
  return Object.keys(names).length > 0 ? names : undefined;
}

function adapterOf(profile, base, note) {
  const routes = {};
  const hidden = [];
  for (const name of Object.keys(CANONICAL)) {
    const instead = inPlaceOf(profile, base, name);
    if (instead) hidden.push(name);
    if (!instead && !WRITES.includes(name)) continue;
    const own = profile.routes.map((route) => usable(profile, route, name)).filter(Boolean);
    if (own.length > 0) routes[name] = own;
    const marks = profile.routes.some(
      (one) => one.reads && own.some(({ path }) => path === one.path),
    );
    if (name === "history" && marks) note(instead.directive, "history marks what it shows as read");
    if (instead && own.length === 0) {
      note(instead.directive, `${name} is not to be had: its path is this route's`);
    }
  }
  const failure = (profile.failure ?? []).filter(
    ([name, source]) => /^(error|code|field)$/.test(source) && name !== source,
  );
  const turned = Object.fromEntries(failure.map(([name, source]) => [source, name]));
  const filled = (list) => (list && Object.keys(list).length > 0 ? list : undefined);
  return {
    name: profile.name,
    base,
    roles: filled(profile.roles),
    routes: filled(routes),
    hidden: filled(hidden),
    conversation: namesOf(profile, "conversation"),
    message: namesOf(profile, "message"),
    failure: filled(turned),
    events: filled(profile.events),
    open: profile.open,
    change: profile.change,
    content: profile.content,
  };
}

/** The text of an adapter, from configuration files. */
function generate(files, wanted = {}) {
  const directives = files.flatMap((file) => parse(read(file), file));
  const blocks = [...all(directives)].filter(
    ({ words, block }) => words[0] === "messaging_profile" && block,
  );
  const found = blocks.filter(({ words }) => !wanted.profile || words[1] === wanted.profile);
  if (found.length !== 1) {
    const named = blocks.map(({ words }) => words[1]).join(", ") || "none";
    const which = wanted.profile
      ? `no profile "${wanted.profile}"`
      : "not one profile: name it by --profile";
    wrong({ file: files[0], line: 1 }, `${which} (there is ${named})`);
  }
  const profile = readProfile(found[0]);
  const locations = [...all(directives)].filter(
    ({ words, block }) =>
      words[0] === "location" &&
      (words.length === 2 || words[1] === "^~") &&
      block?.some(({ words: [what, name] }) => what === "messaging" && name === profile.name),
  );
  const base = wanted.base ?? locations[0]?.words.at(-1);
  if (base === undefined) {
    wrong(profile.place, `no location says "messaging ${profile.name}": give --base`);
  }
  const note = ({ file, line }, what) => console.error(`${file}:${line}: note: ${what}`);
  return `${JSON.stringify(adapterOf(profile, base.replace(/\/+$/, ""), note), null, 2)}\n`;
}

function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new Wrong(`${file}:1: cannot be read: ${error.code}`);
  }
}

function generateAll(source, target) {
  if (!existsSync(source)) throw new Wrong(`${source}:1: cannot be read: ENOENT`);
  mkdirSync(target, { recursive: true });
  for (const file of readdirSync(source).sort()) {
    if (!file.endsWith(".http.conf")) continue;
    const name = basename(file, ".http.conf");
    const files = [file, `${name}.server.conf`].map((one) => join(source, one)).filter(existsSync);
    writeFileSync(join(target, `${name}.json`), generate(files));
  }
}

function main(words) {
  const files = [];
  const wanted = {};
  for (let at = 0; at < words.length; at++) {
    const option = words[at].match(/^--(profile|base)(?:=(.*))?$/);
    if (option) wanted[option[1]] = option[2] ?? words[++at];
    else files.push(words[at]);
  }
  if (files[0] === "--all" && files.length === 3) return generateAll(files[1], files[2]);
  if (files.length === 0 || files.some((file) => file.startsWith("-"))) {
    process.stderr.write(USAGE);
    process.exitCode = files.includes("--help") ? 0 : 2;
    return undefined;
  }
  process.stdout.write(generate(files, wanted));
  return undefined;
}

try {
  main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Wrong)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
