// Socket.IO's manner: what a page emits becomes requests, what happens becomes its events. The core
// behind it is the real one, against a server of the canonical API on loopback.
import "fake-indexeddb/auto";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Entry, Outbox } from "../src/core/outbox.js";
import { Failure, type Message } from "../src/core/types.js";
import { io, type MessagingSocket, type SocketOptions } from "../src/socket.js";
import { until } from "./sse.js";
import { Locks, storage } from "./world.js";

interface Asked {
  method: string;
  path: string;
  token: string | undefined;
  body: { content?: string; members?: string[]; typing?: boolean; context?: unknown; seq?: number };
}

let asked: Asked[];
let stream: ServerResponse | null;
let refuse: { status: number; error: string } | null;
let signedIn: boolean;
let seq: number;
/** What the server says when the messages of a conversation are asked for. */
let history: Record<string, unknown>[];
let base: string;
let socket: MessagingSocket;
let close: () => void;

const me = { id: "ann", role: null, name: "Ann", teams: [] };

function conversation(id: string) {
  const members = ["ann", "bob"].map((one) => ({ id: one, role: null, name: one }));
  const times = { createdAt: "2026-01-01T00:00:00.000Z", lastMessageAt: null };
  const plain = { kind: "direct", status: "open", subject: null, context: null, archived: false };
  const numbers = { lastSeq: 7, readSeq: 5, unreadCount: 2, rev: 1 };
  return { id, ...plain, ...times, ...numbers, members, member: "ann", lastMessage: null };
}

function message(over: Record<string, unknown>) {
  const plain = { senderRole: null, context: null, type: "text", data: null, read: false };
  return { id: `m${++seq}`, seq, ...plain, createdAt: "2026-01-01T00:00:00.000Z", ...over };
}

