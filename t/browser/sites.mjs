// The demo's sites as pages: each address answers with its own title, signing in is choosing a
// person, the policy is exact and nothing breaks it, and axe-core finds nothing, in light and dark,
// on a desktop and on a phone. What the messages' components do is the other files' part.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  accessible,
  desktop,
  newPerson,
  nothingToComplain,
  phone,
  screenshot,
  settled,
  signIn,
} from "./lib/browser.mjs";
import { sites } from "./lib/demo.mjs";
import { browser, demo } from "./lib/stage.mjs";

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; worker-src 'self'";

// Site, who looks (nobody: a visitor), address, title.
const pages = [
  [null, null, "/", "Les sites de démonstration · nginx-messaging"],
  [null, null, "/two", "Alice et Bob · nginx-messaging"],
  ["monmariage", null, "/", "Lieux de réception et prestataires · MonMariage"],
  ["monmariage", null, "/signin", "Se connecter · MonMariage"],
  [
    "monmariage",
    null,
    "/storefront/chateau-de-vaux-le-vicomte",
    "Château de Vaux-le-Vicomte · MonMariage",
  ],
  ["monmariage", null, "/dashboard/messages", "Mes messages · MonMariage"],
  ["monmariage", "Camille Martin", "/", "Lieux de réception et prestataires · MonMariage"],
  [
    "monmariage",
    "Camille Martin",
    "/storefront/chateau-de-vaux-le-vicomte",
    "Château de Vaux-le-Vicomte · MonMariage",
  ],
  [
    "monmariage",
    "Camille Martin",
    "/partner/vaux-le-vicomte",
    "Château de Vaux-le-Vicomte · MonMariage",
  ],
  ["monmariage", "Camille Martin", "/dashboard/messages", "Mes messages · MonMariage"],
  ["monmariage", "Camille Martin", "/test-messages", "État de la messagerie · MonMariage"],
  ["monmariage", "Château", "/partner-dashboard/messages", "Mes demandes · MonMariage"],
  ["marketplace", null, "/", "Objets choisis, près de chez vous · La Trouvaille"],
  ["marketplace", null, "/product/velo-hollandais-1974", "Vélo hollandais de 1974 · La Trouvaille"],
  [
    "marketplace",
    "Camille Martin",
    "/product/velo-hollandais-1974",
    "Vélo hollandais de 1974 · La Trouvaille",
  ],
  ["marketplace", "Camille Martin", "/messages", "Messages · La Trouvaille"],
  ["marketplace", "Atelier", "/messages", "Messages · La Trouvaille"],
  ["pro-admin", null, "/", "Accueil · Espace Pro"],
  ["pro-admin", "Cabinet Martin", "/", "Accueil · Espace Pro"],
  ["pro-admin", "Cabinet Martin", "/dashboard/messagerie", "Messagerie · Espace Pro"],
  ["pro-admin", "Sophie", "/", "Accueil · Espace Pro"],
  ["pro-admin", "Sophie", "/admin/messagerie", "Tickets de l’assistance · Espace Pro"],
  ["promoto", null, "/", "L’entretien de votre moto · ProMoto"],
  ["promoto", "Camille Martin", "/app/appointments", "Mes rendez-vous · ProMoto"],
  ["promoto", "Dominique", "/app/appointments", "Mes rendez-vous · ProMoto"],
  ["promoto", "Camille Martin", "/app/messages", "Messages · ProMoto"],
  ["promoto", "Camille Martin", "/app/garage/garage-des-lilas", "Garage des Lilas · ProMoto"],
  ["promoto", "Garage des Lilas", "/garage", "L’atelier · ProMoto"],
  ["promoto", "Garage des Lilas", "/garage/messages", "Messages des clients · ProMoto"],
];
// Chromium tells of each refused request in its console; a visitor's are, where the page has a chat.
const refused = /status of 401/;

for (const [kind, viewport, dark] of [
  ["desktop", desktop, false],
  ["desktop-dark", desktop, true],
  ["phone", phone, false],
  ["phone-dark", phone, true],
]) {
  for (const who of new Set(pages.map(([site, name]) => `${site ?? ""}|${name ?? ""}`))) {
    const [site, name] = who.split("|");
    test(`${site || "localhost"}, ${name || "a visitor"}, ${kind}`, async () => {
      const expected = name ? [] : [refused];
      const person = await newPerson(browser, { viewport, dark, expected });
      const { page } = person;
      if (name) await signIn(page, demo, site, name);
      for (const [, , path, title] of pages.filter(([s, n]) => `${s ?? ""}|${n ?? ""}` === who)) {
        const answer = await page.goto(demo.url(site, path));
        assert.equal(answer.status(), 200, path);
        // "(2) Messages": a badge may be first.
        assert.equal((await page.title()).replace(/^\(\d+\) /, ""), title, path);
        assert.equal(await answer.headerValue("content-security-policy"), policy, path);
        assert.equal(await answer.headerValue("cache-control"), "no-store", path);
        await settled(page);
        // Everybody who has an inbox here has conversations.
        if (await page.locator("messaging-inbox").count()) {
          await page.locator("messaging-inbox [part=row]").first().waitFor();
        }
        const overflow = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        assert.ok(overflow <= 0, `${path} is ${overflow} px too wide`);
        const label = `${path === "/" ? "/home" : path}`.replaceAll("/", "_");
        const by = name ? `-${name.split(" ")[0].toLowerCase()}` : "";
        await screenshot(page, `site-${site || "localhost"}${label}${by}-${kind}`);
        await accessible(page, `${site} ${path}`);
      }
      nothingToComplain(person);
      await person.context.close();
    });
  }
}

