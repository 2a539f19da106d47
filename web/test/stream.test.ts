// One stream's host against a real server: how it opens, resumes, waits, gives up and polls.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { LiveEvent, LiveState } from "../src/core/live.js";
import { StreamHost } from "../src/core/stream.js";
import {
  type Asked,
  bye,
  hello,
  json,
  moment,
  refuse,
  type Server,
  serve,
  start,
  tell,
  until,
} from "./sse.js";

let server: Server;
let host: StreamHost;
let events: LiveEvent[];
let states: LiveState[];
let fail: boolean;
let paused: (pause: number) => Promise<void>;
const page = new EventTarget();

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  const timeouts = vi.spyOn(globalThis, "setTimeout");
  // Node's fetch has timers too, whose functions have names.
  const own = () => timeouts.mock.calls.filter(([work]) => !/^function \w/.test(`${work}`));
  let seen = 0;
  paused = async (pause) => {
    const since = () => own().slice(seen);
    await until(() => since().some(([, one]) => one === pause), `a pause of ${pause} ms`);
    seen += since().findIndex(([, one]) => one === pause) + 1;
  };
  vi.spyOn(Math, "random").mockReturnValue(0.5);
  vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
  vi.stubGlobal("removeEventListener", page.removeEventListener.bind(page));
  server = await serve();
  events = [];
  states = [];
  fail = false;
});

