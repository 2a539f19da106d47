// What people do on the five systems' sites, two or three at once, each in a browser of their own:
// the flows that those sites' own messaging had.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  accessible,
  newPerson,
  nothingToComplain,
  phone,
  screenshot,
  settled,
  signIn,
} from "./lib/browser.mjs";
import { badge, badgeIs, box, hears, open, rows, said, write } from "./lib/chat.mjs";
import { until } from "./lib/demo.mjs";
import { browser, demo } from "./lib/stage.mjs";

/** Somebody on a page of a site, signed in; their context ends with the test. */
async function person(t, site, name, path, options = {}) {
  const someone = await newPerson(browser, options);
  t.after(() => someone.context.close());
  await signIn(someone.page, demo, site, name, path);
  return someone;
}

test("monmariage: a visitor signs in at the chat, writes, is answered at once and by the partner", async (t) => {
  const visitor = await newPerson(browser, { expected: [/status of 401/] });
  t.after(() => visitor.context.close());
  const partner = await person(t, "monmariage", "Villa des Pins", "/partner-dashboard/messages");
  const { page } = visitor;
  await page.goto(demo.url("monmariage", "/storefront/villa-des-pins"));
  await settled(page);
  const launcher = page.locator("messaging-chat .launcher");
  await launcher.click();
  const panel = page.getByRole("dialog", { name: /Villa des Pins/ });
  // What the page put into the slot.
  const link = page.locator("messaging-chat").getByRole("link", { name: "Se connecter" });
  await link.waitFor();
  await panel.getByRole("button", { name: "Fermer" }).waitFor();
  await screenshot(page, "monmariage-visitor");
  await link.click();
  await page.locator(".choices a", { hasText: "Camille Martin" }).click();
  await page.waitForURL("**/storefront/villa-des-pins");
  await launcher.click();
  await box(panel).waitFor();
  await write(panel, "Bonjour, la terrasse est-elle couverte ?");
  await hears(panel, "la terrasse est-elle couverte");
  await hears(panel, "Bonjour Camille Martin, merci pour votre message");
  await screenshot(page, "monmariage-chat");
  await accessible(page, "an open chat", "messaging-chat");

  await rows(partner.page, "Camille Martin").first().waitFor();
  await badgeIs(partner.page, 1);
  await open(partner.page, "Camille Martin");
  await badgeIs(partner.page, 0);
  await write(partner.page, "Oui, pour quatre-vingts personnes.");
  await hears(panel, "pour quatre-vingts personnes");
  await panel.getByText("Lu", { exact: false }).first().waitFor();

  // The client's dashboard has it too, and Escape closes the chat where it was opened.
  await page.keyboard.press("Escape");
  await panel.waitFor({ state: "hidden" });
  assert.ok(await launcher.evaluate((one) => one.getRootNode().activeElement === one));
  await page.goto(demo.url("monmariage", "/dashboard/messages"));
  await open(page, "Villa des Pins");
  const own = page.locator("messaging-inbox messaging-thread");
  assert.deepEqual(await said(own), [
    "Bonjour, la terrasse est-elle couverte ?",
    "Bonjour Camille Martin, merci pour votre message. Nous vous répondons dès que possible.",
    "Oui, pour quatre-vingts personnes.",
  ]);
  // The confirmation comes once.
  await write(page, "Merci !");
  await hears(partner.page, "Merci !");
  assert.equal((await said(own)).filter((text) => text.includes("merci pour votre")).length, 1);
  nothingToComplain(visitor, partner);
});

test("monmariage: the demonstration's conversation, unread marks, and search", async (t) => {
  const client = await person(t, "monmariage", "Camille Martin", "/dashboard/messages");
  const { page } = client;
  const row = rows(page, "Château de Vaux-le-Vicomte");
  await row.waitFor();
  await page
    .getByRole("button", { name: /^Château de Vaux-le-Vicomte .* 2 messages non lus/ })
    .waitFor();
  const before = await badge(page);
  await row.click();
  await hears(page, "Avec plaisir");
  await page.locator(".line", { hasText: "Nouveaux messages" }).waitFor();
  await badgeIs(page, before - 2);
  await screenshot(page, "monmariage-dashboard");

  await page.getByRole("searchbox").fill("pivoine");
  const found = page.locator("messaging-inbox .row:not([data-id])");
  await found.first().waitFor();
  await found.first().click();
  await page.locator(".marked").waitFor();
  await page.getByRole("heading", { name: "Les Fleurs de Léa" }).waitFor();
  await screenshot(page, "monmariage-search");
  await accessible(page, "a search", "messaging-inbox");
  await page.getByRole("searchbox").fill("zzzzz");
  await page.getByText("Aucun résultat").waitFor();
  nothingToComplain(client);
});

