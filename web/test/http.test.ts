// Which request an operation is, canonically and by the shipped profiles' adapters; what is made of
// answers and refusals.
import { describe, expect, it } from "vitest";
import type { Adapter } from "../src/core/adapter.js";
import type { ApiOptions } from "../src/core/api.js";
import { HttpApi } from "../src/core/http.js";
import { may } from "../src/core/rights.js";
import type { Failure } from "../src/core/types.js";
import { shipped } from "./tool.js";

interface Sent {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: unknown;
}

/** An API whose server gives these answers, one after the other, and remembers what it was asked. */
function api(adapter: Adapter | null, answers: unknown[], options: ApiOptions = {}) {
  const sent: Sent[] = [];
  const fetch = async (url: unknown, init: RequestInit = {}) => {
    sent.push({
      method: init.method ?? "GET",
      url: String(url),
      headers: init.headers as Record<string, string>,
      body: init.body === undefined ? undefined : JSON.parse(init.body as string),
    });
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer instanceof Response ? answer : new Response(JSON.stringify(answer));
  };
  return {
    http: new HttpApi({ adapter, fetch: fetch as typeof globalThis.fetch, ...options }),
    sent,
  };
}

const said = ({ method, url, body }: Sent) => [`${method} ${url}`, body];
const conversation = { id: "c1", status: "open", lastSeq: 3 };
const message = { id: "m1", conversationId: "c1", seq: 3, content: "hello" };

async function failure(work: Promise<unknown>): Promise<Failure> {
  const found = await work.then(
    () => expect.fail("it did not fail"),
    (error) => error,
  );
  expect(found.name).toBe("Failure");
  return found;
}

describe("canonically", () => {
  const base = "/api/messages/";

  it("each operation is its path", async () => {
    const page = { messages: [message], nextCursor: "3" };
    const { http, sent } = api(
      null,
      [
        { me: { id: "a" }, conversations: [conversation], nextCursor: "x" },
        conversation,
        { conversation, message },
        message,
        page,
        { conversationId: "c1", readSeq: 3, unreadCount: 0 },
        conversation,
        new Response(null, { status: 204 }),
        page,
        { count: 2, conversations: { c1: 2 } },
      ],
      { base },
    );
    expect(
      await http.list({ status: "open", unread: true, context: "product:7", q: "é &" }),
    ).toEqual({ me: { id: "a" }, conversations: [conversation], nextCursor: "x" });
    expect(await http.conversation("a/b?c")).toEqual(conversation);
    const start = { members: ["b"], names: { b: "Bob" }, subject: "s", as: "team" as const };
    const outgoing = { content: "hello", type: "card", data: { a: 1 } };
    expect(await http.start({ ...start, context: { type: "p", id: "7" } }, outgoing, "k1")).toEqual(
      {
        conversationId: "c1",
        conversation,
        message: message,
      },
    );
    expect(await http.send("c1", { ...outgoing, context: { type: "p", id: "7" } }, "k2")).toEqual(
      message,
    );
    expect(await http.history("c1", { before: 4, limit: 2 })).toEqual({
      ...page,
      messages: [message],
    });
    expect(await http.read("c1", 3)).toEqual({ conversationId: "c1", readSeq: 3, unreadCount: 0 });
    expect(await http.change("c1", { archived: true, subject: null }, "k3")).toEqual(conversation);
    expect(await http.typing("c1", true)).toBeUndefined();
    expect(await http.search("word", "x")).toEqual({ ...page, messages: [message] });
    expect(await http.unread()).toEqual({ count: 2, conversations: { c1: 2 } });
    expect(sent.map(said)).toEqual([
      [
        "GET /api/messages/conversations?status=open&unread=true&context=product%3A7&q=%C3%A9+%26",
        undefined,
      ],
      ["GET /api/messages/conversations/a%2Fb%3Fc", undefined],
      [
        "POST /api/messages/conversations",
        {
          members: ["b"],
          subject: "s",
          as: "team",
          context: { type: "p", id: "7" },
          content: "hello",
          message: { type: "card", data: { a: 1 } },
        },
      ],
      [
        "POST /api/messages/conversations/c1/messages",
        { ...outgoing, context: { type: "p", id: "7" } },
      ],
      ["GET /api/messages/conversations/c1/messages?before=4&limit=2", undefined],
      ["PATCH /api/messages/conversations/c1/read", { seq: 3 }],
      ["PATCH /api/messages/conversations/c1", { archived: true, subject: null }],
      ["POST /api/messages/conversations/c1/typing", { typing: true }],
      ["GET /api/messages/search?q=word&cursor=x", undefined],
      ["GET /api/messages/unread-count", undefined],
    ]);
    expect(sent.map(({ headers }) => headers["Idempotency-Key"])).toEqual(
      [0, 0, "k1", "k2", 0, 0, "k3", 0, 0, 0].map((key) => key || undefined),
    );
    expect(sent[0]!.headers).toEqual({});
    expect(sent[2]!.headers["Content-Type"]).toBe("application/json");
    expect(http.live).toEqual({
      stream: "/api/messages/stream",
      unread: "/api/messages/unread-count",
      events: {},
    });
  });

  it("on another origin, with a port", async () => {
    const { http, sent } = api(null, [conversation], { base: "http://127.0.0.1:8080/m" });
    await http.conversation("c1");
    expect(sent[0]!.url).toBe("http://127.0.0.1:8080/m/conversations/c1");
    expect(http.live.stream).toBe("http://127.0.0.1:8080/m/stream");
  });

  it("a conversation without a message", async () => {
    const { http, sent } = api(null, [{ conversation, message: null }], { base });
    expect((await http.start({ members: ["b"] }, null, "k")).message).toBeNull();
    expect(sent[0]!.body).toEqual({ members: ["b"] });
  });

  it("the token and the language", async () => {
    const options = { base, locale: "fr", getToken: async () => "t" };
    const { http, sent } = api(null, [{ count: 0 }], options);
    await http.unread();
    expect(sent[0]!.headers).toEqual({ "Accept-Language": "fr", Authorization: "Bearer t" });
    const none = new HttpApi({ getToken: () => null });
    expect(await none.headers()).toEqual({});
  });
});

