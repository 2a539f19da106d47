// Drafts, where the browser keeps them and where it does not; and the pause before a repeat.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { newKey, pause } from "../src/core/backoff.js";
import { Drafts } from "../src/core/drafts.js";
import { storage } from "./world.js";

beforeEach(() => {
  vi.stubGlobal("localStorage", storage());
});

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("drafts", () => {
  it("live over a reload, by person", () => {
    new Drafts("a").set("c1", "half a");
    expect(new Drafts("a").get("c1")).toBe("half a");
    expect(new Drafts("a").get("c2")).toBe("");
    expect(new Drafts("b").get("c1")).toBe("");
    new Drafts("a").set("c1", "");
    expect(Object.keys(localStorage)).toEqual([]);
  });

  it("clear() takes one's own, and nothing else", () => {
    localStorage.setItem("the site's", "x");
    const [a, b] = [new Drafts("a"), new Drafts("ab")];
    for (const key of ["c1", "c2", "c3"]) a.set(key, "x");
    b.set("c1", "y");
    a.clear();
    expect(["c1", "c2", "c3"].map((key) => a.get(key)).join("")).toBe("");
    expect(b.get("c1")).toBe("y");
    expect(localStorage.getItem("the site's")).toBe("x");
  });

  it("with no storage they live as long as the page", () => {
    vi.stubGlobal("localStorage", undefined);
    const drafts = new Drafts("a");
    drafts.set("c1", "x");
    expect(drafts.get("c1")).toBe("x");
    drafts.set("c1", "");
    expect(drafts.get("c1")).toBe("");
    drafts.set("c1", "y");
    drafts.clear();
    expect(drafts.get("c1")).toBe("");
  });

  it("a full storage does not bring an older one back", () => {
    const drafts = new Drafts("a");
    drafts.set("c1", "old");
    Object.defineProperty(localStorage, "setItem", {
      configurable: true,
      value: () => {
        throw new DOMException("full", "QuotaExceededError");
      },
    });
    drafts.set("c1", "new");
    expect(drafts.get("c1")).toBe("new");
    drafts.set("c1", "");
    expect(drafts.get("c1")).toBe("");
  });
});

describe("the pause", () => {
  it("grows to half a minute, and no two are alike", () => {
    const pauses = Array.from({ length: 12 }, (_, attempt) => pause(attempt, null));
    pauses.forEach((one, attempt) => {
      expect(one).toBeGreaterThanOrEqual(100);
      expect(one).toBeLessThanOrEqual(100 + Math.min(30_000, 200 * 2 ** attempt));
    });
    expect(new Set(pauses).size).toBe(pauses.length);
  });

  it("is what the server asks, but not for days", () => {
    expect(pause(1, 60)).toBe(60_000);
    expect(pause(1, 3e9)).toBe(3_600_000);
    expect(pause(9, 0)).toBeGreaterThanOrEqual(100);
  });
});

it("keys are 128 bits, and none twice", () => {
  const keys = Array.from({ length: 1000 }, newKey);
  expect(new Set(keys).size).toBe(1000);
  for (const key of keys) expect(key).toMatch(/^(\d{1,10}-){3}\d{1,10}$/);
});
