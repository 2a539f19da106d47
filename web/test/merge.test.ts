// Whatever order copies come in, the end is the same; and nothing goes back.
import { describe, expect, it } from "vitest";
import type { LiveEvent } from "../src/core/live.js";
import { merge, withMessage, withNumbers } from "../src/core/merge.js";
import type { Conversation, Message, UnreadEvent } from "../src/core/types.js";
import { Server } from "./server.js";
import { seeded, shuffled } from "./world.js";

const server = new Server();
const fresh = (more: Partial<Conversation> = {}): Conversation => ({
  ...server.view(server.open(["me", "bob"]), "me"),
  ...more,
});

describe("two copies", () => {
  it("that say the same are the old object", () => {
    const old = fresh({ lastSeq: 3, readSeq: 2, unreadCount: 1, rev: 4 });
    expect(merge(old, structuredClone(old))).toBe(old);
    expect(merge(old, { ...old, lastSeq: 2, rev: 3, status: "closed" })).toBe(old);
    expect(merge(undefined, old)).toBe(old);
  });

  it("status, subject and archived are the higher rev's, or of the later message", () => {
    const closed = fresh({ rev: 2, status: "closed", subject: "b", archived: true, lastSeq: 5 });
    const open = { ...closed, rev: 1, status: "open", subject: "a", archived: false } as const;
    expect(merge(open, closed)).toMatchObject({ status: "closed", subject: "b", archived: true });
    expect(merge(closed, open)).toBe(closed);
    const reopened = { ...closed, status: "open", lastSeq: 6 } as const;
    expect(merge(closed, reopened).status).toBe("open");
    expect(merge(reopened, closed).status).toBe("open");
  });

  it("unread is of who has read further, else the more", () => {
    const old = fresh({ lastSeq: 8, readSeq: 7, unreadCount: 1 });
    // An answer of before the eighth message, late.
    expect(withNumbers(old, { conversationId: old.id, readSeq: 7, unreadCount: 0 })).toBe(old);
    expect(merge(old, { ...old, lastSeq: 7, unreadCount: 0 })).toBe(old);
    expect(merge(old, { ...old, readSeq: 5, unreadCount: 3, lastSeq: 9 })).toMatchObject({
      lastSeq: 9,
      readSeq: 7,
      unreadCount: 1,
    });
    expect(withNumbers(old, { conversationId: old.id, readSeq: 8, unreadCount: 0 })).toMatchObject({
      readSeq: 8,
      unreadCount: 0,
    });
  });

  it("another's message counts though one's own answer came before it", () => {
    // Seq 8 is one's own, and its answer was faster than the event of the seventh message.
    const old = fresh({ lastSeq: 8, readSeq: 5, unreadCount: 1 });
    const numbers = { conversationId: old.id, lastSeq: 7, readSeq: 5, unreadCount: 2 };
    expect(withNumbers(old, numbers).unreadCount).toBe(2);
  });

  it("names and who is there stay where the later copy does not know them", () => {
    const there = { online: true, lastSeenAt: "2026-01-01T00:00:00.000Z" };
    const old = fresh({ rev: 1 });
    old.members[1] = { id: "bob", role: "seller", name: "Bob", ...there };
    const now = { ...structuredClone(old), rev: 2 };
    now.members[1] = { id: "bob", role: null, name: null, online: null, lastSeenAt: null };
    expect(merge(old, now).members[1]).toEqual(old.members[1]);
    expect(merge(now, old).members[1]).toEqual(old.members[1]);
    now.members[1] = { ...now.members[1]!, name: "Robert", online: false };
    expect(merge(old, now).members[1]).toMatchObject({ name: "Robert", online: false });
  });

  it("one's own view beats the team's", () => {
    const own = fresh({ member: "me", unreadCount: 2 });
    const team = { ...own, member: "team:admin", readSeq: 9, unreadCount: 0, rev: 7 };
    expect(merge(own, team)).toBe(own);
    expect(merge(team, own)).toBe(own);
  });

  it("a preview is cut by characters, not in the middle of one", () => {
    const content = "😀".repeat(200);
    const one = { seq: 1, senderId: "bob", content, createdAt: "2026-01-01T00:00:00.000Z" };
    const { lastMessage } = withMessage(fresh(), one as Message);
    expect(lastMessage?.content).toBe("😀".repeat(160));
  });
});

describe("in any order", () => {
  const take = (old: Conversation | undefined, { type, data }: LiveEvent) => {
    if (type === "conversation") return merge(old, data as Conversation);
    if (!old) return old; // the client asks for it
    if (type === "message") return withMessage(old, data as Message);
    if (type === "unread" && (data as UnreadEvent).member === old.member) {
      return withNumbers(old, data as UnreadEvent);
    }
    return old;
  };

  it.each(Array.from({ length: 30 }, (_, seed) => seed))("seed %i", (seed) => {
    const random = seeded(seed);
    const server = new Server();
    server.names.set("me", "Me");
    const id = server.open(["me", "bob"]);
    const events: LiveEvent[] = [{ type: "conversation", data: server.view(id, "me") }];
    const first = events[0]!;
    server.on("me", (event) => events.push(event));
    const steps = 5 + Math.floor(random() * 25);
    for (let i = 0; i < steps; i++) {
      const { length } = server.kept.get(id)!.messages;
      const dice = random();
      if (dice < 0.3) server.say(id, "bob", `b${i}`);
      else if (dice < 0.5) server.say(id, "me", `m${i}`);
      else if (dice < 0.7) server.readTo(id, "me", Math.ceil(random() * length));
      else if (dice < 0.8) server.alter(id, "me", { archived: random() < 0.5 });
      else if (dice < 0.9) server.alter(id, "bob", { status: random() < 0.5 ? "open" : "closed" });
      else server.names.set("bob", "Bob");
      // An answer to a list, of then.
      if (random() < 0.3) events.push({ type: "conversation", data: server.view(id, "me") });
    }
    // The sender's own messages have no `unread`, as with the server.
    const expected = server.view(id, "me");
    const known = events.some(({ data }) =>
      (data as Conversation).members?.some(({ name }) => name === "Bob"),
    );
    if (!known) expected.members[1]!.name = null;
    for (let round = 0; round < 5; round++) {
      const order = round === 0 ? events : shuffled([...events, ...events], random);
      let now = take(undefined, first);
      for (const event of order) {
        const before = now!;
        now = take(now, event)!;
        expect(now.lastSeq).toBeGreaterThanOrEqual(before.lastSeq);
        expect(now.readSeq).toBeGreaterThanOrEqual(before.readSeq);
        expect(now.rev).toBeGreaterThanOrEqual(before.rev);
        expect(now.lastMessage?.seq ?? 0).toBeGreaterThanOrEqual(before.lastMessage?.seq ?? 0);
      }
      expect(now).toEqual(expected);
    }
  });
});
