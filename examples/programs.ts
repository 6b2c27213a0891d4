import { execFile } from "node:child_process";
import { PROGRAMS_ENV } from "./needs.mjs";

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
