import { execFile, spawnSync } from "node:child_process";
import { PATH } from "./needs.mjs";

/** The environment in which programs are looked for. */
export const PROGRAMS_ENV = { ...process.env, PATH };

/** Whether a program is there; tests that need one that is not are skipped, and counted so. */
export function isInstalled(program: string): boolean {
  // Not every program knows this flag, and one that says so is there.
  return spawnSync(program, ["--version"], { stdio: "ignore", env: PROGRAMS_ENV }).error === undefined;
}

/** Runs a program to its end, whatever it comes to. */
export function outcomeOf(program: string, args: readonly string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    execFile(program, args, { env: PROGRAMS_ENV }, (error, stdout, stderr) => {
      resolve({
        code: typeof error?.code === "number" ? error.code : error === null ? 0 : -1,
        output: stdout + stderr,
      });
    });
  });
}
