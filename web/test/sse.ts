// A server of event streams for the tests, on loopback: it remembers what it was asked, and each
// test says what it answers. Waiting is for conditions, in real time also where clocks are faked.
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const { setTimeout: later } = globalThis;

export interface Asked {
  path: string;
  headers: IncomingHttpHeaders;
  answer: ServerResponse;
  /** The client has gone. */
  closed: boolean;
}

export async function until(condition: () => unknown, what = String(condition)): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    if (tries > 1000) throw new Error(`in vain: ${what}`);
    await new Promise((done) => later(done, 5));
  }
}

/** Long enough for whatever wrongly happens at once. */
export const moment = () => new Promise((done) => later(done, 40));

export async function serve() {
  const asked: Asked[] = [];
  let reply = (one: Asked, _: number): void => void hello(one);
  const server = createServer((request, answer) => {
    const one = { path: request.url ?? "", headers: request.headers, answer, closed: false };
    answer.on("close", () => {
      one.closed = true;
    });
    // A connection that is kept has timers of Node's, and they run by the faked clock.
    answer.setHeader("Connection", "close");
    asked.push(one);
    reply(one, streams().length);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  const streams = () => asked.filter(({ path }) => path === "/stream");
  return {
    asked,
    base: `http://127.0.0.1:${port}`,
    live: {
      stream: `http://127.0.0.1:${port}/stream`,
      unread: `http://127.0.0.1:${port}/unread`,
      events: {} as Record<string, string>,
    },
    streams,
    polls: () => asked.filter(({ path }) => path === "/unread"),
    /** What it answers from now on; `count` is of the streams so far. */
    answer(next: (one: Asked, count: number) => void) {
      reply = next;
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

export type Server = Awaited<ReturnType<typeof serve>>;

export function start(one: Asked): void {
  one.answer.writeHead(200, { "Content-Type": "text/event-stream" });
  one.answer.flushHeaders();
}

/** The head of a stream; resumed where the client said where it was, and `resumes`. */
export function hello(one: Asked, { user = "ann", retry = 1000, resumes = true } = {}): void {
  if (!one.answer.headersSent) start(one);
  const last = one.headers["last-event-id"];
  const resumed = resumes && last !== undefined;
  const me = JSON.stringify({ id: user, role: null, name: null, teams: [], resumed });
  one.answer.write(`retry: ${retry}\nid: ${last ?? "0"}\nevent: hello\ndata: ${me}\n\n`);
}

export function tell(one: Asked, id: string, type: string, data: unknown): void {
  one.answer.write(`id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
}

export function bye(one: Asked, code: string, retry = 1000): void {
  one.answer.end(`retry: ${retry}\nevent: bye\ndata: {"code":"${code}"}\n\n`);
}

export function refuse(one: Asked, status: number, headers: Record<string, string> = {}): void {
  one.answer.writeHead(status, { "Content-Type": "application/problem+json", ...headers });
  one.answer.end("{}");
}

export function json(one: Asked, body: unknown, headers: Record<string, string> = {}): void {
  one.answer.writeHead(200, { "Content-Type": "application/json", ...headers });
  one.answer.end(JSON.stringify(body));
}
