import { execFile, spawnSync } from "node:child_process";

/** Servers are often in places where only an administrator's shell looks for programs. */
const env = { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/local/sbin:/usr/sbin:/sbin` };

/** Whether a program is there; tests that need one that is not are skipped, and counted so. */
export function isInstalled(program: string): boolean {
  // Not every program knows this flag, and one that says so is there.
  return spawnSync(program, ["--version"], { stdio: "ignore", env }).error === undefined;
}

/** Runs a program to its end, whatever it comes to. */
export function outcomeOf(program: string, args: readonly string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    execFile(program, args, { env }, (error, stdout, stderr) => {
      resolve({
        code: typeof error?.code === "number" ? error.code : error === null ? 0 : -1,
        output: stdout + stderr,
      });
    });
  });
}
