import { spawnSync } from "node:child_process";

/** The one command that repeats a run, with the commit that it belongs to. */
export function replayCommand(
  seed: number,
  { faults, services = false }: { faults: readonly number[]; services?: boolean },
): string {
  const { stdout } = spawnSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" });
  const only = faults.length === 0 ? " --faults ," : ` --faults ${faults.join(",")}`;
  const beside = services ? " --services" : "";
  return `pnpm sim --seed ${seed}${only}${beside} --trace   # at commit ${(stdout ?? "").trim() || "unknown"}`;
}
