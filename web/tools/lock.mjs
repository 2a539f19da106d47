// Completes package-lock.json: npm leaves out what a parent depends on optionally for another
// platform when the registry at hand does not serve it, and `npm ci` then refuses the file
// everywhere. Such packages are pinned by their parents and named after their platform, so that
// both can be written down without asking anybody. To be run after a change of dependencies.
import { readFileSync, writeFileSync } from "node:fs";

const systems = "aix android darwin freebsd linux netbsd openbsd openharmony sunos win32".split(
  " ",
);
const processors = "arm arm64 ia32 loong64 mips64el ppc64 riscv64 s390x x64".split(" ");

const path = new URL("../package-lock.json", import.meta.url);
const lock = JSON.parse(readFileSync(path, "utf8"));
const packages = { ...lock.packages };
for (const parent of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    const place = `node_modules/${name}`;
    if (packages[place] || !/^\d/.test(version)) continue;
    const words = name.split(/[/-]/);
    const os = systems.filter((system) => words.includes(system));
    const cpu = processors.filter((processor) => words.includes(processor));
    const libc = words.includes("musl") ? ["musl"] : words.includes("gnu") ? ["glibc"] : [];
    packages[place] = {
      version,
      ...(cpu.length && { cpu }),
      dev: true,
      ...(os[0] === "linux" && libc.length && { libc }),
      optional: true,
      ...(os.length && { os }),
    };
  }
}
const byName = ([a], [b]) => a.localeCompare(b, "en");
lock.packages = Object.fromEntries(Object.entries(packages).sort(byName));
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