test("marketplace: from a product to its seller; typing; the badge in the header", async (t) => {
  const buyer = await person(t, "marketplace", "Paul Durand", "/product/lampe-opaline");
  const seller = await person(t, "marketplace", "Brocante des Halles", "/messages");
  await rows(seller.page).first().waitFor();
  const waiting = await badge(seller.page);
  await buyer.page.getByRole("button", { name: "Écrire au vendeur" }).click();
  await buyer.page.waitForURL("**/messages?conversation=*");
  const thread = buyer.page.locator("messaging-thread");
  await thread.getByText("Écrivez le premier message.").waitFor();
  await thread.getByRole("heading", { name: "Brocante des Halles" }).waitFor();
  // Nobody sees a conversation in which nothing was said.
  assert.equal(await rows(seller.page, "Paul Durand").count(), 0);
  await write(thread, "La lampe est-elle encore là ?");
  await rows(seller.page, "Paul Durand").waitFor();
  await badgeIs(seller.page, waiting + 1);
  await open(seller.page, "Paul Durand");
  await box(seller.page).pressSequentially("Oui");
  await thread.getByText("Brocante des Halles est en train d’écrire…").waitFor();
  await screenshot(buyer.page, "marketplace-typing");
  await box(seller.page).press("Enter");
  await hears(thread, "Oui");
  await thread.getByText("est en train").waitFor({ state: "hidden" });
  // Again from the product: the same conversation.
  const { url } = { url: buyer.page.url() };
  await buyer.page.goto(demo.url("marketplace", "/product/lampe-opaline"));
  await buyer.page.getByRole("button", { name: "Écrire au vendeur" }).click();
  await buyer.page.waitForURL("**/messages?conversation=*");
  assert.equal(buyer.page.url(), url);
  nothingToComplain(buyer, seller);
});

