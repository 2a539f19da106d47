// Adapters of the shipped profiles, as a reader of schema/profiles expects them; which paths stay
// canonical; and what is said of a block that cannot be used.
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ofText, shipped, tool } from "./tool.js";

const list = { cursor: "cursor", limit: "limit", q: "q", status: "status", archived: "archived" };

const monmariage = {
  name: "monmariage",
  base: "/api/messages",
  roles: ["client", "partner"],
  routes: {
    start: [
      {
        method: "POST",
        path: "/api/messages",
        role: "client",
        args: {
          "member.partner": "partnerId",
          "context.storefront": "storefrontId",
          content: "content",
        },
        answer: "message",
      },
      {
        method: "POST",
        path: "/api/messages",
        role: "partner",
        args: {
          "member.client": "clientId",
          "context.storefront": "storefrontId",
          content: "content",
        },
        answer: "message",
      },
    ],
    send: [
      {
        method: "POST",
        path: "/api/messages",
        args: { conversation: "conversationId", content: "content" },
      },
    ],
  },
  open: ["client", "partner"],
  content: true,
};

describe("the shipped profiles", () => {
  it("monmariage: only its writes are its own", () => {
    expect(shipped("monmariage")).toEqual(monmariage);
    expect(shipped("monmariage-live")).toEqual({ ...monmariage, name: "monmariage-live" });
  });

  it("marketplace: GET conversations/:id is its history", () => {
    expect(shipped("marketplace")).toEqual({
      name: "marketplace",
      base: "/api/messages",
      roles: ["buyer", "seller"],
      routes: {
        start: [
          {
            method: "POST",
            path: "/api/messages/conversations",
            args: {
              "context.product": "productId",
              "member.seller": "sellerId",
              "member.seller.name": "sellerName",
            },
            answer: "conversation",
          },
        ],
        send: [
          {
            method: "POST",
            path: "/api/messages/send",
            args: {
              conversation: "conversationId",
              content: "content",
              type: "type",
              data: "data",
            },
          },
        ],
        list: [
          {
            method: "GET",
            path: "/api/messages/conversations",
            args: { ...list, unread: "unread" },
          },
        ],
      },
      hidden: ["start", "list", "conversation"],
      open: ["buyer", "seller"],
    });
    const at = "../schema/profiles/marketplace";
    expect(tool(`${at}.http.conf`, `${at}.server.conf`).errors).toBe(
      `${at}.http.conf:14: note: conversation is not to be had: its path is this route's\n`,
    );
  });

  it("pro-admin: a look at a conversation does not read it", () => {
    const conversations = "/api/messaging/conversations";
    expect(shipped("pro-admin")).toEqual({
      name: "pro-admin",
      base: "/api/messaging",
      roles: ["professional", "admin"],
      routes: {
        start: [
          {
            method: "POST",
            path: conversations,
            role: "professional",
            args: { subject: "subject", content: "content" },
            fixed: { kind: "ticket", "member.admin": "team:admin" },
            answer: "conversation",
          },
          {
            method: "POST",
            path: conversations,
            role: "admin",
            args: {
              "member.professional": "professionalId",
              subject: "subject",
              content: "content",
            },
            fixed: { kind: "ticket", as: "team" },
            answer: "conversation",
          },
        ],
        send: [
          {
            method: "POST",
            path: `${conversations}/:id/messages`,
            args: { conversation: "id", content: "content" },
          },
        ],
        read: [
          {
            method: "PATCH",
            path: `${conversations}/:id/read`,
            args: { conversation: "id", seq: "seq" },
          },
        ],
        change: [
          {
            method: "PATCH",
            path: `${conversations}/:id/status`,
            args: { conversation: "id", status: "status" },
          },
        ],
        list: [
          {
            method: "GET",
            path: conversations,
            args: list,
            fixed: { unread: "true" },
            needs: ["unread"],
            with: { unreadOnly: "true" },
          },
          { method: "GET", path: conversations, args: list },
        ],
        conversation: [
          {
            method: "GET",
            path: `${conversations}/:id`,
            args: { conversation: "id" },
            with: { after: "9007199254740991" },
            answer: "conversation",
          },
        ],
        unread: [{ method: "GET", path: "/api/messaging/unread-count", args: {}, answer: "count" }],
      },
      hidden: ["start", "send", "read", "list", "conversation", "unread"],
      change: ["admin"],
      content: true,
    });
  });

  it("promoto: a route that is addressed by a person is no use to who has a conversation", () => {
    expect(shipped("promoto")).toEqual({
      name: "promoto",
      base: "/api/messages",
      roles: ["client", "garage"],
      routes: {
        start: [
          {
            method: "POST",
            path: "/api/messages",
            args: {
              member: "receiverId",
              content: "content",
              "message.context.appointment": "appointmentId",
            },
            answer: "message",
          },
        ],
        read: [
          { method: "PUT", path: "/api/messages/read", args: { conversation: "conversationId" } },
        ],
        list: [
          {
            method: "GET",
            path: "/api/messages/conversations",
            args: { ...list, unread: "unread" },
          },
        ],
      },
      hidden: ["list"],
      events: { "new-message": "message" },
      content: true,
    });
  });

  it("--all writes one file each", () => {
    const target = mkdtempSync(join(tmpdir(), "messaging-profiles-"));
    expect(tool("--all", "../schema/profiles", target).status).toBe(0);
    expect(readdirSync(target).sort()).toEqual([
      "marketplace.json",
      "monmariage-live.json",
      "monmariage.json",
      "pro-admin.json",
      "promoto.json",
    ]);
    const written = JSON.parse(readFileSync(join(target, "monmariage.json"), "utf8"));
    expect(written).toEqual(monmariage);
  });
});

