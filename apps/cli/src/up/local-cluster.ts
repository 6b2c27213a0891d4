import { mkdirSync } from "node:fs";
import { type Clock, DisterError, type ErrorCode } from "@dister/types";
import type { StartedNode } from "./announcement.ts";
import type { DaemonProcess } from "./daemon-process.ts";
import type { NodePlan } from "./layout.ts";
import { NodeRunner, type UnexpectedEnd } from "./node-runner.ts";
import { type Look, NodeWatch } from "./node-watch.ts";
import type { UpTuning } from "./tuning.ts";

export interface LocalClusterParts {
  readonly clock: Clock;
  readonly launch: (plan: NodePlan) => DaemonProcess;
  /** Takes one line of news. */
  readonly say: (line: string) => void;
}

/** A whole cluster on this machine: its processes, and what happens to them. */
export class LocalCluster {
  readonly #parts: LocalClusterParts;
  readonly #tuning: UpTuning;
  readonly #runners: readonly NodeRunner[];
  readonly #watch: NodeWatch;
  readonly #over = new AbortController();
  /** Nodes that ended by themselves and are expected back. */
  readonly #gone = new Set<NodeRunner>();
  readonly #allGivenUp = Promise.withResolvers<void>();
  /** Id of the leader, null while none is known. */
  #leader: string | null = null;
  #wake = (): void => {};

  /** Starts every node at once. */
  constructor(plans: readonly NodePlan[], parts: LocalClusterParts, tuning: UpTuning) {
    this.#parts = parts;
    this.#tuning = tuning;
    const { clock, launch } = parts;
    const onUnexpectedEnd = (runner: NodeRunner, end: UnexpectedEnd): void => this.#onUnexpectedEnd(runner, end);
    for (const { logFolder } of plans) mkdirSync(logFolder, { recursive: true, mode: 0o700 });
    this.#runners = plans.map((plan) => new NodeRunner(plan, { clock, launch, onUnexpectedEnd }, tuning));
    this.#watch = new NodeWatch(this.#runners, clock, tuning);
  }

  /** Resolves when every node has been left alone because it ended too often. */
  get allGivenUp(): Promise<void> {
    return this.#allGivenUp.promise;
  }

  /**
   * Waits until every node is ready; from then on nodes that end by themselves are started again.
   * @returns the nodes; none when `stop` was called meanwhile.
   * @throws DisterError `DISTER_ERR_STOPPED` when a node ended, `DISTER_ERR_TIMEOUT` when one was not ready in time, with
   *   the last that it printed.
   */
  async ready(): Promise<readonly StartedNode[]> {
    const { clock } = this.#parts;
    const deadlineMs = clock.nowMs() + this.#tuning.readyMs;
    let looks: readonly Look[] = [];
    await this.#watch.until((seen) => {
      looks = seen;
      const failed = seen.find(({ runner }) => runner.ending !== null);
      if (failed !== undefined) throw failure("DISTER_ERR_STOPPED", failed, "ended while it was starting");
      const waiting = seen.find(({ reason }) => reason !== "");
      if (waiting === undefined) return true;
      if (clock.nowMs() < deadlineMs) return false;
      throw failure("DISTER_ERR_TIMEOUT", waiting, `is not ready after ${this.#tuning.readyMs / 1_000} s`);
    }, this.#over.signal);
    if (this.#over.signal.aborted) return [];
    await this.#watch.learnIds();
    this.#leader = looks[0]!.report!.leader;
    for (const runner of this.#runners) runner.keepRunning();
    void this.#tellNews();
    return this.#runners.map((runner) => {
      const { plan, pid } = runner;
      return { plan, pid, leader: this.#leader !== null && this.#watch.idOf(runner) === this.#leader };
    });
  }

  /**
   * Stops all nodes gracefully, and kills those that do not end in time.
   * @param atOnce - when this resolves, they are killed without waiting any longer.
   * @returns whether all of them ended by themselves or for being late.
   */
  async stop(atOnce: Promise<void>): Promise<"stopped" | "killed"> {
    this.#over.abort();
    this.#wake();
    const { clock, say } = this.#parts;
    const { stopMs } = this.#tuning;
    const gone = Promise.all(this.#runners.map((runner) => runner.stop())).then(() => "gone" as const);
    const late = Promise.withResolvers<"late">();
    const timer = clock.setTimer(stopMs, () => late.resolve("late"));
    const how = await Promise.race([gone, late.promise, atOnce.then(() => "atOnce" as const)]);
    timer.cancel();
    if (how === "late") {
      const names = this.#runners.filter(({ ending }) => ending === null).map(({ plan }) => plan.name);
      say(`${names.join(", ")} did not stop within ${stopMs / 1_000} s: killed`);
    }
    if (how !== "gone") for (const runner of this.#runners) runner.kill();
    await gone;
    return how === "atOnce" ? "killed" : "stopped";
  }

  #onUnexpectedEnd(runner: NodeRunner, { how, pid, restartInMs }: UnexpectedEnd): void {
    const { name, logFolder } = runner.plan;
    const next = restartInMs === null ? `it ends too often and is left alone; see ${logFolder}` : "starting it again";
    this.#parts.say(`${name} (pid ${pid}) ended, ${how}: ${next}`);
    if (this.#watch.idOf(runner) === this.#leader) this.#leader = null;
    if (restartInMs === null) this.#gone.delete(runner);
    else this.#gone.add(runner);
    if (this.#runners.every(({ givenUp }) => givenUp)) this.#allGivenUp.resolve();
    this.#wake();
  }

  /** Tells who leads whenever that has changed, and which nodes are back. */
  async #tellNews(): Promise<void> {
    while (!this.#over.signal.aborted) {
      const looks = await this.#watch.look();
      await this.#watch.learnIds();
      if (this.#over.signal.aborted) return;
      this.#tellLeader(looks);
      this.#tellBack(looks);
      const calm = this.#gone.size === 0 && this.#leader !== null;
      await this.#pause(calm ? this.#tuning.calmMs : this.#tuning.lookMs);
    }
  }

  #tellLeader(looks: readonly Look[]): void {
    // Others may still name one that is gone; who leads says so itself.
    const leads = looks.find(({ runner, report }) => {
      return report?.ready === true && report.leader !== null && report.leader === this.#watch.idOf(runner);
    });
    if (leads === undefined || leads.report!.leader === this.#leader) return;
    this.#leader = leads.report!.leader;
    this.#parts.say(`${leads.runner.plan.name} leads now`);
  }

  #tellBack(looks: readonly Look[]): void {
    for (const { runner, report } of looks) {
      if (report?.ready !== true || !this.#gone.delete(runner)) continue;
      this.#parts.say(`${runner.plan.name} is back (pid ${runner.pid})`);
    }
  }

  /** Waits, until something happens at the longest. */
  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#parts.clock.setTimer(ms, resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}

function failure(code: ErrorCode, { runner, reason }: Look, what: string): DisterError {
  const { name, logFolder } = runner.plan;
  const tail = runner.tail().map((line) => `\n  ${line}`);
  // It may have ended since it was looked at: then that is the reason.
  const message = `${name} ${what}: ${runner.ending?.how ?? reason}; its log is in ${logFolder}${tail.join("")}`;
  return new DisterError(code, {}, { message });
}
