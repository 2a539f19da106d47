// scripts/demo for a test: on a port and in a folder of its own, with the pids of its parts, to be
// reloaded and killed. Everything that it started ends with it.

import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../../", import.meta.url));
export const sites = ["monmariage", "marketplace", "pro-admin", "promoto"];

export function freePort() {
  return new Promise((done, failed) => {
    const server = createServer();
    server.on("error", failed);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

export class Demo {
  /** Ready when this resolves. */
  static async start(environment = {}) {
    const demo = new Demo();
    demo.folder = await mkdtemp(join(tmpdir(), "messaging-browser-"));
    demo.port = await freePort();
    demo.environment = environment;
    await demo.run();
    return demo;
  }

  /** Starts the programs; again after `halt`, with the same data. */
  async run() {
    const env = {
      ...process.env,
      ...this.environment,
      PORT: String(this.port),
      DEMO_DIR: `${this.folder}/demo`,
    };
    this.process = spawn(join(root, "scripts/demo"), {
      env,
      stdio: ["ignore", "pipe", "inherit"],
      // In a group of its own: Ctrl-C ends the test, which ends the demo.
      detached: true,
    });
    this.ended = new Promise((done) => this.process.on("exit", (code) => done(code)));
    for await (const line of createInterface({ input: this.process.stdout })) {
      if (line.startsWith("ready ")) return;
    }
    throw new Error(`the demo did not get ready; its logs are in ${this.folder}`);
  }

  /** Ends the programs and keeps the data; the exit code. */
  async halt() {
    if (this.process.exitCode === null) this.process.kill("SIGTERM");
    return this.ended;
  }

  /** Ends the programs and forgets the data. TEST_KEEP=1 leaves the folder. */
  async stop() {
    const code = await this.halt();
    if (process.env.TEST_KEEP) process.stderr.write(`# ${this.folder}\n`);
    else await rm(this.folder, { recursive: true, force: true });
    return code;
  }

  url(site, path = "/") {
    return `http://${site ? `${site}.` : ""}localhost:${this.port}${path}`;
  }

  /** A request without a browser, and what became of it. Names under localhost are the browser's
   *  to know: Node asks the system, which need not. */
  ask(site, path, { method = "GET", headers = {}, body } = {}) {
    const host = new URL(this.url(site)).host;
    const options = {
      host: "127.0.0.1",
      port: this.port,
      method,
      path,
      headers: { host, ...headers },
    };
    return new Promise((done, failed) => {
      const asked = request(options, (answer) => {
        const parts = [];
        answer.on("data", (part) => parts.push(part));
        answer.on("error", failed);
        answer.on("end", () =>
          done({
            status: answer.statusCode,
            headers: answer.headers,
            text: Buffer.concat(parts).toString(),
          }),
        );
      });
      asked.on("error", failed);
      asked.end(body);
    });
  }

  log(name) {
    return readFile(`${this.folder}/demo/${name}.log`, "utf8");
  }

  /** The pid of `nginx` (its master), `worker` or `redis`. */
  pid(name) {
    const words = { nginx: "nginx: master", worker: "messaging-worker", redis: "redis-server" };
    const found = this.pids().find((pid) => command(pid).includes(words[name]));
    if (!found) throw new Error(`no ${name} runs`);
    return found;
  }

  /** All that the demo keeps running, without nginx's own processes. */
  pids() {
    return children(this.process.pid).flatMap(children);
  }

  /** nginx reads its configuration anew; its old processes end by and by. */
  reload() {
    process.kill(this.pid("nginx"), "SIGHUP");
  }

  /** As if its machine's power went: the demo starts it again. */
  kill(name) {
    process.kill(this.pid(name), "SIGKILL");
  }

  /** Ends a program, which stays away until the function that this gives is called. */
  takeAway(name) {
    const pid = this.pid(name);
    const keeper = children(this.process.pid).find((one) => children(one).includes(pid));
    process.kill(keeper, "SIGSTOP");
    process.kill(pid, "SIGTERM");
    return () => process.kill(keeper, "SIGCONT");
  }

  /** Tokens as the site's own sign-in makes them. */
  async tokens(...words) {
    const run = spawn(join(root, "scripts/demo-token"), words, {
      env: { ...process.env, DEMO_DIR: `${this.folder}/demo` },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const lines = [];
    for await (const line of createInterface({ input: run.stdout })) lines.push(line);
    return lines;
  }
}

function children(pid) {
  const found = [];
  try {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      found.push(
        ...readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean),
      );
    }
  } catch {
    // It has just ended, and has none.
  }
  return found.map(Number);
}

function command(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}

/** Waits for a condition, never for seconds; the limit is for who would wait for ever. */
export async function until(what, condition, limit = 20_000) {
  const end = Date.now() + limit;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not within ${limit / 1000} s: ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}
