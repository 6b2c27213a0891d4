import type { Tally } from "./tally.ts";
import type { Workload } from "./workload.ts";

/** Operations of one workload that may be under way at once. */
const UNDER_WAY_MAX = 24;
const TICK_MS = 10;

/** Runs workloads at their rates, whether the cluster keeps up or not. */
export class Load {
  readonly #tally: Tally;
  readonly #lanes: { workload: Workload; underWay: Set<Promise<void>>; begun: number }[];
  readonly #startedMs = performance.now();
  readonly #timer: NodeJS.Timeout;

  constructor(workloads: readonly Workload[], tally: Tally) {
    this.#tally = tally;
    this.#lanes = workloads.map((workload) => ({ workload, underWay: new Set(), begun: 0 }));
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Begins nothing more, and waits for what is under way. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#lanes.flatMap(({ underWay }) => [...underWay]));
  }

  #tick(): void {
    const elapsedMs = performance.now() - this.#startedMs;
    for (const lane of this.#lanes) {
      const due = Math.floor((elapsedMs * lane.workload.perSecond) / 1_000);
      for (; lane.begun < due; lane.begun++) {
        if (lane.underWay.size >= UNDER_WAY_MAX) this.#tally.of(lane.workload.name).heldBack++;
        else this.#begin(lane);
      }
    }
  }

  #begin({ workload, underWay }: { workload: Workload; underWay: Set<Promise<void>> }): void {
    const step: Promise<void> = workload.step().finally(() => underWay.delete(step));
    underWay.add(step);
  }
}
