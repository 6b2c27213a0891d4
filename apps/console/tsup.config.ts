import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { defineConfig, type Options } from "tsup";

/** How the page is built into a folder: one script, and three files that are as they were written. */
export function pageBuild(outDir: string): Options {
  return {
    entry: { main: "src/main.ts" },
    outDir,
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
      await copyFile("src/page.html", join(outDir, "index.html"));
      await copyFile("src/page.css", join(outDir, "page.css"));
      await copyFile("src/icon.svg", join(outDir, "icon.svg"));
    },
  };
}

export default defineConfig([
  pageBuild("dist/page"),
  { entry: ["src/index.ts"], format: ["esm"], dts: true, target: "node22", sourcemap: true },
]);