afterEach(() => {
  host.close();
  server.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

function listen(lastId = ""): void {
  host = new StreamHost({
    live: server.live,
    lastId,
    headers: async () => {
      if (fail) throw new Error("no token");
      return { Authorization: "Bearer t" };
    },
    onEvent: (event) => events.push(event),
    onState: (state) => states.push(state),
  });
}

const types = () => events.map(({ type }) => type);
const last = (): Asked => server.streams().at(-1)!;

/** It waits until the next poll. */
const settled = () => paused(15_000);

/** So many streams were asked for, and no more. */
async function streams(count: number): Promise<void> {
  await until(() => server.streams().length >= count, `${count} streams`);
  expect(server.streams().length).toBe(count);
}

/** The next stream is asked for after this long, and not sooner. */
async function after(pause: number): Promise<void> {
  const before = server.streams().length;
  await paused(pause);
  vi.advanceTimersByTime(pause - 1);
  await moment();
  expect(server.streams().length, "too soon").toBe(before);
  vi.advanceTimersByTime(1);
  await until(() => server.streams().length === before + 1, `a stream after ${pause} ms`);
}

describe("an open stream", () => {
  it("tells what comes, under canonical names", async () => {
    server.live.events = { "new-message": "message" };
    listen();
    await until(() => host.state === "open");
    expect(last().headers).toMatchObject({
      accept: "text/event-stream",
      authorization: "Bearer t",
    });
    expect(last().headers["last-event-id"]).toBeUndefined();
    tell(last(), "7", "new-message", { seq: 1 });
    tell(last(), "8", "unread", {});
    await until(() => events.length === 3);
    expect(types()).toEqual(["hello", "message", "unread"]);
    expect(events[1]!.data).toEqual({ seq: 1 });
    expect(states).toEqual(["open"]);
    expect(host.lastId).toBe("8");
  });

  it("however its bytes come", async () => {
    listen();
    await until(() => host.state === "open");
    const bytes = Buffer.from(
      ': beat\n\nid: a\r\nevent: one\r\ndata: {"x":"é\u2028🚲"}\r\n\r\n:\n\nevent:two\ndata: [1,\ndata: 2]\n\nid: b\n\n',
    );
    for (const byte of bytes) {
      last().answer.write(Buffer.of(byte));
      await new Promise(setImmediate);
    }
    await until(() => events.length === 3);
    expect(events.slice(1)).toEqual([
      { type: "one", data: { x: "é\u2028🚲" } },
      { type: "two", data: [1, 2] },
    ]);
    expect(host.lastId).toBe("a");
  });

  it("leaves out what cannot be read, and says so", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    listen();
    await until(() => host.state === "open");
    last().answer.write("id: 5\nevent: message\ndata: {\n\n");
    tell(last(), "6", "message", {});
    await until(() => events.length === 2);
    expect(warn).toHaveBeenCalledOnce();
    expect(server.streams()).toHaveLength(1);
  });

  it("is opened anew where an event has no end, from its beginning", async () => {
    listen();
    await until(() => host.state === "open");
    tell(last(), "7", "message", {});
    last().answer.write(`id: 8\nevent: message\ndata: "${"x".repeat(1 << 20)}`);
    await until(() => last().closed);
    await after(500);
    expect(last().headers["last-event-id"]).toBeUndefined();
  });

  it("that says nothing any more is left, one with a heartbeat is not", async () => {
    listen();
    await until(() => host.state === "open");
    tell(last(), "7", "message", {});
    await until(() => events.length === 2);
    for (let beats = 0; beats < 4; beats++) {
      vi.advanceTimersByTime(50_000);
      last().answer.write(":\n\n");
      await moment();
    }
    expect(server.streams()).toHaveLength(1);
    vi.advanceTimersByTime(62_499);
    await moment();
    expect(last().closed).toBe(false);
    vi.advanceTimersByTime(1);
    await until(() => host.state === "connecting");
    await after(500);
    expect(last().headers["last-event-id"]).toBe("7");
  });

  it("is closed with its host, for good", async () => {
    listen();
    await until(() => host.state === "open");
    host.close();
    await until(() => last().closed);
    host.retry();
    page.dispatchEvent(new Event("online"));
    vi.advanceTimersByTime(600_000);
    await moment();
    expect(server.streams()).toHaveLength(1);
    expect(states).toEqual(["open"]);
  });

  it("goes on where another host left off", async () => {
    listen("42");
    await until(() => host.state === "open");
    expect(last().headers["last-event-id"]).toBe("42");
    expect(events[0]!.data).toMatchObject({ resumed: true });
  });
});

describe("the next stream", () => {
  it("after the server's pause, with jitter, from where the last one ended", async () => {
    listen();
    await until(() => host.state === "open");
    tell(last(), "9", "message", {});
    last().answer.end();
    await until(() => host.state === "connecting");
    await after(500);
    expect(last().headers["last-event-id"]).toBe("9");
    await until(() => host.state === "open");
    expect(states).toEqual(["open", "connecting", "open"]);
  });

  it.each(["reload", "age", "expired", "revoked"])("bye %s: exactly when it says", async (code) => {
    listen();
    await until(() => host.state === "open");
    bye(last(), code, 3210);
    await until(() => host.state === "connecting");
    await after(3210);
    await until(() => host.state === "open");
    expect(types()).toEqual(["hello", "bye", "hello"]);
  });

  it("bye limit: one polls, and comes back when it says", async () => {
    server.answer((one) => (one.path === "/stream" ? hello(one) : json(one, { count: 1 })));
    listen();
    await until(() => host.state === "open");
    bye(last(), "limit", 90_000);
    await until(() => host.state === "polling");
    for (let polls = 1; polls <= 5; polls++) {
      await until(() => server.polls().length === polls);
      await settled();
      vi.advanceTimersByTime(15_000);
    }
    await streams(1);
    await until(() => server.polls().length === 6);
    await settled();
    vi.advanceTimersByTime(15_000);
    await streams(2);
    await until(() => host.state === "open");
  });

  it("later and later where the server fails", async () => {
    server.answer((one) => refuse(one, 503));
    listen();
    await streams(1);
    for (const pause of [1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]) await after(pause);
    expect(states).toEqual([]);
    expect(server.polls()).toHaveLength(0);
    server.answer((one) => hello(one));
    await after(15_000);
    await until(() => host.state === "open");
    // It did not last: that it opened alone is no reason to hurry.
    last().answer.end();
    await until(() => host.state === "connecting");
    await after(15_000);
    await until(() => host.state === "open");
    vi.advanceTimersByTime(10_000);
    last().answer.end();
    await until(() => host.state === "connecting");
    await after(500);
  });

  it("not before Retry-After", async () => {
    server.answer((one) => refuse(one, 503, { "Retry-After": "20" }));
    listen();
    await streams(1);
    await after(20_000);
  });

  it("after a while where there is no server at all", async () => {
    server.answer((one) => one.answer.destroy());
    listen();
    await streams(1);
    await after(1000);
    await after(2000);
  });

  it("when headers can be had again", async () => {
    fail = true;
    listen();
    await moment();
    expect(server.asked).toHaveLength(0);
    fail = false;
    await after(1000);
    await until(() => host.state === "open");
  });

  it.each([
    ["retry()", () => host.retry()],
    ["online", () => page.dispatchEvent(new Event("online"))],
  ])("at once: %s", async (_, now) => {
    server.answer((one) => refuse(one, 503, { "Retry-After": "600" }));
    listen();
    await streams(1);
    await paused(600_000);
    server.answer((one) => hello(one));
    now();
    await until(() => host.state === "open");
    await streams(2);
    // All tabs say so at once; and a stream that was open before may be dead by now.
    now();
    await moment();
    await streams(2);
    vi.advanceTimersByTime(1000);
    now();
    await streams(3);
    await until(() => server.streams()[1]!.closed);
  });
});

describe("who is not signed in", () => {
  it("is not asked again until somebody says so", async () => {
    server.answer((one) => refuse(one, 401));
    listen();
    await until(() => host.state === "signed-out");
    vi.advanceTimersByTime(3_600_000);
    await moment();
    await streams(1);
    server.answer((one) => hello(one));
    host.retry();
    await until(() => host.state === "open");
    expect(states).toEqual(["signed-out", "connecting", "open"]);
  });

  it("since the sign-in was taken back", async () => {
    server.answer((one, count) => (count === 1 ? hello(one) : refuse(one, 401)));
    listen();
    await until(() => host.state === "open");
    bye(last(), "revoked");
    await until(() => host.state === "connecting");
    await after(1000);
    await until(() => host.state === "signed-out");
  });

  it("as a poll finds out", async () => {
    server.answer((one) => refuse(one, one.path === "/stream" ? 403 : 401));
    listen();
    await streams(1);
    await after(1000);
    await after(2000);
    await until(() => host.state === "signed-out");
    vi.advanceTimersByTime(3_600_000);
    await moment();
    expect(server.asked).toHaveLength(4);
  });
});

describe("where no stream can be had", () => {
  const refusals: [string, (one: Asked) => void][] = [
    ["403", (one) => refuse(one, 403)],
    ["404", (one) => refuse(one, 404)],
    ["429", (one) => refuse(one, 429)],
    ["a page", (one) => json(one, {})],
  ];
  let count: number;
  let badge: (one: Asked) => void;

  beforeEach(() => {
    count = 1;
    badge = (one) => {
      const tag = `"${count}"`;
      if (one.headers["if-none-match"] === tag) one.answer.writeHead(304, { ETag: tag }).end();
      else json(one, { count, conversations: {} }, { ETag: tag });
    };
  });

  async function polling(refusal: (one: Asked) => void): Promise<void> {
    server.answer((one) => (one.path === "/stream" ? refusal(one) : badge(one)));
    listen();
    await streams(1);
    await after(1000);
    expect(server.polls()).toHaveLength(0);
    await after(2000);
    await until(() => host.state === "polling");
  }

  /** The next poll is after this long, and not sooner. */
  async function poll(pause: number): Promise<void> {
    const before = server.polls().length;
    await paused(pause);
    vi.advanceTimersByTime(pause - 1);
    await moment();
    expect(server.polls().length, "too soon").toBe(before);
    vi.advanceTimersByTime(1);
    await until(() => server.polls().length === before + 1, `a poll after ${pause} ms`);
  }

  it.each(refusals)("three times %s: it polls, and tells what changed", async (_, refusal) => {
    await polling(refusal);
    expect(server.polls()[0]!.headers).toMatchObject({ authorization: "Bearer t" });
    expect(events).toEqual([{ type: "poll", data: { count: 1, conversations: {} } }]);
    await poll(15_000);
    expect(server.polls()[1]!.headers["if-none-match"]).toBe('"1"');
    expect(events).toHaveLength(1);
    count = 2;
    await poll(15_000);
    await until(() => events.length > 1);
    expect(events[1]).toEqual({ type: "poll", data: { count: 2, conversations: {} } });
    expect(states).toEqual(["polling"]);
  });

  it("nor a hello within ten seconds, as behind a proxy that holds it back", async () => {
    server.answer((one) => (one.path === "/stream" ? start(one) : badge(one)));
    listen();
    for (const pause of [1000, 2000]) {
      await until(() => server.streams().length > 0);
      await paused(10_000);
      last().answer.write(":\n\n");
      vi.advanceTimersByTime(9999);
      await moment();
      expect(last().closed).toBe(false);
      vi.advanceTimersByTime(1);
      await after(pause);
    }
    await paused(10_000);
    vi.advanceTimersByTime(10_000);
    await until(() => host.state === "polling");
  });

  it("it tries again every minute, and polls no more when it has one", async () => {
    await polling((one) => refuse(one, 403));
    for (let polls = 0; polls < 3; polls++) await poll(15_000);
    await streams(3);
    await settled();
    vi.advanceTimersByTime(15_000);
    await streams(4);
    await until(() => server.polls().length === 5);
    expect(states).toEqual(["polling"]);
    server.answer((one) => (one.path === "/stream" ? hello(one) : badge(one)));
    for (let polls = 0; polls < 3; polls++) await poll(15_000);
    await settled();
    vi.advanceTimersByTime(15_000);
    await until(() => host.state === "open");
    vi.advanceTimersByTime(45_000);
    await moment();
    expect(server.polls()).toHaveLength(8);
    expect(types()).toEqual(["poll", "hello"]);
  });

  it("a request that was given up for another is no refusal", async () => {
    server.answer((one) => (one.path === "/stream" ? start(one) : badge(one)));
    listen();
    for (let tries = 1; tries <= 4; tries++) {
      await streams(tries);
      vi.advanceTimersByTime(2000);
      host.retry();
    }
    await streams(5);
    server.answer((one) => (one.path === "/stream" ? refuse(one, 503) : badge(one)));
    vi.advanceTimersByTime(2000);
    host.retry();
    await streams(6);
    await paused(1000);
    await moment();
    expect(server.polls()).toHaveLength(0);
  });

  it("one refusal, and a stream between, are none in a row", async () => {
    server.answer((one, count) => (count % 3 === 0 ? hello(one) : refuse(one, 404)));
    listen();
    await streams(1);
    await after(1000);
    await after(2000);
    await until(() => host.state === "open");
    last().answer.end();
    await until(() => host.state === "connecting");
    await after(2000);
    await after(4000);
    expect(server.polls()).toHaveLength(0);
  });

  it("what is polled after a stream is told again: it was a gap", async () => {
    await polling((one) => refuse(one, 403));
    server.answer((one) => (one.path === "/stream" ? hello(one) : badge(one)));
    host.retry();
    await until(() => host.state === "open");
    bye(last(), "limit");
    await until(() => host.state === "polling");
    await until(() => events.length === 4);
    expect(types()).toEqual(["poll", "hello", "bye", "poll"]);
  });

  it("where nobody looks it asks once a minute, and at once when somebody does", async () => {
    await polling((one) => refuse(one, 403));
    host.visible(false);
    await poll(15_000);
    await paused(60_000);
    vi.advanceTimersByTime(30_000);
    await moment();
    expect(server.polls()).toHaveLength(2);
    host.visible(true);
    await until(() => server.polls().length === 3);
  });

  it("as rarely as the server says", async () => {
    await polling((one) => refuse(one, 403));
    badge = (one) => refuse(one, 429, { "Retry-After": "40" });
    await poll(15_000);
    await poll(40_000);
  });

  it("nor a badge, it is not connected", async () => {
    await polling((one) => refuse(one, 403));
    badge = (one) => one.answer.destroy();
    await poll(15_000);
    await until(() => host.state === "connecting");
    badge = (one) => refuse(one, 503);
    await poll(15_000);
    badge = (one) => json(one, { count: 1 });
    await poll(15_000);
    await until(() => host.state === "polling");
    expect(states).toEqual(["polling", "connecting", "polling"]);
  });
});