/** What a request with somebody's cookies is answered. */
async function as(context, site, path) {
  const cookies = await context.cookies(demo.url(site, path));
  const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
  return demo.ask(site, path, { headers: { cookie } });
}

test("everything that pages lead to on their own site is there", async () => {
  for (const site of sites) {
    const seen = new Set(["/"]);
    for (const path of seen) {
      if (path.startsWith("/signin/") || path === "/signout") continue;
      const { status, text } = await demo.ask(site, path);
      assert.equal(status, 200, `${site} ${path}`);
      for (const [, link] of text.matchAll(/(?:href|src|worker)="(\/[^"#?]*)/g)) seen.add(link);
    }
    assert.ok(seen.size > 8, `${site}: ${seen.size} addresses`);
  }
});

test("signing in, being somebody else, signing out", async () => {
  const person = await newPerson(browser, { expected: [refused] });
  const { page, context } = person;
  const path = "/storefront/domaine-des-saules";
  await page.goto(demo.url("monmariage", path));
  await page.locator(".site-header").getByRole("link", { name: "Se connecter" }).click();
  await page.getByRole("link", { name: "Camille Martin" }).click();
  await page.waitForURL(demo.url("monmariage", path));
  assert.equal(
    await page.locator(".person b").textContent(),
    "Camille Martin",
    "back where one was",
  );
  const cookies = await context.cookies();
  assert.deepEqual(cookies.map(({ name }) => name).sort(), ["next-auth.session-token", "person"]);
  for (const cookie of cookies) {
    assert.ok(cookie.httpOnly && cookie.sameSite === "Lax", `${cookie.name} is no script's`);
  }
  assert.equal((await as(context, "monmariage", "/api/messages")).status, 200);

  await signIn(page, demo, "monmariage", "Domaine des Saules");
  assert.equal(
    new URL(page.url()).pathname,
    "/partner-dashboard/messages",
    "to their own messages",
  );
  assert.equal(await page.locator(".person small").textContent(), "Prestataire");

  await page.getByRole("button", { name: "Se déconnecter" }).click();
  await page.waitForURL(demo.url("monmariage"));
  assert.deepEqual(await context.cookies(), [], "nothing is left");
  assert.equal(await page.locator(".person").count(), 0);
  nothingToComplain(person);
  await context.close();
});

test("signing in leads to paths of the same site only", async () => {
  const asked = (to) => demo.ask("promoto", `/signin/test-user@example.com?to=${to}`);
  for (const to of [
    "//evil.example/",
    "https://evil.example/",
    "%2Fevil.example",
    "/\\evil.example",
    "/a%0d%0aX:y",
  ]) {
    const { status, headers } = await asked(to);
    assert.equal(status, 303, to);
    assert.equal(headers.location, "/app/messages", to);
  }
  assert.equal(
    (await asked("/app/garage/moto-passion")).headers.location,
    "/app/garage/moto-passion",
  );
});

test("the list of professionals is the administrators'", async () => {
  const { page, context } = await newPerson(browser);
  const people = () => as(context, "pro-admin", "/people.json");
  assert.equal((await people()).status, 403, "a visitor");
  await signIn(page, demo, "pro-admin", "Cabinet Martin");
  assert.equal((await people()).status, 403, "a professional");
  await signIn(page, demo, "pro-admin", "Sophie");
  const list = JSON.parse((await people()).text);
  assert.deepEqual(list[0], {
    id: "test-user@example.com",
    name: "Cabinet Martin",
    role: "professional",
  });
  await context.close();
});

test("the page that shows the state of every part", async () => {
  const person = await newPerson(browser);
  const { page } = person;
  await signIn(page, demo, "monmariage", "Camille Martin", "/test-messages");
  const check = (name) => page.locator(`[data-check="${name}"][data-state="ok"] output`);
  await check("status").filter({ hasText: "worker ok" }).waitFor();
  await check("list").filter({ hasText: /^3 \(/ }).waitFor();
  await check("unread").waitFor();
  await check("stream").filter({ hasText: "Camille Martin" }).waitFor();
  await page.getByRole("button", { name: "Envoyer un message d’essai" }).click();
  await check("send").filter({ hasText: "enregistré" }).waitFor();
  await check("stream").filter({ hasText: "message reçu" }).waitFor();
  nothingToComplain(person);
  await person.context.close();
});

test("the first page leads to the sites and says how all is", async () => {
  const person = await newPerson(browser);
  const { page } = person;
  await page.goto(demo.url());
  await page.locator("#status").filter({ hasText: "tout fonctionne" }).waitFor();
  for (const site of sites) {
    assert.equal(await page.locator(`a[data-site="${site}"]`).getAttribute("href"), demo.url(site));
  }
  nothingToComplain(person);
  await person.context.close();
});

test("an address that is none: 404, in the site's own looks", async () => {
  const { page, context, complaints } = await newPerson(browser, { expected: [/status of 404/] });
  const answer = await page.goto(demo.url("promoto", "/app/nothing"));
  assert.equal(answer.status(), 404);
  assert.equal(await page.title(), "Page introuvable · ProMoto");
  assert.equal((await demo.ask("promoto", "/parts/footer.html")).status, 404);
  assert.deepEqual(complaints, []);
  await context.close();
});
