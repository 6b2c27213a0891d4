import { type ChildProcess, spawn } from "node:child_process";

/** How a process ended. */
export interface Ending {
  /** In words: `exit code 1`, `killed by SIGKILL`. */
  readonly how: string;
  /** How long it had been running. */
  readonly livedMs: number;
}

export interface DaemonStart {
  readonly script: string;
  readonly args: readonly string[];
  /** Working folder: a `dister.json` that lies where `up` was called is none of the node's. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  nowMs(): number;
}

const TAIL_CHARACTERS = 4_096;
const TAIL_LINES = 20;

/**
 * A running `disterd`. It has a process group of its own, so that Ctrl-C reaches only the starter, and a channel to the
 * starter: when that is gone, however it ended, the channel closes and the daemon ends itself.
 */
export class DaemonProcess {
  readonly #child: ChildProcess;
  readonly #tails = { stdout: "", stderr: "" };
  /** Resolves when the process is gone and what it printed has been read; never rejects. */
  readonly ended: Promise<Ending>;

  constructor(start: DaemonStart) {
    const startedMs = start.nowMs();
    this.#child = spawn(process.execPath, [start.script, ...start.args], {
      cwd: start.folder,
      env: { ...start.env },
      detached: true,
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    for (const name of ["stdout", "stderr"] as const) {
      this.#child[name]?.setEncoding("utf8").on("data", (text: string) => {
        this.#tails[name] = (this.#tails[name] + text).slice(-TAIL_CHARACTERS);
      });
    }
    this.ended = new Promise((resolve) => {
      const end = (how: string): void => resolve({ how, livedMs: start.nowMs() - startedMs });
      // Also comes when a signal could not be sent; then the process is still there and `close` follows later.
      this.#child.on("error", (error) => {
        if (this.#child.pid === undefined) end(error.message);
      });
      this.#child.on("close", (code, signal) => end(signal === null ? `exit code ${code}` : `killed by ${signal}`));
    });
  }

  /** 0 when it could not be started. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The last lines that it printed to standard error, or, without any, to standard output. */
  tail(): string[] {
    const text = this.#tails.stderr.trim() || this.#tails.stdout.trim();
    return text === "" ? [] : text.split("\n").slice(-TAIL_LINES);
  }

  /** Asks it to end gracefully. */
  stop(): void {
    this.#child.kill("SIGTERM");
  }

  /** Ends it and everything that it started, at once. */
  kill(): void {
    if (this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    try {
      if (process.platform === "win32") this.#child.kill("SIGKILL");
      else process.kill(-this.#child.pid, "SIGKILL");
    } catch {
      // It has just ended by itself.
    }
  }
}
