import { copyFile } from "node:fs/promises";
import { defineConfig } from "tsup";

const PAGE = "dist/page";

export default defineConfig([
  {
    entry: { main: "src/main.ts" },
    outDir: PAGE,
    format: ["esm"],
    platform: "browser",
    target: "es2022",
    // One file, and nothing to fetch beside it.
    noExternal: [/^@dister\//],
    splitting: false,
    minify: true,
    clean: true,
    esbuildOptions(options) {
      options.conditions = ["@dister/source"];
    },
    async onSuccess() {
      await copyFile("src/page.html", `${PAGE}/index.html`);
      await copyFile("src/page.css", `${PAGE}/page.css`);
      await copyFile("src/icon.svg", `${PAGE}/icon.svg`);
    },
  },
  { entry: ["src/index.ts"], format: ["esm"], dts: true, target: "node22", sourcemap: true },
]);
