// The tool as people run it, and what it says.
import { spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Adapter } from "../src/core/adapter.js";

export interface Run {
  status: number | null;
  adapter: Adapter;
  errors: string;
}

export function tool(...args: string[]): Run {
  const run = spawnSync(process.execPath, ["tools/profile.mjs", ...args], { encoding: "utf8" });
  const adapter = run.stdout ? JSON.parse(run.stdout) : {};
  return { status: run.status, adapter, errors: run.stderr };
}

export function shipped(name: string): Adapter {
  const at = `../schema/profiles/${name}`;
  return tool(`${at}.http.conf`, `${at}.server.conf`).adapter;
}

/** Of a configuration that stands here; its file is called "x.conf" in what is said of it. */
export function ofText(text: string, ...args: string[]): Run {
  const file = join(mkdtempSync(join(tmpdir(), "messaging-profile-")), "x.conf");
  writeFileSync(file, text);
  const run = tool(file, ...args);
  return { ...run, errors: run.errors.replaceAll(file, "x.conf") };
}
