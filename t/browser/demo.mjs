// scripts/demo keeps its word: tokens for many at once, what is killed is started again, SIGTERM
// ends everything, a second start is quick and finds the data. No browser is needed for it.

import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { Demo, until } from "./lib/demo.mjs";

let demo;
before(async () => {
  demo = await Demo.start();
});
after(() => demo?.stop());

const bearer = async (name) => ({
  authorization: `Bearer ${(await demo.tokens(name))[0]}`,
  "content-type": "application/json",
});
const unread = async (headers) =>
  JSON.parse((await demo.ask(null, "/api/messages/unread-count", { headers })).text).count;

test("demo-token: a token for each of a thousand, in under a second", async () => {
  const names = Array.from({ length: 1000 }, (_, number) => `u${number}`);
  const began = performance.now();
  const tokens = await demo.tokens(...names);
  assert.ok(performance.now() - began < 1000, `${performance.now() - began} ms`);
  assert.equal(new Set(tokens).size, 1000);
  assert.equal(await unread({ authorization: `Bearer ${tokens[7]}` }), 0, "the demo accepts it");
});

test("what dies is started again, and nothing is lost", async () => {
  const write = async (content) => {
    const body = JSON.stringify({ members: ["bob"], content });
    return demo.ask(null, "/api/messages/conversations", {
      method: "POST",
      headers: await bearer("alice"),
      body,
    });
  };
  assert.equal((await write("before")).status, 201);
  const parts = demo.pids();
  assert.equal(parts.length, 3, "Redis, worker, nginx");
  for (const pid of parts) process.kill(pid, "SIGKILL");
  await until(
    "a message is stored",
    async () => (await write("after").catch(() => null))?.status === 200,
  );
  assert.ok((await unread(await bearer("bob"))) >= 2);
  for (const pid of parts) assert.ok(!demo.pids().includes(pid), "another process");
});

test("nginx reloads, and answers all the while", async () => {
  for (let round = 0; round < 3; round++) {
    demo.reload();
    for (let asked = 0; asked < 20; asked++) {
      assert.equal((await demo.ask("promoto", "/")).status, 200);
    }
  }
});

test("SIGTERM ends everything; a second start takes under 5 seconds and finds the data", async () => {
  const parts = demo.pids();
  assert.equal(await demo.halt(), 0);
  for (const pid of parts) assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
  await new Promise((done, failed) => {
    const probe = connect(demo.port, "127.0.0.1");
    probe.on("connect", () => failed(new Error("somebody still listens")));
    probe.on("error", done);
  });
  const began = performance.now();
  await demo.run();
  assert.ok(performance.now() - began < 5000, `${performance.now() - began} ms`);
  assert.ok((await unread(await bearer("bob"))) >= 2);
});

test("no alerts in nginx's log", async () => {
  const alerts = (await demo.log("nginx")).split("\n").filter((line) => line.includes("[alert]"));
  assert.deepEqual(
    alerts.filter((line) => !line.includes("signal 9")),
    [],
  );
});
