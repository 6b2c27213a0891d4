import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { DisterError } from "@dister/types";

/**
 * Path of the `disterd` script that is installed beside this package.
 * @throws DisterError `DISTER_ERR_CONFIG` when there is none.
 */
export function daemonScript(): string {
  let manifest: string;
  try {
    manifest = import.meta.resolve("@dister/daemon/package.json");
  } catch {
    throw missing("@dister/daemon is not installed beside dister");
  }
  const { bin } = JSON.parse(readFileSync(new URL(manifest), "utf8")) as { bin: string | { disterd: string } };
  const script = fileURLToPath(new URL(typeof bin === "string" ? bin : bin.disterd, manifest));
  if (existsSync(script)) return script;
  throw missing(`@dister/daemon is not complete: ${script} does not exist`);
}

function missing(message: string): DisterError {
  return new DisterError("DISTER_ERR_CONFIG", {}, { message });
}