test("pro-admin: a ticket, the team of admins, closed and opened again", async (t) => {
  const professional = await person(t, "pro-admin", "Cabinet Martin", "/dashboard/messagerie");
  const one = await person(t, "pro-admin", "Sophie", "/admin/messagerie");
  const other = await person(t, "pro-admin", "Karim", "/admin/messagerie");
  const { page } = professional;
  await page.getByRole("button", { name: "Nouveau ticket" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Envoyer" }).click();
  await dialog.getByText("Ce champ est nécessaire.").first().waitFor();
  await dialog.getByLabel("Sujet").fill("Export comptable");
  await dialog.getByText("Ce champ est nécessaire.").waitFor({ state: "detached" });
  await dialog.getByLabel("Message").fill("Bonjour, l’export de septembre est vide.");
  await screenshot(page, "pro-admin-new");
  await accessible(page, "a new ticket", "messaging-new");
  await dialog.getByRole("button", { name: "Envoyer" }).click();
  await page.getByRole("heading", { name: /admin/i }).first().waitFor();
  await hears(page, "l’export de septembre est vide");

  const people = [one, other];
  for (const admin of people) await rows(admin.page, "Export comptable").waitFor();
  await open(one.page, "Export comptable");
  await write(one.page, "Je regarde tout de suite.");
  await hears(page, "Je regarde tout de suite.");
  // What one of the team has read, none of them has to.
  for (const admin of people) {
    await rows(admin.page, "Export comptable").locator(".count").waitFor({ state: "detached" });
  }
  await one.page.getByRole("button", { name: "Fermer la conversation" }).click();
  await page.getByText("Fermée").first().waitFor();
  assert.equal(await page.getByRole("button", { name: "Fermer la conversation" }).count(), 0);
  await page.getByRole("button", { name: "Fermées" }).click();
  await rows(page, "Export comptable").waitFor();
  await page.getByRole("button", { name: "Ouvertes" }).click();
  await rows(page, "Export comptable").waitFor({ state: "hidden" });
  await one.page.getByRole("button", { name: "Rouvrir la conversation" }).click();
  await rows(page, "Export comptable").waitFor();
  await screenshot(one.page, "pro-admin-desk");

  // An admin writes to one professional, out of the site's list of people.
  await one.page.getByRole("button", { name: "Écrire à un professionnel" }).click();
  const ask = one.page.getByRole("dialog");
  await ask.getByRole("combobox").fill("gara");
  await ask.getByRole("option", { name: "Garage Petit" }).click();
  await ask.getByLabel("Sujet").fill("Vos horaires");
  await ask.getByLabel("Message").fill("Pouvez-vous les confirmer ?");
  await ask.getByRole("button", { name: "Envoyer" }).click();
  await one.page.getByRole("heading", { name: "Garage Petit" }).waitFor();
  await hears(one.page, "Pouvez-vous les confirmer ?");
  nothingToComplain(professional, ...people);
});

test("promoto: about an appointment; the garage answers on a phone", async (t) => {
  const client = await person(t, "promoto", "Camille Martin", "/app/appointments");
  const garage = await person(t, "promoto", "Garage des Lilas", "/garage/messages", {
    viewport: phone,
  });
  const { page } = client;
  await page
    .getByRole("button", { name: /Écrire au garage/ })
    .first()
    .click();
  const dialog = page.locator("messaging-start dialog[open], messaging-chat .panel").first();
  await box(dialog).waitFor();
  await write(dialog, "Puis-je venir plus tôt ?");
  await rows(garage.page, "Camille Martin").first().waitFor();
  await screenshot(garage.page, "promoto-phone-list");
  await open(garage.page, "Camille Martin");
  await hears(garage.page, "Puis-je venir plus tôt ?");
  // One pane at a time: the list is away, a button leads back to the row one came from.
  assert.equal(await rows(garage.page).first().isVisible(), false);
  await screenshot(garage.page, "promoto-phone-thread");
  await box(garage.page).fill("Oui, dès 9 h.");
  await garage.page.getByRole("button", { name: "Envoyer" }).click();
  await garage.page.getByRole("button", { name: "Retour à la liste" }).click();
  await rows(garage.page, "Camille Martin").first().waitFor();
  await page.goto(demo.url("promoto", "/app/messages"));
  await open(page, "Garage des Lilas");
  await hears(page, "Oui, dès 9 h.");
  nothingToComplain(client, garage);
});

test("the keyboard alone: the list, a conversation, and back", async (t) => {
  const client = await person(t, "monmariage", "Camille Martin", "/dashboard/messages");
  const { page } = client;
  await rows(page).first().waitFor();
  const focused = () =>
    page.evaluate(() => {
      let at = document.activeElement;
      while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
      return at?.dataset?.id ?? at?.localName;
    });
  const ids = await rows(page).evaluateAll((all) => all.map((one) => one.dataset.id));
  await rows(page).first().focus();
  await page.keyboard.press("ArrowDown");
  assert.equal(await focused(), ids[1]);
  await page.keyboard.press("End");
  assert.equal(await focused(), ids.at(-1));
  await page.keyboard.press("Home");
  assert.equal(await focused(), ids[0]);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await until("one may write", async () => (await focused()) === "textarea");
  await page.keyboard.type("Une ligne");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("et une autre");
  await page.keyboard.press("Enter");
  await hears(page, "Une ligne\net une autre");
  await page.keyboard.press("Escape");
  await until("back in the list", async () => (await focused()) === ids[1]);
  // One stop of the tab key for the whole list.
  assert.equal(await rows(page).locator("xpath=self::*[@tabindex='0']").count(), 1);
  nothingToComplain(client);
});

test("the address: a link to a conversation, back and forward", async (t) => {
  const client = await person(t, "monmariage", "Camille Martin", "/dashboard/messages");
  const { page } = client;
  await open(page, "Domaine des Saules");
  const url = page.url();
  assert.match(url, /\?conversation=/);
  await open(page, "Les Fleurs de Léa");
  await page.goBack();
  await page.getByRole("heading", { name: "Domaine des Saules" }).waitFor();
  await page.goto("about:blank");
  await page.goto(url);
  await page.getByRole("heading", { name: "Domaine des Saules" }).waitFor();
  nothingToComplain(client);
});
