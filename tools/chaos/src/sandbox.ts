import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";

/** Set inside: the processes and mounts of this run are its own. */
const INSIDE = "CHAOS_SANDBOX";

/**
 * Own process ids and mounts: whatever ends this program, even SIGKILL, ends every daemon, also a stopped one, and takes
 * every small disk away. A user who is not root becomes it in a user namespace where the system allows that.
 */
const NAMESPACES = ["--mount", "--propagation=private", "--pid", "--fork", "--kill-child", "--mount-proc"];
const AS_ROOT = ["--user", "--map-root-user"];

/** True when mounts made here are seen by nobody else and end with this program. */
export function isInSandbox(): boolean {
  return process.env[INSIDE] !== undefined;
}

/**
 * Runs this program again in namespaces of its own.
 * @returns its exit code, or undefined when this is the inner run already or the system allows no namespaces.
 */
export async function runInSandbox({ ownNetwork }: { ownNetwork: boolean }): Promise<number | undefined> {
  if (isInSandbox() || process.platform !== "linux") return undefined;
  const wanted = ownNetwork ? [...NAMESPACES, "--net"] : NAMESPACES;
  const flags = [wanted, [...AS_ROOT, ...wanted]].find(
    (tried) => spawnSync("unshare", [...tried, "true"], { stdio: "ignore" }).status === 0,
  );
  if (flags === undefined) return undefined;
  const inner = spawn("unshare", [...flags, process.execPath, ...process.execArgv, ...process.argv.slice(1)], {
    stdio: "inherit",
    env: { ...process.env, [INSIDE]: flags.includes("--user") ? "user" : "root" },
  });
  // Ctrl-C reaches the inner run by itself, and it ends in good order; what is sent to this process alone ends all at once.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => inner.kill("SIGKILL"));
  const [code] = (await once(inner, "close")) as [number | null];
  return code ?? 1;
}
