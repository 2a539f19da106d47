// The four sites' addresses, which have the port of this page, and how the parts are.

for (const link of document.querySelectorAll("a[data-site]")) {
  link.href = `http://${link.dataset.site}.localhost:${location.port}/`;
}

const state = document.querySelector(".state");
const names = { nginx: "nginx", redis: "Redis", worker: "worker", store: "base de données" };

async function look() {
  let status;
  try {
    status = await (await fetch("/api/messages/status")).json();
  } catch {
    status = { status: "down", parts: { nginx: "down" } };
  }
  const good = status.status === "ok";
  state.className = `state ${good ? "ok" : "bad"}`;
  const text = good ? "tout fonctionne" : "une partie ne répond pas";
  const line = document.querySelector("#status");
  // Unchanged text stays, so that nobody is told the same again.
  if (line.textContent !== text) line.textContent = text;
  document.querySelector("#services").replaceChildren(
    ...Object.entries(status.parts).map(([part, value]) => {
      const box = document.createElement("div");
      const term = document.createElement("dt");
      const detail = document.createElement("dd");
      term.textContent = names[part] ?? part;
      detail.textContent = value;
      box.append(term, detail);
      return box;
    }),
  );
}

look();
setInterval(look, 10_000);