describe("refusals", () => {
  const refused = (status: number, body: string, headers = {}) =>
    api(null, [new Response(body, { status, headers })]).http;

  it("say what the server says", async () => {
    const problem = JSON.stringify({ error: "Trop vite", code: "rate_limited", field: "content" });
    const found = await failure(
      refused(429, problem, { "Retry-After": "7" }).send("c", { content: "x" }, "k"),
    );
    expect(found).toMatchObject({
      status: 429,
      message: "Trop vite",
      code: "rate_limited",
      retryAfter: 7,
      field: "content",
      retryable: true,
    });
  });

  it("by the status where there is no JSON", async () => {
    const found = await failure(refused(502, "<html>").unread());
    expect(found).toMatchObject({ status: 502, message: "HTTP 502", code: null, retryAfter: null });
    expect(await failure(refused(401, "").unread())).toMatchObject({ status: 401 });
    expect(await failure(refused(400, "null").unread())).toMatchObject({ status: 400 });
  });

  it("no answer, or none that can be read, has the status 0", async () => {
    const ok = (body: string) => failure(refused(200, body).send("c", { content: "x" }, "k"));
    for (const body of ["<html>", "", "null", "[]", "{}", '{"ok":true}']) {
      expect((await ok(body)).status, body).toBe(0);
    }
    const lost = api(null, [new TypeError("network")]).http;
    expect(await failure(lost.unread())).toMatchObject({ status: 0, retryable: true });
    const token = new HttpApi({ getToken: () => Promise.reject(new Error("no token")) });
    expect(await failure(token.unread())).toMatchObject({ status: 0 });
  });

  it("in the site's words", async () => {
    const adapter: Adapter = { name: "x", base: "", failure: { error: "message", code: "why" } };
    const answer = new Response('{"message":"Non","why":"so","error":7}', { status: 403 });
    const found = await failure(api(adapter, [answer]).http.unread());
    expect(found).toMatchObject({ message: "Non", code: "so" });
  });
});

const known = (id: string, role: string | null = null) => ({ id, role, name: null, teams: [] });
const as = (role: string | null) => ({ me: () => known("me", role) });

describe("whom a request is for", () => {
  const named = ({ headers }: Sent) => headers["Messaging-User"];

  it("stands in its headers once that is known", async () => {
    let me: ReturnType<typeof known> | null = null;
    const { http, sent } = api(null, [conversation, message, { count: 0 }], { me: () => me });
    await http.conversation("c1");
    me = known("ren\u00e9 / 100%");
    await http.send("c1", { content: "x" }, "k");
    await http.unread();
    expect(sent.map(named)).toEqual([undefined, ...Array(2).fill("ren%C3%A9%20%2F%20100%25")]);
    expect(await http.headers()).toEqual({}); // a stream is of all tabs, and says itself whose it is
  });

  it("who was there when it was asked for, however late it goes out", async () => {
    let me = known("ann");
    const getToken = async () => {
      me = known("bob");
      return "t";
    };
    const { http, sent } = api(null, [message], { me: () => me, getToken });
    await http.send("c1", { content: "x" }, "k");
    expect(sent.map(named)).toEqual(["ann"]);
  });

  it("the second request of a start as the first", async () => {
    let me = known("ann");
    const fetch = async (_: unknown, { headers }: RequestInit = {}) => {
      names.push((headers as Record<string, string>)["Messaging-User"]);
      me = known("bob");
      return new Response(JSON.stringify(names[1] ? message : conversation));
    };
    const names: unknown[] = [];
    const http = new HttpApi({ adapter: shipped("marketplace"), me: () => me, fetch });
    const start = { members: ["s"], context: { type: "product", id: "7" } };
    await http.start(start, { content: "hello" }, "k");
    expect(names).toEqual(["ann", "ann"]);
  });
});

