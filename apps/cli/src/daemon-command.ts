import { spawn } from "node:child_process";
import { EXIT, type ExitCode } from "./exit-code.ts";
import { Refusal } from "./failure.ts";
import type { Io } from "./io.ts";
import { daemonScript } from "./up/daemon-script.ts";

/** What `disterd` ends with when a flag or the configuration is wrong. */
const DAEMON_CONFIG = 78;

/**
 * Runs one of the commands of `disterd` on a stopped node or a file, with this terminal: the commands on data folders are its
 * own, this program has nothing to do with log and database.
 * @returns the exit code; everything that is to be said has been written.
 */
export function runDaemonCommand(args: readonly string[], io: Io, script = daemonScript()): Promise<ExitCode> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...args], {
      env: { ...io.env },
      stdio: ["inherit", "pipe", "pipe"],
    });
    child.stdout.setEncoding("utf8").on("data", (text: string) => io.stdout.write(text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => io.stderr.write(text));
    child.on("error", (error) => reject(failed(error.message)));
    child.on("close", (code, signal) => {
      if (code === null) reject(failed(`killed by ${signal}`));
      else resolve(code === 0 ? EXIT.done : code === DAEMON_CONFIG ? EXIT.usage : EXIT.failed);
    });
  });
}

function failed(how: string): Refusal {
  return new Refusal("DISTER_ERR_STOPPED", `disterd has stopped: ${how}`, EXIT.failed);
}
