import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Root of the repository. */
export const ROOT: string = fileURLToPath(new URL("../../..", import.meta.url));

/** One package that goes to the registry. */
export interface Published {
  readonly name: string;
  readonly folder: string;
  /** Names of our own packages that it depends on, directly or not, itself included. */
  readonly needs: readonly string[];
}

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** Every package of `packages/` and `apps/` that is not private. */
export function publishedPackages(): Published[] {
  const manifests = new Map<string, { folder: string; manifest: Manifest }>();
  for (const group of ["packages", "apps"]) {
    for (const entry of readdirSync(join(ROOT, group))) {
      const folder = join(ROOT, group, entry);
      const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
      if (manifest.private !== true) manifests.set(manifest.name, { folder, manifest });
    }
  }
  const needs = (name: string, seen = new Set<string>()): Set<string> => {
    if (seen.has(name)) return seen;
    seen.add(name);
    for (const other of Object.keys(manifests.get(name)!.manifest.dependencies ?? {})) {
      if (manifests.has(other)) needs(other, seen);
    }
    return seen;
  };
  return [...manifests].map(([name, { folder }]) => ({ name, folder, needs: [...needs(name)] }));
}
