// Three builds: the package (modules; Lit stays a dependency of its own), one file for a script
// tag, and the SharedWorker, a second file of the same origin. Locales and profiles lie beside them
// as they are: data.
import { cpSync } from "node:fs";
import { defineConfig } from "vite";

const modules = ["index", "client", "react", "socket"];

const smallest = {
  target: "es2022",
  minify: "terser" as const,
  terserOptions: { ecma: 2020 as const, compress: { passes: 3, unsafe_arrows: true } },
};

/** All that is left of lines, when the code is minified, stands in templates: one space does. */
const oneLine = {
  name: "one-line",
  generateBundle(_: unknown, bundle: Record<string, { type: string; code?: string }>) {
    for (const chunk of Object.values(bundle)) {
      if (chunk.code) chunk.code = chunk.code.replace(/\n\s+/g, " ");
    }
  },
};

const single = (entry: string, fileName: string) => ({
  plugins: [oneLine],
  build: {
    ...smallest,
    emptyOutDir: false,
    lib: { entry, formats: ["iife" as const], name: "messaging", fileName: () => fileName },
  },
});

const data = {
  name: "data",
  closeBundle() {
    for (const folder of ["locales", "profiles"]) {
      cpSync(`src/${folder}`, `dist/${folder}`, { recursive: true });
    }
  },
};

export default defineConfig(({ mode }) => {
  if (mode === "script") return single("src/script.ts", "messaging.js");
  if (mode === "worker") return single("src/worker.ts", "messaging-worker.js");
  return {
    plugins: mode === "production" ? [data] : [],
    build: {
      ...smallest,
      lib: {
        entry: Object.fromEntries(modules.map((name) => [name, `src/${name}.ts`])),
        formats: ["es" as const],
      },
      rollupOptions: {
        external: [/^lit(\/|$)/, /^react(\/|$)/],
        output: { banner: ({ name }) => (name === "react" ? '"use client";' : "") },
      },
    },
    test: { include: ["test/**/*.test.ts"], testTimeout: 20_000 },
  };
});
