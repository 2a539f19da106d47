// Three builds: the package (modules; Lit stays a dependency of its own), one file for a script
// tag, and the SharedWorker, a second file of the same origin. Locales and profiles lie beside them
// as they are: data.
import { cpSync } from "node:fs";
import { minify } from "terser";
import { defineConfig, type Plugin } from "vite";

const modules = ["index", "client", "react", "socket"];

/** Vite leaves a library's modules as they are; pages load them from here, too. All that is left of
 *  lines then stands in templates: one space does. */
const smallest: Plugin = {
  name: "smallest",
  async generateBundle(_, bundle) {
    for (const chunk of Object.values(bundle)) {
      if (chunk.type !== "chunk") continue;
      const { code } = await minify(chunk.code, {
        module: true,
        ecma: 2020,
        compress: { passes: 3, unsafe_arrows: true, directives: false, lhs_constants: false },
        format: { comments: /^!/ },
      });
      chunk.code = code!.replace(/\n\s+/g, " ");
    }
  },
};

const single = (entry: string, fileName: string, banner = "") => ({
  plugins: [smallest],
  build: {
    target: "es2022",
    minify: false,
    emptyOutDir: false,
    lib: { entry, formats: ["iife" as const], name: "messaging", fileName: () => fileName },
    rollupOptions: { output: { banner } },
  },
});

const data = {
  name: "data",
  closeBundle() {
    for (const folder of ["locales", "profiles"]) {
      cpSync(`src/${folder}`, `dist/${folder}`, { recursive: true });
    }
    cpSync("node_modules/lit/LICENSE", "dist/LICENSE-lit");
  },
};

export default defineConfig(({ mode }) => {
  if (mode === "script") {
    return single("src/script.ts", "messaging.js", "/*! contains Lit: see LICENSE-lit */");
  }
  if (mode === "worker") return single("src/worker.ts", "messaging-worker.js");
  return {
    plugins: mode === "production" ? [smallest, data] : [],
    build: {
      target: "es2022",
      minify: false,
      lib: {
        entry: Object.fromEntries(modules.map((name) => [name, `src/${name}.ts`])),
        formats: ["es" as const],
      },
      rollupOptions: {
        external: [/^lit(\/|$)/, /^react(\/|$)/],
        // `client.js` is the core itself, and not a door to it.
        preserveEntrySignatures: "allow-extension",
        output: {
          chunkFileNames: "[name].js",
          banner: ({ name }) => (name === "react" ? '"use client";' : ""),
        },
      },
    },
    test: { include: ["test/**/*.test.ts"], testTimeout: 20_000 },
  };
});