const block = (lines: string, base = "/m") =>
  `http { messaging_profile shop { ${lines} }\nserver { location ${base} { messaging shop; } } }`;
const routesOf = (lines: string, base?: string) => ofText(block(lines, base)).adapter;

describe("which paths stay canonical", () => {
  it("a word beats a parameter, whichever is the site's", () => {
    // LPL and LLL against the canonical LLPL and the like
    const found = routesOf(`
      route GET /m/:x/:y thread conversation=x before=y;
      route GET /m/conversations/:id/messages list;
      route GET /:a/search status;`);
    // conversations/:id (LLP) beats /m/:x/:y (LPP)
    expect(found.hidden).toEqual(["history"]);
  });

  it("of two routes of the site's that have a path the one with the words counts", () => {
    const found = routesOf(`
      route GET  /m/:x             history conversation=x answer=array all;
      route POST /m/unread-count   send conversation=c content;`);
    expect(found.hidden).toBeUndefined();
  });

  it("where both have the same words the site's own stands, beside the methods that it leaves", () => {
    const found = routesOf("route DELETE /m/conversations/:id change conversation=id archived;");
    expect(found.hidden).toBeUndefined();
    expect(found.routes?.change).toHaveLength(1);
  });

  it("a write whose path is another's is told of", () => {
    const { adapter, errors } = ofText(
      block("\nroute POST /m/conversations/:id/typing send conversation=id content;"),
    );
    expect(adapter.hidden).toEqual(["typing"]);
    expect(errors).toBe("x.conf:2: note: typing is not to be had: its path is this route's\n");
  });

  it("history by a route that marks what it shows is told of", () => {
    const { adapter, errors } = ofText(
      block("route GET /m/conversations/:id/messages history conversation=id before limit reads;"),
    );
    expect(adapter.routes?.history).toHaveLength(1);
    expect(errors).toBe("x.conf:1: note: history marks what it shows as read\n");
  });

  it("a conversation by a thread that would mark it read is not to be had", () => {
    const thread = "route GET /m/conversations/:id thread conversation=id";
    expect(routesOf(`${thread} reads;`).routes).toBeUndefined();
    expect(routesOf(`${thread} limit;`).routes?.conversation?.[0]).toMatchObject({
      answer: "thread",
    });
    expect(routesOf(`${thread} after reads answer=array;`).routes?.conversation).toBeUndefined();
  });

  it("a route that an earlier one would take is not used", () => {
    const found = routesOf(`
      route POST /m/do read if=c conversation=c seq;
      route POST /m/do typing conversation=c typing;`);
    expect(Object.keys(found.routes ?? {})).toEqual(["read"]);
  });

  it("what tells routes apart is sent", () => {
    const found = routesOf(`
      route POST /m/do change if=what:close conversation=c fixed:status=closed;
      route POST /m/do change if=status:open conversation=c status;
      route POST /m/do typing if=typing conversation=c typing;`);
    expect(found.routes).toEqual({
      change: [
        {
          method: "POST",
          path: "/m/do",
          args: { conversation: "c" },
          fixed: { status: "closed" },
          needs: ["status"],
          with: { what: "close" },
        },
        {
          method: "POST",
          path: "/m/do",
          args: { conversation: "c" },
          fixed: { status: "open" },
          needs: ["status"],
          with: { status: "open" },
        },
      ],
      typing: [
        {
          method: "POST",
          path: "/m/do",
          args: { conversation: "c", typing: "typing" },
          needs: ["typing"],
        },
      ],
    });
  });

  it("the first location, or --base", () => {
    expect(routesOf("rule reopen;", "/api/x/").base).toBe("/api/x");
    expect(ofText(block("rule reopen;"), "--base", "/y").adapter.base).toBe("/y");
  });
});