describe("monmariage", () => {
  const adapter = shipped("monmariage");
  const storefront = { type: "storefront", id: "s1" };

  it("opens and sends by its own routes, each role by its own", async () => {
    for (const [role, other] of [
      ["client", "partnerId"],
      ["partner", "clientId"],
    ] as const) {
      const { http, sent } = api(adapter, [message, message], as(role));
      const start = { members: ["p"], context: storefront };
      expect(await http.start(start, { content: "hello" }, "k")).toEqual({
        conversationId: "c1",
        conversation: null,
        message: message,
      });
      await http.send("c1", { content: "hello" }, "k");
      expect(sent.map(said)).toEqual([
        ["POST /api/messages", { [other]: "p", storefrontId: "s1", content: "hello" }],
        ["POST /api/messages", { conversationId: "c1", content: "hello" }],
      ]);
    }
  });

  it("canonically what its routes have no place for, and for who has no role", async () => {
    const { http, sent } = api(adapter, [message, { conversation, message }], as("client"));
    await http.send("c1", { content: "x", data: { a: 1 } }, "k");
    await http.start(
      { members: ["p"], context: { type: "dress", id: "d" } },
      { content: "x" },
      "k",
    );
    const nobody = api(adapter, [{ conversation, message }], as(null));
    await nobody.http.start({ members: ["p"], context: storefront }, { content: "x" }, "k");
    expect([...sent, ...nobody.sent].map(said)).toEqual([
      ["POST /api/messages/conversations/c1/messages", { content: "x", data: { a: 1 } }],
      [
        "POST /api/messages/conversations",
        { members: ["p"], context: { type: "dress", id: "d" }, content: "x" },
      ],
      ["POST /api/messages/conversations", { members: ["p"], context: storefront, content: "x" }],
    ]);
  });

  it("reads canonically", async () => {
    const { http, sent } = api(adapter, [{ conversations: [], nextCursor: null }]);
    expect(await http.list({ context: "storefront:s1" })).toMatchObject({ me: null });
    expect(sent[0]!.url).toBe("/api/messages/conversations?context=storefront%3As1");
  });
});

describe("marketplace", () => {
  const adapter = shipped("marketplace");

  it("a first message goes by a request of its own, under the same key", async () => {
    const { http, sent } = api(adapter, [conversation, message]);
    const start = {
      members: ["s"],
      names: { s: "Sam", t: "Tim" },
      context: { type: "product", id: "7" },
    };
    expect(await http.start(start, { content: "hello" }, "k")).toEqual({
      conversationId: "c1",
      conversation,
      message: message,
    });
    expect(sent.map(said)).toEqual([
      ["POST /api/messages/conversations", { sellerId: "s", sellerName: "Sam", productId: "7" }],
      ["POST /api/messages/send", { conversationId: "c1", content: "hello" }],
    ]);
    expect(sent.map(({ headers }) => headers["Idempotency-Key"])).toEqual(["k", "k"]);
  });

  it("a filter that its list does not know is left out", async () => {
    const { http, sent } = api(adapter, [{ conversations: [] }, { conversations: [] }]);
    await http.list({ unread: false, archived: true, limit: 9 });
    await http.list({ context: "product:7", q: "x", cursor: "y", unread: true });
    expect(sent.map(({ url }) => url)).toEqual([
      "/api/messages/conversations?limit=9&unread=false&archived=true",
      "/api/messages/conversations?cursor=y&q=x",
    ]);
  });

  it("what it does not have is said, and not asked", async () => {
    const { http, sent } = api(adapter, []);
    expect(await failure(http.conversation("c1"))).toMatchObject({
      status: 405,
      code: "not_available",
      retryable: false,
    });
    // Two sellers fit in no route, and the canonical one is the site's.
    const both = http.start({ members: ["s", "t"] }, null, "k");
    expect(await failure(both)).toMatchObject({ code: "not_available" });
    expect(sent).toEqual([]);
  });

  it("who may open a conversation", () => {
    expect(may(adapter, "open", "buyer")).toBe(true);
    expect(may(adapter, "open", "admin")).toBe(false);
    expect(may(adapter, "open", null)).toBe(false);
    expect(may(adapter, "change", null)).toBe(true);
  });
});

