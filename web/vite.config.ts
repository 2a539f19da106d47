// Three builds: the package (modules; Lit stays a dependency of its own), one file for a script
// tag, and the SharedWorker, a second file of the same origin.
import { readdirSync } from "node:fs";
import { defineConfig } from "vite";

const modules = ["index", "client", "react", "socket"];
const locales = readdirSync("src/locales").map((file) => file.replace(/\.ts$/, ""));

export default defineConfig(({ mode }) => {
  const single = (entry: string, fileName: string) => ({
    build: {
      emptyOutDir: false,
      target: "es2022",
      lib: { entry, formats: ["iife" as const], name: "messaging", fileName: () => fileName },
    },
  });
  if (mode === "script") return single("src/script.ts", "messaging.js");
  if (mode === "worker") return single("src/worker.ts", "messaging-worker.js");
  return {
    build: {
      target: "es2022",
      lib: {
        entry: Object.fromEntries([
          ...modules.map((name) => [name, `src/${name}.ts`]),
          ...locales.map((name) => [`locales/${name}`, `src/locales/${name}.ts`]),
        ]),
        formats: ["es" as const],
      },
      rollupOptions: { external: [/^lit(\/|$)/, /^react(\/|$)/] },
    },
    test: { include: ["test/**/*.test.ts"] },
  };
});