describe("names", () => {
  it("fields, refusals and events that are called otherwise", () => {
    const { adapter } = ofText(
      block(`roles a=A,B b;
      failure 401 "fixed:no=Non";
      failure message=error reason=code status;
      message * text=content content=type at=createdAt;
      event typing chat:typing;
      rule change b; rule known; rule confirm a "Bonjour {name}; merci \\"ici\\"";`),
    );
    expect(adapter).toEqual({
      name: "shop",
      base: "/m",
      roles: ["a", "b"],
      // `type` has its own name too: "*".
      message: { content: "text" },
      failure: { error: "message", code: "reason" },
      events: { "chat:typing": "typing" },
      change: ["b"],
    });
  });

  it("without * all that the client needs must be there", () => {
    const { status, errors } = ofText(
      block("\nmessage id conversationId text=content from=senderId at=createdAt;"),
    );
    expect(status).toBe(1);
    expect(errors).toBe("x.conf:2: message does not show what the client needs: seq read\n");
    expect(
      routesOf("message n=seq read id conversationId text=content from=senderId at=createdAt;"),
    ).toMatchObject({
      message: { seq: "n", content: "text", senderId: "from", createdAt: "at" },
    });
  });
});

describe("what is wrong is said with its line", () => {
  const cases: [string, string, string][] = [
    ["a quote", 'messaging_profile a {\n rule confirm b "x;\n}', "2: a quote is not closed"],
    ["after a quote", 'a "b"c;', "1: no space after a quote"],
    ["a semicolon", "a b;\nc\nd", '2: a ";" is missing'],
    ["a semicolon at the end", "a b;\nc d", '2: a ";" is missing'],
    ["a semicolon in a block", "a {\n b\n}", '3: a ";" is missing before "}"'],
    ["a brace", "a;\n}", '2: unexpected "}"'],
    ["no words", "a;\n;", '2: unexpected ";"'],
    ["a brace is missing", "a {\nb;", '1: a "}" is missing'],
    ["no profile", "http {\n}", "1: not one profile: name it by --profile (there is none)"],
    [
      "two profiles",
      "messaging_profile a {} messaging_profile b {}",
      "1: not one profile: name it by --profile (there is a, b)",
    ],
    ["no location", "messaging_profile a {\n}\n", '1: no location says "messaging a": give --base'],
    ["a line", block("\nrule x;"), "2: unknown: rule x"],
    ["another line", block("\nrules;"), "2: unknown: rules"],
    ["a block", block("\nrule {}"), '2: "rule" has no block'],
    ["a role", block("roles a;\nrule open a c;"), '2: not one of the roles: "c"'],
    [
      "a route's role",
      block("roles a;\nroute GET /x list role=b;"),
      '2: not one of the roles: "b"',
    ],
    ["a route", block("\nroute GET /x;"), "2: a method, a path and an operation are expected"],
    ["a method", block("\nroute get /x list;"), '2: unknown method "get"'],
    ["a path", block("\nroute GET x list;"), '2: not a path: "x"'],
    ["an operation", block("\nroute GET /x lists;"), '2: unknown operation "lists"'],
    ["ours", block("\nroute GET /x unread;"), '2: unknown operation "unread"'],
    ["an argument", block("\nroute GET /x list limits;"), '2: there is no argument "limits"'],
    ["an argument twice", block("\nroute GET /x list q q=w;"), '2: "q" stands twice'],
    ["an answer", block("\nroute GET /x list answer=all;"), '2: there is no answer "all"'],
    ["a view", block("\nmessage;"), "2: names no field"],
    ["an event", block("\nevent hello x;"), "2: an event of ours and its name here are expected"],
  ];
  it.each(cases)("%s", (_, text, expected) => {
    const { status, errors } = ofText(text);
    expect(errors).toBe(`x.conf:${expected}\n`);
    expect(status).toBe(1);
  });

  it("a file that is not there, a profile that is not, no file at all", () => {
    expect(tool("/nonexistent")).toMatchObject({
      status: 1,
      errors: "/nonexistent:1: cannot be read: ENOENT\n",
    });
    expect(ofText(block("rule known;"), "--profile", "b").errors).toBe(
      'x.conf:1: no profile "b" (there is shop)\n',
    );
    expect(tool().status).toBe(2);
    expect(tool().errors).toMatch(/^usage: nginx-messaging-profile/);
  });
});
