// A client between a server, its stream and a page: what the tests of it have in common. Who takes
// it has `vi.mock("../src/core/share.js", () => import("./streams.js"))`.
import "fake-indexeddb/auto";
import { afterEach, beforeEach, expect, vi } from "vitest";
import { MessagingClient } from "../src/core/client.js";
import type { LiveEvent } from "../src/core/live.js";
import { Server } from "./server.js";
import { type Stream, streams } from "./streams.js";
import { browser, fakeTime, tick } from "./world.js";

export let server: Server;
export let user: string | null;
export let world: ReturnType<typeof browser>;
let site = 0;
export const clients = new Set<MessagingClient>();

/** By the site's own sign-in; nobody, with null. */
export function signIn(who: string | null): void {
  user = who;
}

/** A page of `me`'s; `hello` as the stream's first event. */
export function page(api = `/api-${site}/messages`): MessagingClient {
  const client = new MessagingClient({ api });
  clients.add(client);
  client.connect();
  return client;
}

export const stream = () => streams.all.at(-1) as Stream;
export const hear = (type: string, data: unknown = {}) =>
  stream().onEvent({ type, data } as LiveEvent);

/** From now on what happens at the server comes by the stream, as it comes to `who`. */
export function follow(who = user!): () => void {
  const to = stream();
  return server.on(who, (event) => to.onEvent(event));
}

export function hello(resumed = false): void {
  stream().onState("open");
  hear("hello", { ...server.me(user!), resumed });
}

/** Signed in, and told so. */
export async function ready(): Promise<MessagingClient> {
  const client = page();
  hello();
  await tick();
  server.requests = [];
  return client;
}

export const contents = (id: string) => server.kept.get(id)!.messages.map(({ content }) => content);
export const count = (what: string) => server.requests.filter((one) => one.includes(what)).length;

beforeEach(() => {
  server = new Server();
  user = "me";
  streams.all = [];
  world = browser();
  // Each test another site: what one leaves in the database is not the next one's.
  site++;
  vi.stubGlobal(
    "fetch",
    server.fetch(() => user),
  );
  fakeTime();
});

afterEach(async () => {
  for (const client of clients) client.close();
  clients.clear();
  await tick();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});
