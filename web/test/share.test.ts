// Tabs of one browser share a stream: in a SharedWorker, by a leader, or not at all. Nobody misses
// anything without being told to fetch.

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type FromTab, Hub, type ToTab } from "../src/core/hub.js";
import { bye, hello, json, moment, refuse, type Server, serve, tell, until } from "./sse.js";
import {
  Browser,
  current,
  fakeClock,
  hellos,
  isOpen,
  openStreams,
  realClock,
  seqs,
  type Tab,
} from "./tabs.js";

let server: Server;
let browser: Browser;

beforeEach(async () => {
  let draws = 0; // tabs have other names, and pauses are short
  vi.spyOn(Math, "random").mockImplementation(() => 0.01 + ++draws * 1e-6);
  server = await serve();
  browser = new Browser(server);
});

afterEach(() => {
  browser.end();
  server.close();
  realClock();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

const message = (seq: number) => tell(current(server), `${seq}`, "message", { seq });

/** Time passes, a second at a time, and what it brings about is done. */
async function pass(milliseconds: number): Promise<void> {
  for (let at = 0; at < milliseconds; at += 1000) {
    vi.advanceTimersByTime(1000);
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    await new Promise(setImmediate);
  }
  await moment();
}

describe.each(["worker", "leader"] as const)("by a %s", (way) => {
  beforeEach(() => {
    browser.worker = way === "worker" ? "works" : "absent";
  });

  async function two(): Promise<[Tab, Tab]> {
    const one = browser.open("one");
    await isOpen(one);
    const two = browser.open("two");
    await isOpen(two);
    return [one, two];
  }

  it("two tabs have one stream, and hear the same", async () => {
    const [one, two] = await two_();
    message(1);
    await until(() => seqs(one).length === 1 && seqs(two).length === 1);
    expect(openStreams(server)).toEqual(["one"]);
    expect(server.streams()).toHaveLength(1);
    for (const { states } of [one, two]) {
      // The same may be said again; at first it is "connecting".
      expect([...new Set(["connecting", ...states])]).toEqual(["connecting", "open"]);
    }
  });
  const two_ = two;

  it("who joins an open stream is told to fetch", async () => {
    const [one, two] = await two_();
    expect(hellos(two)).toEqual([false]);
    expect(two.events[0]!.data).toMatchObject({ id: "ann", teams: [] });
    expect(hellos(one)).toEqual([false]);
  });

  it("a stream that is resumed is no reason to fetch, but for who came meanwhile", async () => {
    const [one, two] = await two_();
    message(1);
    await until(() => seqs(two).length === 1);
    bye(current(server), "reload", 300);
    await until(() => one.state === "connecting");
    const three = browser.open("three");
    await isOpen(three);
    await until(() => hellos(one).length === 2 && hellos(two).length === 2);
    expect(hellos(one)).toEqual([false, true]);
    expect(hellos(two)).toEqual([false, true]);
    expect(hellos(three)).toEqual([false]);
  });

  it("another person is who hello says", async () => {
    const [one, two] = await two_();
    server.answer((one) => hello(one, { user: "ben", resumes: false }));
    bye(current(server), "revoked", 1);
    await until(() => hellos(one).length === 2 && hellos(two).length === 2);
    for (const tab of [one, two]) {
      expect(tab.events.at(-1)!.data).toMatchObject({ id: "ben", resumed: false });
    }
  });

  it("one tab asks for all to be tried again", async () => {
    server.answer((one) => refuse(one, 401));
    const one = browser.open("one");
    const two = browser.open("two");
    await until(() => [one, two].every((tab) => tab.state === "signed-out"));
    const before = server.asked.length;
    server.answer((one) => hello(one));
    two.shared.retry();
    await isOpen(one);
    await isOpen(two);
    expect(server.asked.length).toBe(before + 1);
  });

  it("a page that comes after the sign-in tries again", async () => {
    server.answer((one) => refuse(one, 401));
    const one = browser.open("one");
    await until(() => one.state === "signed-out");
    server.answer((one) => hello(one));
    const two = browser.open("two");
    await isOpen(two);
    await isOpen(one);
  });

  it("headers are any page's that has them, first of one that is looked at", async () => {
    const one = browser.open("one");
    await isOpen(one);
    const two = browser.open("two");
    await isOpen(two);
    one.shared.visible(false);
    await moment();
    bye(current(server), "age", 1);
    await until(() => openStreams(server).join() === "two");
    two.headers = async () => {
      throw new Error("no token");
    };
    await until(() => hellos(two).length === 2);
    bye(current(server), "age", 1);
    await until(() => openStreams(server).join() === "one");
  });

  it("polls are told to all, and to who comes", async () => {
    server.answer((one) =>
      one.path === "/stream" ? bye0(one) : json(one, { count: 3, conversations: {} }),
    );
    const one = browser.open("one");
    await until(() => one.state === "polling");
    const two = browser.open("two");
    await until(() => two.events.some(({ type }) => type === "poll"));
    expect(two.state).toBe("polling");
    expect(two.events.at(-1)!.data).toEqual({ count: 3, conversations: {} });
  });
  const bye0 = (one: Parameters<typeof hello>[0]) => {
    hello(one);
    bye(one, "limit", 60_000);
  };

  it("the last tab takes the stream with it, and the next one begins anew", async () => {
    const [one, two] = await two_();
    message(4);
    await until(() => seqs(two).length === 1);
    browser.close(one);
    await isOpen(two);
    await until(() => openStreams(server).length === 1);
    browser.close(two);
    await until(() => openStreams(server).length === 0);
    const three = browser.open("three");
    await isOpen(three);
    expect(current(server).headers["last-event-id"]).toBeUndefined();
    expect(hellos(three)).toEqual([false]);
  });

  it("a page that comes back from the browser's cache joins anew", async () => {
    const [one, two] = await two_();
    message(1);
    await until(() => seqs(two).length === 1);
    browser.page(two, "pagehide", true);
    message(2);
    await until(() => seqs(one).length === 2);
    expect(seqs(two)).toEqual([1]);
    browser.page(two, "pageshow", true);
    await until(() => hellos(two).length === 2);
    expect(hellos(two)).toEqual([false, false]);
    message(3);
    await until(() => seqs(two).length === 2 && seqs(one).length === 3);
    expect(server.streams()).toHaveLength(1);
  });

  it("a page that leaves is forgotten at once", async () => {
    const [one, two] = await two_();
    browser.page(two, "pagehide");
    await moment();
    browser.close(one);
    await until(() => openStreams(server).length === 0);
    expect(server.streams()).toHaveLength(1);
  });
});

describe("by a leader", () => {
  it("the next leader goes on where its tab was, and nobody fetches", async () => {
    const one = browser.open("one");
    await isOpen(one);
    const two = browser.open("two");
    const three = browser.open("three");
    await isOpen(two);
    await isOpen(three);
    message(1);
    message(2);
    await until(() => seqs(two).length === 2 && seqs(three).length === 2);
    browser.close(one);
    await until(() => hellos(two).length === 2 && hellos(three).length === 2);
    expect(current(server).headers["last-event-id"]).toBe("2");
    expect(hellos(two)).toEqual([false, true]);
    expect(hellos(three)).toEqual([false, true]);
    message(3);
    await until(() => seqs(two).length === 3 && seqs(three).length === 3);
    await until(() => openStreams(server).length === 1);
  });

  it("who cannot have heard the same fetches", async () => {
    const one = browser.open("one");
    await isOpen(one);
    const two = browser.open("two");
    const three = browser.open("three");
    await isOpen(two);
    await isOpen(three);
    message(1);
    await until(() => seqs(two).length === 1 && seqs(three).length === 1);
    three.asleep = true; // it misses this one
    message(2);
    await until(() => seqs(two).length === 2);
    three.asleep = false;
    browser.close(one);
    await until(() => hellos(two).length === 2 && hellos(three).length === 2);
    expect(hellos(two)).toEqual([false, true]);
    expect(hellos(three)).toEqual([false, false]);
  });

  it("where the server does not know the place everybody fetches", async () => {
    const one = browser.open("one");
    await isOpen(one);
    const two = browser.open("two");
    await isOpen(two);
    message(1);
    await until(() => seqs(two).length === 1);
    server.answer((one) => hello(one, { resumes: false }));
    browser.close(one);
    await until(() => hellos(two).length === 2);
    expect(hellos(two)).toEqual([false, false]);
  });

  it("a leader that ends without a word is followed", async () => {
    const one = browser.open("one");
    await isOpen(one);
    const two = browser.open("two");
    await isOpen(two);
    browser.crash(one);
    await until(() => openStreams(server).includes("two"));
    message(1);
    await until(() => seqs(two).length === 1);
    expect(seqs(one)).toEqual([]);
  });

  describe("in time", () => {
    let one: Tab;
    let two: Tab;

    beforeEach(async () => {
      fakeClock();
      one = browser.open("one");
      await pass(1000);
      two = browser.open("two");
      await pass(1000);
      expect([one, two].map((tab) => tab.state)).toEqual(["open", "open"]);
      expect(openStreams(server)).toEqual(["one"]);
    });

    it("a leader that is asleep loses the lead, and follows when it wakes", async () => {
      one.asleep = true;
      two.shared.visible(true);
      await pass(2000);
      expect(openStreams(server)).toEqual(["one"]);
      one.asleep = false; // it is told by its lock, whatever it missed
      await pass(3000);
      expect(openStreams(server)).toEqual(["two"]);
      expect(hellos(two)).toEqual([false, false]);
      expect(hellos(one).at(-1)).toBe(false);
      message(1);
      await until(() => seqs(one).length === 1 && seqs(two).length === 1);
    });

    it("a leader that says nothing for long loses it too, but not one that has nothing to say", async () => {
      one.shared.visible(false);
      await pass(120_000); // its pings are enough
      one.asleep = true;
      await pass(65_000);
      expect(browser.leaders).toEqual(["one"]);
      await pass(30_000);
      expect(browser.leaders).toEqual(["one", "two"]);
      expect(hellos(two).at(-1)).toBe(false);
    });

    it("nobody takes it who is not looked at", async () => {
      one.shared.visible(false);
      two.shared.visible(false);
      await pass(1000);
      one.asleep = true;
      await pass(200_000);
      expect(browser.leaders).toEqual(["one"]);
      two.shared.visible(true);
      await pass(10_000);
      expect(browser.leaders).toEqual(["one", "two"]);
    });

    it("a tab that does not answer is forgotten, and joins anew when it wakes", async () => {
      two.shared.visible(false);
      await pass(1000);
      const fetches = (tab: Tab) => hellos(tab).filter((resumed) => !resumed).length;
      two.asleep = true;
      await pass(40_000);
      two.asleep = false;
      message(1);
      await pass(60_000);
      expect(seqs(two)).toEqual([1]);
      expect(fetches(two)).toBe(1); // it was there all the time
      two.asleep = true;
      await pass(60_000);
      message(2);
      await pass(40_000);
      two.asleep = false;
      await pass(25_000);
      expect(fetches(two)).toBe(2);
      expect(openStreams(server)).toHaveLength(1);
    });
  });
});

describe("by a worker", () => {
  it.each([
    ["fails", 1000],
    ["silent", 4000],
  ] as const)("that %s a leader is chosen", async (worker, time) => {
    browser.worker = worker;
    fakeClock();
    const one = browser.open("one");
    const two = browser.open("two");
    await pass(time);
    expect(browser.leaders).toEqual(["one"]);
    realClock();
    await isOpen(one);
    await isOpen(two);
    expect(server.streams()).toHaveLength(1);
    expect(hellos(two)).toEqual([false]);
  });

  it("where there are none a leader is chosen", async () => {
    const one = browser.open("one", { worker: true });
    const two = browser.open("two", { worker: true });
    await isOpen(one);
    await isOpen(two);
    expect(server.streams()).toHaveLength(1);
  });

  it("that ends is started again", async () => {
    browser.worker = "works";
    fakeClock();
    const one = browser.open("one");
    await pass(1000);
    await isOpen(one);
    browser.workers.clear();
    for (const port of browser.ports.splice(0)) port.close();
    current(server).answer.destroy();
    await pass(95_000);
    realClock();
    await until(() => hellos(one).length > 1);
    expect(hellos(one).at(-1)).toBe(false);
    expect(browser.workers.size).toBe(1);
  });

  it("a tab that was closed without a word is forgotten", async () => {
    browser.worker = "works";
    fakeClock();
    const one = browser.open("one");
    await pass(1000);
    const two = browser.open("two");
    await pass(1000);
    browser.ports[2]!.close();
    browser.close(two); // what it says is not heard
    await pass(100_000);
    realClock();
    browser.close(one);
    await until(() => openStreams(server).length === 0);
  });

  it("that forgot a tab is told again who it is, and that it may have missed something", async () => {
    browser.worker = "works";
    const said: FromTab[] = [];
    let worker: MessagePort | undefined;
    const connect = (port: MessagePort) => {
      worker = port;
      port.onmessage = ({ data }) => said.push(data);
    };
    browser.workers.set("messaging-live:/api/messages", Promise.resolve(connect));
    browser.open("one");
    await until(() => said.length === 1);
    worker!.postMessage({ state: "open" });
    worker!.postMessage({ event: { type: "hello", data: {} }, id: "7" });
    worker!.postMessage({ gone: true });
    await until(() => said.length === 2);
    expect(said.map(({ hi }) => hi?.last)).toEqual(["", ""]);
  });

  it("who is not known is told so", () => {
    const told: ToTab[] = [];
    new Hub().hear("x", { pong: true }, (message) => told.push(message));
    expect(told).toEqual([{ gone: true }]);
  });
});

describe("alone", () => {
  it("each tab has a stream where tabs cannot speak to each other", async () => {
    vi.stubGlobal("navigator", {});
    const { share } = await import("../src/core/share.js");
    const heard: string[] = [];
    const states: string[] = [];
    const options = {
      api: { base: "/x", live: server.live, headers: async () => ({ "X-Tab": "alone" }) },
      onEvent: ({ type }: { type: string }) => heard.push(type),
      onState: (state: string) => states.push(state),
    };
    const tabs = [share(options), share(options)];
    await until(() => states.filter((state) => state === "open").length >= 2);
    expect(openStreams(server).filter((name) => name === "alone")).toHaveLength(2);
    for (const tab of tabs) tab.close();
    await until(() => openStreams(server).length === 0);
    expect(heard).toEqual(["hello", "hello"]);
  });

  it("an address is the page's, and not the worker's", async () => {
    vi.stubGlobal("navigator", {});
    vi.stubGlobal("location", new URL(`${server.base}/pages/inbox.html`));
    const { share } = await import("../src/core/share.js");
    const states: string[] = [];
    const tab = share({
      api: {
        base: "..",
        live: { stream: "../stream", unread: "../unread", events: {} },
        headers: async () => ({ "X-Tab": "relative" }),
      },
      onEvent: () => {},
      onState: (state) => states.push(state),
    });
    await until(() => states.at(-1) === "open");
    tab.close();
    await until(() => openStreams(server).length === 0);
  });
});
