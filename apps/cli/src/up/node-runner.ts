import type { Clock, Timer } from "@dister/types";
import type { DaemonProcess, Ending } from "./daemon-process.ts";
import type { NodePlan } from "./layout.ts";
import type { UpTuning } from "./tuning.ts";

/** What became of a node that ended by itself. */
export interface UnexpectedEnd extends Ending {
  readonly pid: number;
  /** When it is started again; null when it ended too often and is left alone. */
  readonly restartInMs: number | null;
}

export interface NodeRunnerParts {
  readonly clock: Clock;
  readonly launch: (plan: NodePlan) => DaemonProcess;
  /** Called once for every end that nobody asked for, from `keepRunning` on. */
  readonly onUnexpectedEnd: (runner: NodeRunner, end: UnexpectedEnd) => void;
}

/** Runs one node: starts it, starts it again when it ends by itself, and stops it. */
export class NodeRunner {
  readonly plan: NodePlan;
  readonly #parts: NodeRunnerParts;
  readonly #tuning: UpTuning;
  #daemon: DaemonProcess;
  #ending: Ending | null = null;
  #kept = false;
  #stopping = false;
  #givenUp = false;
  #quickEnds = 0;
  #restart: Timer | null = null;

  /** Starts the node at once. */
  constructor(plan: NodePlan, parts: NodeRunnerParts, tuning: UpTuning) {
    this.plan = plan;
    this.#parts = parts;
    this.#tuning = tuning;
    this.#daemon = this.#launch();
  }

  /** How the process ended, null while it runs. */
  get ending(): Ending | null {
    return this.#ending;
  }

  /** True when it ended too often to be started again. */
  get givenUp(): boolean {
    return this.#givenUp;
  }

  get pid(): number {
    return this.#daemon.pid;
  }

  /** The last lines that the process printed. */
  tail(): string[] {
    return this.#daemon.tail();
  }

  /** From now on an end that nobody asked for is followed by a new start. */
  keepRunning(): void {
    this.#kept = true;
    if (this.#ending !== null) this.#afterEnd(this.#ending);
  }

  /** Asks the process to end and starts it no more. Resolves when it is gone. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#restart?.cancel();
    if (this.#ending !== null) return;
    this.#daemon.stop();
    await this.#daemon.ended;
  }

  /** Ends the process at once; what `stop` returned resolves soon after. */
  kill(): void {
    this.#daemon.kill();
  }

  #launch(): DaemonProcess {
    const daemon = this.#parts.launch(this.plan);
    this.#ending = null;
    void daemon.ended.then((ending) => {
      this.#ending = ending;
      if (this.#kept) this.#afterEnd(ending);
    });
    return daemon;
  }

  #afterEnd(ending: Ending): void {
    if (this.#stopping) return;
    const { quickMs, quickRestartsMax, restartMs, restartMsMax } = this.#tuning;
    this.#quickEnds = ending.livedMs < quickMs ? this.#quickEnds + 1 : 0;
    this.#givenUp = this.#quickEnds > quickRestartsMax;
    const delayMs = Math.min(restartMs * 2 ** Math.max(0, this.#quickEnds - 1), restartMsMax);
    if (!this.#givenUp) {
      this.#restart = this.#parts.clock.setTimer(delayMs, () => {
        this.#daemon = this.#launch();
      });
    }
    const restartInMs = this.#givenUp ? null : delayMs;
    this.#parts.onUnexpectedEnd(this, { ...ending, pid: this.pid, restartInMs });
  }
}