describe("pro-admin", () => {
  const adapter = shipped("pro-admin");
  const at = "/api/messaging/conversations";

  it("a ticket to the team, which the route names itself", async () => {
    const { http, sent } = api(adapter, [conversation], as("professional"));
    const start = { members: ["team:admin"], kind: "ticket" as const, subject: "s" };
    expect(await http.start(start, { content: "x" }, "k")).toEqual({
      conversationId: "c1",
      conversation,
      message: null,
    });
    expect(sent.map(said)).toEqual([[`POST ${at}`, { subject: "s", content: "x" }]]);
  });

  it("a ticket by the team", async () => {
    const { http, sent } = api(adapter, [conversation], as("admin"));
    await http.start({ members: ["p"] }, { content: "x" }, "k");
    expect(sent.map(said)).toEqual([[`POST ${at}`, { professionalId: "p", content: "x" }]]);
  });

  it("nothing is left out of a message: there is no place for it at all", async () => {
    const { http, sent } = api(adapter, [], as("professional"));
    const opened = { members: ["team:admin"] };
    const data = { content: "x", data: { a: 1 } };
    expect((await failure(http.start(opened, data, "k"))).status).toBe(405);
    expect((await failure(http.send("c1", data, "k"))).status).toBe(405);
    const direct = http.start({ ...opened, kind: "direct" }, { content: "x" }, "k");
    expect((await failure(direct)).status).toBe(405);
    expect(sent).toEqual([]);
  });

  it("its lists, changes and badge", async () => {
    const answers = [{ conversations: [] }, { conversations: [] }, conversation, conversation];
    const { http, sent } = api(adapter, [...answers, conversation, { count: 4 }]);
    await http.list({ unread: true, status: "open" });
    await http.list({ status: "open" });
    await http.change("c1", { status: "closed" }, "k");
    await http.change("c1", { archived: true }, "k");
    expect(await http.conversation("c1")).toEqual(conversation);
    expect(await http.unread()).toEqual({ count: 4, conversations: {} });
    expect(sent.map(said)).toEqual([
      [`GET ${at}?unreadOnly=true&status=open`, undefined],
      [`GET ${at}?status=open`, undefined],
      [`PATCH ${at}/c1/status`, { status: "closed" }],
      [`PATCH ${at}/c1`, { archived: true }],
      [`GET ${at}/c1?after=9007199254740991`, undefined],
      ["GET /api/messaging/unread-count", undefined],
    ]);
  });
});

describe("promoto", () => {
  const adapter = shipped("promoto");

  it("a message about an appointment; reading up to a message is canonical", async () => {
    const read = { conversationId: "c1", readSeq: 3, unreadCount: 0 };
    const { http, sent } = api(adapter, [message, read]);
    const context = { type: "appointment", id: "r1" };
    await http.start({ members: ["g"] }, { content: "x", context }, "k");
    await http.read("c1", 3);
    expect(sent.map(said)).toEqual([
      ["POST /api/messages", { receiverId: "g", content: "x", appointmentId: "r1" }],
      ["PATCH /api/messages/conversations/c1/read", { seq: 3 }],
    ]);
    expect(http.live.events).toEqual({ "new-message": "message" });
  });
});

describe("other names", () => {
  const adapter: Adapter = {
    name: "x",
    base: "/x",
    conversation: { id: "key", lastSeq: "last" },
    message: { content: "text", senderId: "from" },
    routes: {
      list: [{ method: "GET", path: "/x/all", args: {}, answer: "array" }],
      conversation: [
        { method: "GET", path: "/x/one/:c", args: { conversation: "c" }, answer: "thread" },
      ],
      history: [{ method: "GET", path: "/x/:c/all", args: { conversation: "c" }, answer: "array" }],
      start: [{ method: "POST", path: "/x/:who", args: { member: "who" }, answer: "message" }],
    },
    hidden: ["list", "history"],
  };
  const theirs = { key: "c1", last: 3 };
  const ours = { ...theirs, id: "c1", lastSeq: 3 };
  const text = { id: "m1", conversationId: "c1", seq: 3, text: "hello", from: "a" };

  it("are put back, also where documents stand alone", async () => {
    const { http, sent } = api(adapter, [[theirs], { conversation: theirs, messages: [] }, [text]]);
    expect(await http.list()).toEqual({ me: null, conversations: [ours], nextCursor: null });
    expect(await http.conversation("c1")).toEqual(ours);
    const { messages } = await http.history("c1");
    expect(messages[0]).toMatchObject({ content: "hello", senderId: "a" });
    expect(sent.map(({ url }) => url)).toEqual(["/x/all", "/x/one/c1", "/x/c1/all"]);
  });

  it("an answer that is the message, where there was none, is the conversation", async () => {
    const { http, sent } = api(adapter, [theirs]);
    expect(await http.start({ members: ["b b"] }, null, "k")).toMatchObject({
      conversationId: "c1",
      message: null,
    });
    expect(sent[0]).toMatchObject({ url: "/x/b%20b", body: {} });
  });
});