function tell(type: string, data: unknown): void {
  stream!.write(`id: ${Date.now()}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
}

beforeEach(async () => {
  asked = [];
  stream = null;
  refuse = null;
  signedIn = true;
  seq = 7;
  history = [];
  vi.stubGlobal("document", Object.assign(new EventTarget(), { visibilityState: "visible" }));
  vi.stubGlobal("location", new URL("http://page.test/messages"));
  const page = new EventTarget();
  vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
  vi.stubGlobal("removeEventListener", page.removeEventListener.bind(page));
  vi.stubGlobal("BroadcastChannel", undefined);
  vi.stubGlobal("indexedDB", new IDBFactory());
  const server = createServer(async (request, answer) => {
    let text = "";
    for await (const part of request) text += part;
    const { method = "", url: path = "" } = request;
    const body = text ? JSON.parse(text) : {};
    asked.push({ method, path, token: request.headers.authorization, body });
    const say = (status: number, document: unknown) => {
      answer.writeHead(status, { "Content-Type": "application/json" });
      answer.end(status === 204 ? undefined : JSON.stringify(document));
    };
    const [, id = "c1"] = /\/conversations\/([^/?]+)/.exec(path) ?? [];
    if (!signedIn) return say(401, { error: "no" });
    if (path === "/stream") {
      answer.writeHead(200, { "Content-Type": "text/event-stream" });
      stream = answer;
      return tell("hello", { ...me, resumed: false });
    }
    if (refuse && method === "POST") return say(refuse.status, { error: refuse.error });
    if (path.endsWith("/typing")) return say(204, null);
    if (path === "/unread-count") return say(200, { count: 2, conversations: { c1: 2 } });
    if (path.endsWith("/read")) return say(200, { conversationId: id, readSeq: 7, unreadCount: 0 });
    if (method === "GET" && path.includes("/messages")) {
      return say(200, { messages: history, nextCursor: null });
    }
    if (method === "GET") return say(200, conversation(id));
    const sent = message({ conversationId: id, senderId: "ann", content: body.content });
    if (path === "/conversations") {
      return say(201, { conversation: conversation("c1"), message: sent });
    }
    return say(201, sent);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  close = () => {
    server.closeAllConnections();
    server.close();
  };
});

afterEach(() => {
  socket.disconnect();
  close();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

/** A socket, and all that it says, as `[event, value]`. */
function open(options: SocketOptions = {}) {
  const heard: [string, unknown][] = [];
  socket = io({ api: base, ...options }).onAny((event, value) => heard.push([event, value]));
  const of = (name: string) => heard.filter(([event]) => event === name).map(([, value]) => value);
  return { heard, of };
}

const requests = (method: string, path: string) =>
  asked.filter((one) => one.method === method && one.path === path);

describe("connecting", () => {
  it("says connect, has an id, and says disconnect", async () => {
    const { of } = open();
    expect(socket.connected).toBe(false);
    expect(socket.id).toBeUndefined();
    await until(() => socket.connected);
    expect(of("connect")).toHaveLength(1);
    expect(socket.id).toMatch(/./);
    socket.disconnect();
    expect(of("disconnect")).toEqual(["io client disconnect"]);
    expect(socket.id).toBeUndefined();
  });

  it("connects again, and sends again", async () => {
    const { of } = open();
    await until(() => socket.connected);
    socket.disconnect().connect();
    await until(() => socket.connected);
    expect(of("connect")).toHaveLength(2);
    expect(of("reconnect")).toHaveLength(1);
    const answer = await socket.emitWithAck("send-message", { roomId: "c1", content: "again" });
    expect(answer.ok).toBe(true);
  });

  it("is refused where nobody is signed in, and what was said is refused too", async () => {
    signedIn = false;
    const { of } = open();
    const answer = await socket.emitWithAck("send-message", { roomId: "c1", content: "x" });
    expect(answer).toEqual({ ok: false, success: false, status: "error", error: "unauthorized" });
    expect(of("connect_error")).toHaveLength(1);
    expect(of("connect")).toHaveLength(0);
  });

  it.each([
    ["given", { token: "t1" }],
    ["passed on", (done: (auth: { token: string }) => void) => done({ token: "t1" })],
    ["promised", async () => "t1"],
  ])("asks with a token: %s", async (_, auth) => {
    open({ auth });
    await until(() => socket.connected);
    expect(asked[0]!.token).toBe("Bearer t1");
  });

  it("takes an address with a path for the API, and one without for the server of old", () => {
    const bases = ["/api/shop", "http://localhost:3001", "/", undefined].map((address) => {
      socket = io(address, { autoConnect: false, path: "/socket.io", transports: ["websocket"] });
      return socket.client.api.base;
    });
    expect(bases).toEqual(["/api/shop", "/api/messages", "/api/messages", "/api/messages"]);
  });

  it("does nothing on a server, and does not throw", () => {
    vi.stubGlobal("document", undefined);
    open();
    expect(socket.connected).toBe(false);
    expect(asked).toEqual([]);
  });
});

describe("sending", () => {
  it("waits for who one is, then sends in order, each acknowledged with its message", async () => {
    const { of } = open();
    const answers = await Promise.all(
      ["one", "two"].map((content) =>
        socket.emitWithAck("send-message", { conversationId: "c1", content }),
      ),
    );
    expect(answers.map(({ message }) => message?.content)).toEqual(["one", "two"]);
    expect(answers[0]).toMatchObject({ ok: true, success: true, status: "ok" });
    const sent = requests("POST", "/conversations/c1/messages");
    expect(sent.map(({ body }) => body.content)).toEqual(["one", "two"]);
    expect(of("new-message")).toMatchObject([{ content: "one", roomId: "c1" }, { content: "two" }]);
  });

  it("tells one's own message once, though the stream has it too", async () => {
    const { of } = open();
    const { message: sent } = await socket.emitWithAck("message", { room: "c1", text: "hi" });
    tell("message", sent);
    tell("typing", { conversationId: "c1", userId: "bob", name: "Bob", typing: true });
    await until(() => of("typing").length > 0);
    expect(of("new-message")).toHaveLength(1);
    expect(of("message-sent")).toHaveLength(1);
  });

  it("writes to somebody without a room, about an appointment; then the room is known", async () => {
    open();
    const said = { receiverId: 42, content: "hi", appointmentId: 7 };
    await socket.emitWithAck("send-message", said);
    expect(requests("POST", "/conversations")[0]!.body).toMatchObject({ members: ["42"] });
    await socket.emitWithAck("send-message", { receiverId: 42, content: "and" });
    expect(requests("POST", "/conversations/c1/messages")).toHaveLength(1);
  });

  it("takes the only room where none is named; null names none", async () => {
    open();
    socket.emit("join-room", 12);
    await socket.emitWithAck("send-message", { conversationId: null, message: "x" });
    await socket.emitWithAck("send-message", "y");
    expect(requests("POST", "/conversations/12/messages")).toHaveLength(2);
  });

  it("does not take one's own room for a conversation", async () => {
    open();
    await until(() => socket.connected);
    socket.emit("join-room", "ann");
    const answer = await socket.emitWithAck("send-message", { roomId: "ann", content: "x" });
    expect(answer).toMatchObject({ ok: false, error: expect.stringMatching(/room/) });
  });

  it("tells a refusal to its acknowledgement and as an error", async () => {
    refuse = { status: 403, error: "Not yours" };
    const { of } = open();
    const answer = await socket.emitWithAck("send-message", { roomId: "c1", content: "x" });
    expect(answer).toMatchObject({ ok: false, success: false, error: "Not yours" });
    expect(of("error")).toMatchObject([{ status: 403 }]);
    expect(of("new-message")).toEqual([]);
  });

  it.each([
    ["no text", { roomId: "c1", content: "  " }],
    ["no room", { content: "x" }],
  ])("refuses what has %s, and asks nobody", async (_, said) => {
    open();
    await until(() => socket.connected);
    expect((await socket.emitWithAck("send-message", said)).ok).toBe(false);
    expect(asked.filter(({ method }) => method === "POST")).toEqual([]);
  });
});

describe("what another tab sends", () => {
  let other: Outbox | null;
  let deliver: (entry: Entry) => Promise<Message | null>;

  /** The tab that was there first, and so sends for all; this one has its socket. */
  beforeEach(async () => {
    vi.stubGlobal("BroadcastChannel", Channel);
    vi.stubGlobal("navigator", { locks: new Locks() });
    vi.stubGlobal("localStorage", storage());
    const scope = `${base}|ann`;
    const nothing = () => {};
    other = new Outbox({
      scope,
      deliver: (entry) => deliver(entry),
      changed: nothing,
      signedOut: nothing,
    });
    open();
    await until(() => socket.connected && socket.client.me);
  });
  afterEach(() => other?.close());

  const Channel = globalThis.BroadcastChannel;
  const emit = () => socket.emitWithAck("send-message", { roomId: "c1", content: "hi" });
  const own = (over = {}) =>
    message({ conversationId: "c1", senderId: "ann", content: "hi", ...over });
  const asks = () => asked.filter(({ path }) => path.includes("/messages")).length;

  it("is acknowledged with its message, of all that say the same", async () => {
    const old = own();
    socket.client.conversations.set("c1", { ...conversation("c1"), lastSeq: seq } as never);
    let sent = {};
    deliver = async () => {
      const theirs = own({ senderId: "bob" });
      sent = own();
      history = [old, theirs, sent];
      return sent as unknown as Message;
    };
    expect(await emit()).toMatchObject({ ok: true, message: sent });
    expect(requests("POST", "/conversations/c1/messages")).toEqual([]);
    expect(asks()).toBe(1);
  });

  it("without a question, where the stream has said it", async () => {
    deliver = async () => {
      const sent = own();
      tell("message", sent);
      await until(() => told.length > 0);
      return sent as unknown as Message;
    };
    const told: unknown[] = [];
    socket.on("new-message", (message) => told.push(message));
    expect(await emit()).toMatchObject({ ok: true, message: { content: "hi", seq } });
    expect(asks()).toBe(0);
  });

  it("later, where the server does not have it at once", async () => {
    deliver = async () => own() as unknown as Message;
    let answered = false;
    const answer = emit().finally(() => {
      answered = true;
    });
    await until(() => asks() > 0);
    history = [own()];
    await until(() => {
      if (!answered) tell("presence", { userId: "bob", online: true, lastSeenAt: null });
      return answered;
    });
    expect(await answer).toMatchObject({ ok: true, message: history[0] });
  });

  it("to somebody, as soon as their conversation is known here", async () => {
    deliver = async () => {
      history = [own()];
      return history[0] as unknown as Message;
    };
    const answer = socket.emitWithAck("send-message", { receiverId: "bob", content: "hi" });
    await until(() => history.length > 0 && socket.client.entries.length === 0);
    expect(asks()).toBe(0);
    tell("conversation", conversation("c1"));
    expect(await answer).toMatchObject({ ok: true, message: history[0] });
  });

  it("is refused here too", async () => {
    deliver = async () => {
      throw new Failure(403, "Not yours");
    };
    expect(await emit()).toMatchObject({ ok: false, error: "Not yours" });
  });
});

describe("hearing", () => {
  const from = (conversationId: string) =>
    message({ conversationId, senderId: "bob", content: conversationId });

  it("hears all rooms without joining, then those that were joined and not left", async () => {
    const { of } = open();
    await until(() => socket.connected);
    tell("message", from("c1"));
    await until(() => of("new-message").length === 1);
    socket.emit("join-room", "c2").emit("join-room", { roomId: "c3" });
    for (const id of ["c1", "c2", "c3"]) tell("message", from(id));
    await until(() => of("new-message").length === 3);
    socket.emit("leave-room", "c2");
    for (const id of ["c2", "c3"]) tell("message", from(id));
    await until(() => of("new-message").length === 4);
    expect(of("new-message")).toMatchObject(["c1", "c2", "c3", "c3"].map((roomId) => ({ roomId })));
  });

  it("hears all in the room of one's own id", async () => {
    const { of } = open();
    await until(() => socket.connected);
    socket.emit("join-room", "ann");
    tell("message", from("c9"));
    await until(() => of("new-message").length === 1);
  });

  it("hears typing, reading, presence and the badge", async () => {
    const { of } = open();
    const counts: number[] = [];
    socket.on("unread-count", (count) => counts.push(count));
    await until(() => socket.connected && counts.length > 0);
    const typing = { conversationId: "c1", userId: "bob", name: "Bob" };
    tell("typing", { ...typing, typing: true });
    tell("typing", { ...typing, typing: false });
    tell("read", { conversationId: "c1", member: "bob", userId: "bob", readSeq: 7 });
    tell("presence", { userId: "bob", online: true, lastSeenAt: "2026-01-01T00:00:00.000Z" });
    tell("presence", { userId: "bob", online: false, lastSeenAt: "2026-01-01T00:00:00.000Z" });
    await until(() => of("user-offline").length === 1);
    expect(of("typing")).toMatchObject([{ roomId: "c1", isTyping: true }, { isTyping: false }]);
    expect(of("user-typing")).toHaveLength(2);
    expect(of("stop-typing")).toHaveLength(1);
    expect(of("messages-read")).toMatchObject([{ roomId: "c1", readSeq: 7 }]);
    expect(of("user-online")).toHaveLength(1);
    expect(counts).toEqual([2]);
  });

  it("says that one types, and has read", async () => {
    open();
    await until(() => socket.connected);
    socket.emit("typing", { roomId: "c1", isTyping: true }).emit("stop-typing", "c1");
    expect((await socket.emitWithAck("mark-read", "c1")).ok).toBe(true);
    await until(() => requests("POST", "/conversations/c1/typing").length === 2);
    const said = requests("POST", "/conversations/c1/typing").map(({ body }) => body.typing);
    expect(said.sort()).toEqual([false, true]);
    expect(requests("PATCH", "/conversations/c1/read")[0]!.body).toEqual({ seq: 7 });
  });

  it("takes listeners away: one, one that was for once, all of an event", async () => {
    open();
    const heard: string[] = [];
    const first = () => heard.push("first");
    const second = () => heard.push("second");
    socket.on("connect", first).once("connect", second).off("connect", second);
    socket.once("connect", () => heard.push("third"));
    await until(() => socket.connected);
    socket.disconnect().removeAllListeners("connect").connect();
    await until(() => socket.connected);
    expect(heard).toEqual(["first", "third"]);
  });
});
