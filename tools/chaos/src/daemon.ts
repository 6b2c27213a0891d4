import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../../apps/daemon/src/main.ts", import.meta.url));

/** How a process ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What this start of it wrote to standard error. */
  readonly stderr: string;
}

/** One `disterd` process. Its output goes straight to files, so that nothing of it is lost when anybody is killed. */
export class Daemon {
  readonly ended: Promise<Ended>;
  readonly #process: ChildProcess;
  #isOver = false;

  /** @param before - a command that runs the daemon in its own place, with the same process id; nothing: it runs as it is. */
  constructor(
    args: readonly string[],
    files: { cwd: string; stdout: string; stderr: string },
    before: readonly string[] = [],
  ) {
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("DISTER_"));
    const [stdout, stderr] = [openSync(files.stdout, "a"), openSync(files.stderr, "w")];
    const flags = ["--conditions=@dister/source", "--disable-warning=ExperimentalWarning"];
    const [command, ...rest] = [...before, process.execPath, ...flags, MAIN, ...args];
    const options = { cwd: files.cwd, env: Object.fromEntries(inherited) };
    this.#process = spawn(command!, rest, { ...options, stdio: ["ignore", stdout, stderr] });
    closeSync(stdout);
    closeSync(stderr);
    this.ended = new Promise((resolve) => {
      this.#process.once("close", (code, signal) => {
        this.#isOver = true;
        resolve({ code, signal, stderr: readFileSync(files.stderr, "utf8") });
      });
    });
  }

  get pid(): number {
    return this.#process.pid!;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Sends a signal to this process; does nothing when it has ended. */
  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }
}
