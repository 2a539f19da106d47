// How smoothly the browser client scrolls what is long, in Chromium, by a mouse's wheel: through
// 5,000 conversations and a thread of 10,000 messages, first while they are loaded page by page, then
// back, then slowly. Beside it the same wheel over a box with nothing in it, which says what Chromium
// itself takes here. And how many requests the first sight of the inbox takes. Started by
// scripts/frames, which says what may be set.

import { loadavg } from "node:os";
import { launch, newPerson, nothingToComplain } from "../browser/lib/browser.mjs";
import { Demo } from "../browser/lib/demo.mjs";
import { Relay } from "../browser/lib/relay.mjs";
import { becomes, caller, isIn, newTab, say } from "../browser/lib/tabs.mjs";

const number = (name, otherwise) => Number(process.env[name] ?? otherwise);
const CONVERSATIONS = number("FRAMES_CONVERSATIONS", 5000);
const MESSAGES = number("FRAMES_MESSAGES", 10_000);
const RUNS = number("FRAMES_RUNS", 1);
const LIMIT = number("FRAMES_LIMIT", 20); // ms, of the 95th percentile
const FLING = number("FRAMES_FLING", 150); // px a turn of the wheel: 9,000 px a second, ten screens
const SLOW = { pixels: 100, turns: 300 };
const PACE = 16; // ms between two turns

const tell = (text) => process.stderr.write(`frames: ${text}\n`);
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// --- What is scrolled

const words =
  "bonjour merci pour votre message nous sommes bien disponibles samedi prochain et le lieu vous attend https://example.com/visite".split(
    " ",
  );
let last = 1;
/** The same in every run, so that runs can be compared. */
function chance(below) {
  last = (last * 48_271) % 2_147_483_647;
  return last % below;
}
const text = () =>
  Array.from({ length: 2 + chance(40) }, () => words[chance(words.length)]).join(" ");

/** The thread's id. */
async function fill(demo) {
  const [alice, bob] = await Promise.all([caller(demo, "alice"), caller(demo, "bob")]);
  const all = async (count, work) => {
    let at = 0;
    const hand = async () => {
      while (at < count) await work(at++);
    };
    await Promise.all(Array.from({ length: 32 }, hand));
  };
  await all(CONVERSATIONS, (at) => say(alice, `person-${at}`, text()));
  const { conversation } = await alice("POST", "/conversations", { members: ["bob"] });
  await all(MESSAGES, () =>
    (chance(2) ? alice : bob)("POST", `/conversations/${conversation.id}/messages`, {
      content: text(),
    }),
  );
  return conversation.id;
}

// --- How it is measured

/** From now on, when each of the page's frames began; the function that it gives ends that. */
async function watch(page) {
  await page.evaluate(() => {
    const times = [];
    const note = (time) => {
      times.push(time);
      globalThis.frame = requestAnimationFrame(note);
    };
    globalThis.frame = requestAnimationFrame(note);
    globalThis.frames = times;
  });
  return () =>
    page.evaluate(() => {
      cancelAnimationFrame(globalThis.frame);
      return globalThis.frames.slice(1).map((time, at) => time - globalThis.frames[at]);
    });
}

/** Turns the wheel over a box until `end` of it (asked now and then) or so many times. */
async function wheel(page, box, pixels, { end = async () => false, turns = 20_000 }) {
  const { x, y, width, height } = await box.boundingBox();
  await page.mouse.move(x + width / 2, y + height / 2);
  const intervals = await watch(page);
  let turned = 0;
  for (; turned < turns && !(turned % 50 === 49 && (await end())); turned++) {
    await Promise.all([page.mouse.wheel(0, pixels), pause(PACE)]);
  }
  if (turned === 20_000) throw new Error("it does not come to an end");
  return { turned, times: await intervals() };
}

function figures({ turned, times }) {
  const sorted = times.toSorted?.() ?? [...times];
  sorted.sort((a, b) => a - b);
  const of = (part) => sorted[Math.floor((sorted.length - 1) * part)];
  return {
    frames: times.length,
    p50: of(0.5),
    p95: of(0.95),
    p99: of(0.99),
    max: of(1),
    over: times.filter((time) => time > LIMIT).length,
    turned,
  };
}

const head = ["", "frames", "p50", "p95", "p99", "max", `over ${LIMIT} ms`];
const widths = [46, 8, 8, 8, 8, 8, 13];
const line = (cells) =>
  console.log(
    cells.map((cell, at) => (at ? cell.padStart(widths[at]) : cell.padEnd(widths[at]))).join(""),
  );

function row(what, { frames, p50, p95, p99, max, over }) {
  const share = `${over} (${((100 * over) / frames).toFixed(1)} %)`;
  line([what, `${frames}`, ...[p50, p95, p99, max].map((time) => time.toFixed(1)), share]);
}

