// What people do with the components, in their words: used by the tests of the sites' flows.
// Locators look into shadow roots.

import assert from "node:assert/strict";
import { until } from "./demo.mjs";

/** The rows of the list, and of what a search found. */
export const rows = (page, name) => {
  const all = page.locator("messaging-inbox .row[data-id]");
  return name ? all.filter({ hasText: name }) : all;
};

/** A conversation's messages as they are shown, from oldest to newest. */
export async function said(at) {
  return at.locator(".message .text").allTextContents();
}

export const box = (at) => at.getByRole("textbox", { name: /Écrire un message|Write a message/ });

export async function write(at, ...texts) {
  for (const text of texts) {
    await box(at).fill(text);
    await box(at).press("Enter");
  }
}

export async function open(page, name) {
  await rows(page, name).first().click();
  await page.locator("messaging-thread .message").first().waitFor();
}

/** Waits until `text` is among what is shown. */
export async function hears(at, text) {
  await at.locator(".message .text", { hasText: text }).first().waitFor();
}

/** The number on a badge; 0 where there is none. */
export async function badge(page) {
  const counts = await page.locator("messaging-badge .count [aria-hidden]").allTextContents();
  return Number(counts[0] ?? 0);
}

export async function badgeIs(page, number) {
  await until(`the badge says ${number}`, async () => (await badge(page)) === number);
}

/** Nothing on its way, nothing refused, and in this order. */
export async function settledAs(at, texts) {
  await until(`${texts.length} messages, all sent`, async () => {
    const unsent = await at.locator(".unsent").count();
    const shown = await said(at);
    return unsent === 0 && shown.length >= texts.length;
  });
  assert.deepEqual((await said(at)).slice(-texts.length), texts);
}
