import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Published } from "./published.ts";
import { run } from "./run.ts";

/** Packs packages as they would be published; returns the tarball of each. */
export async function packAll(packages: readonly Published[], into: string): Promise<Map<string, string>> {
  const tarballs = new Map<string, string>();
  for (const { name, folder } of packages) {
    await run("pnpm", ["pack", "--pack-destination", into], folder);
    const prefix = name.replace("@", "").replace("/", "-");
    const file = readdirSync(into).find((one) => one.startsWith(`${prefix}-`) && /-\d[^-]*\.tgz$/.test(one));
    if (file === undefined) throw new Error(`pnpm pack made no tarball of ${name}`);
    tarballs.set(name, join(into, file));
  }
  return tarballs;
}