// --- What is measured

/** All other requests wait until the inbox is painted: so what it needs is what was answered. */
async function firstSight(context, relay) {
  let release = () => {};
  const free = new Promise((done) => {
    release = done;
  });
  relay.answer = async ({ path }) => {
    const list = /^\/api\/messages\/conversations(\?|$)/.test(path);
    if (path.startsWith("/api/") && !list) await free;
    return null;
  };
  const page = await newTab(context, relay);
  await page.locator("messaging-inbox .row").first().waitFor();
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done))));
  const needed = relay.asked(/ \/api\//).filter(({ status }) => status > 0).length;
  release();
  relay.answer = async () => null;
  await isIn(page, "open");
  return { page, needed };
}

async function run(browser, demo, thread) {
  const relay = await Relay.start(demo);
  const person = await newPerson(browser);
  await person.page.close();
  await becomes(person.context, relay, "alice");
  const { page, needed } = await firstSight(person.context, relay);
  console.log(`requests before the first sight of the inbox: ${needed}`);
  line(head);
  const measure = async (what, box, pixels, how) => {
    const is = figures(await wheel(page, box, pixels, how));
    row(what, is);
    note(what, is);
    return is;
  };
  // By handles, and counted only at the end: to look for something in all that is there takes a frame.
  const atEnd = (box) =>
    box.evaluate((one) => one.scrollHeight - Math.abs(one.scrollTop) - one.clientHeight < 2);
  const atStart = (box) => box.evaluate((one) => Math.abs(one.scrollTop) < 2);
  const holds = (box, selector, wanted) =>
    box.evaluate(
      (one, [what, wanted]) => one.querySelectorAll(what).length >= wanted,
      [selector, wanted],
    );

  const rows = await page.locator("messaging-inbox .rows").elementHandle();
  const down = await measure("conversations, while they are loaded", rows, FLING, {
    end: async () => (await atEnd(rows)) && holds(rows, ".row[data-id]", CONVERSATIONS + 1),
  });
  await measure("conversations, back", rows, -FLING, { end: () => atStart(rows) });
  await measure("conversations, slowly", rows, SLOW.pixels, SLOW);

  await page.evaluate(
    (id) => document.querySelector("messaging-provider").client.select(id),
    thread,
  );
  await page.locator("messaging-thread [data-seq]").first().waitFor();
  const scroller = await page.locator("messaging-thread .scroller").elementHandle();
  const up = await measure("messages, while they are loaded", scroller, -FLING, {
    end: async () => (await atEnd(scroller)) && holds(scroller, "[data-seq]", MESSAGES),
  });
  await measure("messages, back", scroller, FLING, { end: () => atStart(scroller) });
  await measure("messages, slowly", scroller, -SLOW.pixels, SLOW);
  nothingToComplain(person);

  // The same wheel, over nothing.
  await page.evaluate(
    ([height]) => {
      document.body.innerHTML = '<div class="box"><div></div></div>';
      const box = document.querySelector(".box");
      box.style.cssText = "height: 500px; overflow: auto";
      box.firstChild.style.height = `${height}px`;
    },
    [FLING * Math.min(2000, down.turned + up.turned)],
  );
  const box = await page.locator(".box").elementHandle();
  const base = figures(await wheel(page, box, FLING, { end: () => atEnd(box) }));
  row("an empty box", base);
  const slow = figures(await wheel(page, box, -SLOW.pixels, SLOW));
  row("an empty box, slowly", slow);
  note("an empty box", base);
  console.log("");
  await person.context.close();
  relay.close();
  return needed;
}

/** Of each pass its 95th percentiles, one a run. */
const passes = new Map();
function note(what, { p95 }) {
  passes.set(what, [...(passes.get(what) ?? []), p95]);
}
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)];

let demo;
let browser;
let good = true;
try {
  demo = await Demo.start();
  tell(`fills ${CONVERSATIONS} conversations and ${MESSAGES} messages`);
  const thread = await fill(demo);
  browser = await launch();
  for (let at = 0; at < RUNS; at++) {
    console.log(`load of the machine, before it: ${loadavg()[0].toFixed(1)}`);
    good = (await run(browser, demo, thread)) === 1 && good;
  }
} finally {
  await browser?.close();
  await demo?.stop();
}
const base = median(passes.get("an empty box"));
for (const [what, values] of passes) {
  const p95 = median(values);
  console.log(`${what}: p95 ${p95.toFixed(1)} ms, ${(p95 / base).toFixed(2)} of an empty box's`);
  good &&= p95 <= LIMIT;
}
if (!good) tell(`over the limit: p95 ${LIMIT} ms, one request`);
process.exitCode = good ? 0 : 1;
