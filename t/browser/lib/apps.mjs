// The package as others get it: packed by npm, installed into the small apps of t/browser/apps, with
// an nginx of their own in front of them that uses the demo's Redis and key.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { root, until } from "./demo.mjs";

const fixtures = join(root, "t/browser/apps");
const installed = join(root, "build/apps");

/** What a program printed; one that fails is an error with all of it. */
export async function run(folder, command, ...words) {
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1" };
  const child = spawn(command, words, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let all = "";
  child.stdout.on("data", (part) => {
    out += part;
    all += part;
  });
  child.stderr.on("data", (part) => {
    all += part;
  });
  const code = await new Promise((done, failed) => {
    child.on("error", failed);
    child.on("close", done);
  });
  if (code !== 0) throw new Error(`${command} ${words.join(" ")}: ${code}\n${all}`);
  return out;
}

/** Says how long `work` took, for whoever reads the log. */
export async function timed(what, work) {
  const began = Date.now();
  const value = await work();
  process.stderr.write(`# ${what}: ${((Date.now() - began) / 1000).toFixed(1)} s\n`);
  return value;
}

/** The tarball, and what npm says is in it. */
export async function pack() {
  await mkdir(installed, { recursive: true });
  const folder = await mkdtemp(join(installed, "pack-"));
  const said = await run(join(root, "web"), "npm", "pack", "--json", "--pack-destination", folder);
  const [{ filename, files }] = JSON.parse(said.slice(said.indexOf("[\n")));
  return { folder, file: join(folder, filename), files: files.map(({ path }) => path).sort() };
}

/**
 * A copy of an app with all that it needs, in a folder named after both: who has installed it once
 * has it until the app's needs or the package change.
 */
export async function install(name, tarball) {
  const source = join(fixtures, name);
  const hash = createHash("sha256");
  for (const file of [join(source, "package.json"), tarball]) hash.update(await readFile(file));
  const folder = join(installed, `${name}-${hash.digest("hex").slice(0, 16)}`);
  await mkdir(folder, { recursive: true });
  await Promise.all(
    [".next", "dist"].map((old) => rm(join(folder, old), { recursive: true, force: true })),
  );
  await cp(source, folder, { recursive: true });
  await cp(tarball, join(folder, "nginx-messaging.tgz"));
  const done = join(folder, "node_modules/.installed");
  if (await stat(done).catch(() => null)) return folder;
  const quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--fetch-retries=1"];
  await timed(`npm install: ${name}`, () =>
    run(folder, "npm", "install", ...quiet, "--loglevel", "error"),
  );
  await writeFile(done, "");
  return folder;
}

/** A program that runs until `stop`, with all that it started; `log` is what it has printed. */
export function serve(folder, command, ...words) {
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1" };
  const child = spawn(command, words, {
    cwd: folder,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true, // a group of its own
  });
  const served = { log: "", child };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (part) => {
      served.log += part;
    });
  }
  const ended = new Promise((done) => child.on("exit", done));
  served.stop = async () => {
    try {
      process.kill(-child.pid, "SIGTERM");
    } catch {
      // It has ended.
    }
    await ended;
  };
  return served;
}

/**
 * One nginx for several sites: the nginx.conf of each app, with this machine's places in the stead
 * of those that it names. `sites`: [{conf, places: {"what it says": "what is so here"}}].
 */
export async function front(demo, sites) {
  const folder = await mkdtemp(join(demo.folder, "front-"));
  const config = await readFile(`${demo.folder}/demo/nginx.conf`, "utf8");
  const [, redis] = /messaging_redis (unix:[^;]+);/.exec(config);
  const [, user] = /^user ([^;]+);/m.exec(config);
  const parts = await Promise.all(
    sites.map(async ({ conf, places }) => {
      let text = await readFile(join(fixtures, conf), "utf8");
      const all = { "/etc/messaging/site.key": `${demo.folder}/demo/jwt.key`, ...places };
      for (const [said, here] of Object.entries(all)) {
        if (!text.includes(said)) throw new Error(`${conf} does not say ${said}`);
        text = text.replaceAll(said, here);
      }
      return text.replace(/^messaging_redis .*$/m, "");
    }),
  );
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  await writeFile(
    join(folder, "nginx.conf"),
    `load_module ${root}build/nginx/ngx_http_messaging_module.so;
daemon off;
user ${user};
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events {}
http {
    types { text/html html; text/css css; application/javascript js; application/json json; }
    access_log off;
    absolute_redirect off;
    ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join("\n    ")}
    messaging_redis ${redis};
    messaging_rate off;
${parts.join("\n")}
}
`,
    { mode: 0o600 },
  );
  return serve(
    folder,
    "/usr/sbin/nginx",
    "-e",
    `${folder}/error.log`,
    "-c",
    `${folder}/nginx.conf`,
  );
}

/** Answers, whatever it answers. */
export async function answers(url, server) {
  await until(`${url} answers`, async () => {
    if (server.child.exitCode !== null) throw new Error(server.log);
    return fetch(url).catch(() => null);
  });
}
