// The page that shows the state of every part, by the site's own API and nothing else: it works
// with the components broken, which is when one looks at it.

const say = (check, state, text) => {
  const item = document.querySelector(`[data-check="${check}"]`);
  item.dataset.state = state;
  item.querySelector("output").textContent = text;
};
const name = document.querySelector("[data-name]").dataset.name;
const signedIn = name !== "";
const nobody = "personne n’est connecté";

async function ask(path, body) {
  const began = performance.now();
  const answer = await fetch(`/api/messages${path}`, {
    method: body ? "POST" : "GET",
    headers: body
      ? { "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() }
      : {},
    body: body && JSON.stringify(body),
  });
  const json = await answer.json();
  const time = `${Math.round(performance.now() - began)} ms`;
  return { ok: answer.ok, status: answer.status, json, time };
}

/** A check: what it found, in words; it throws what is wrong. */
async function check(what, work) {
  try {
    say(what, "ok", await work());
  } catch (error) {
    say(what, "bad", error.message);
  }
}

async function good(path, body) {
  const answer = await ask(path, body);
  if (!answer.ok) throw new Error(`${answer.status}\u00a0: ${answer.json.error ?? ""}`);
  return answer;
}

let newest = null;

async function all() {
  await check("status", async () => {
    const { json, time } = await ask("/status");
    const parts = Object.entries(json.parts).map(([part, state]) => `${part} ${state}`);
    const text = `${parts.join(", ")} (${time})`;
    if (json.status !== "ok") throw new Error(text);
    return text;
  });
  if (!signedIn) {
    for (const what of ["me", "list", "unread", "stream"]) say(what, "", nobody);
    return;
  }
  say("me", "ok", name);
  await check("list", async () => {
    const { json, time } = await good("");
    newest = json[0] ?? null;
    return `${json.length} (${time})`;
  });
  await check("unread", async () => {
    const { json, time } = await good("/unread-count");
    return `${json.count} (${time})`;
  });
  stream();
}

let source = null;

function stream() {
  source?.close();
  say("stream", "", "connexion…");
  source = new EventSource("/api/messages/stream");
  source.addEventListener("hello", (event) => {
    const me = JSON.parse(event.data);
    say("stream", "ok", `ouvert pour ${me.name ?? me.id}`);
  });
  source.addEventListener("message", (event) => {
    say("stream", "ok", `message reçu : «\u00a0${JSON.parse(event.data).content}\u00a0»`);
  });
  source.addEventListener("error", () => say("stream", "bad", "interrompu, nouvelle tentative…"));
}

document.querySelector("#again").addEventListener("click", all);
document.querySelector("#send").addEventListener("click", () =>
  check("send", async () => {
    if (!signedIn) throw new Error(nobody);
    const content = `Message d’essai, ${new Date().toLocaleTimeString("fr")}`;
    const to = newest
      ? { conversationId: newest.id }
      : { partnerId: "vaux-le-vicomte", storefrontId: "chateau-de-vaux-le-vicomte" };
    const { json, time } = await good("", { ...to, content });
    return `«\u00a0${json.content}\u00a0» enregistré (${time})`;
  }),
);
all();
