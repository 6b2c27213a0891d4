import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";
import type { Mutation } from "./mutation.ts";

const ROOT = fileURLToPath(new URL("../../../..", import.meta.url));
const FOLDER = fileURLToPath(new URL("../../dist", import.meta.url));
const WORKER = fileURLToPath(new URL("../worker.ts", import.meta.url));

/**
 * Builds a simulator whose product has one bug. The sources stay as they are: the text is changed on its way into the
 * bundle, so that no switch for it exists in what is published.
 * @returns the path of the worker.
 * @throws Error when the text that is to be changed is not there exactly once: the product has moved on.
 */
export async function buildMutant(mutation: Mutation): Promise<string> {
  await mkdir(FOLDER, { recursive: true });
  const outfile = join(FOLDER, `${mutation.name}.mjs`);
  await build({
    entryPoints: [WORKER],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node22",
    conditions: ["@dister/source"],
    logLevel: "silent",
    plugins: [native(), planting(mutation)],
  });
  return outfile;
}

/** The database driver is not bundled: it has a binary beside it. */
function native(): Plugin {
  const path = createRequire(join(ROOT, "packages/store/package.json")).resolve("better-sqlite3");
  return {
    name: "native",
    setup: (builder) => builder.onResolve({ filter: /^better-sqlite3$/ }, () => ({ path, external: true })),
  };
}

function planting({ file, find, replace, name }: Mutation): Plugin {
  const target = join(ROOT, file);
  return {
    name: "planting",
    setup: (builder) => {
      let isPlanted = false;
      builder.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        if (path !== target) return undefined;
        const text = await readFile(path, "utf8");
        const parts = text.split(find);
        if (parts.length !== 2) throw new Error(`${name}: its text stands ${parts.length - 1} times in ${file}`);
        isPlanted = true;
        return { contents: parts.join(replace), loader: "ts" as const };
      });
      builder.onEnd(() => {
        if (!isPlanted) throw new Error(`${name}: ${file} is not part of the simulator`);
      });
    },
  };
}
