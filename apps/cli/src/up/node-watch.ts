import { type Client, createClient, type HealthReport } from "@dister/client";
import type { Clock } from "@dister/types";
import type { NodeRunner } from "./node-runner.ts";
import type { UpTuning } from "./tuning.ts";

/** What one look at a node found: its own report, or why there is none. */
export interface Look {
  readonly runner: NodeRunner;
  readonly report: HealthReport | null;
  /** Empty for a node that is ready. */
  readonly reason: string;
}

/** Looks at the nodes through their API. */
export class NodeWatch {
  readonly #clients: ReadonlyMap<NodeRunner, Client>;
  readonly #clock: Clock;
  readonly #tuning: UpTuning;
  readonly #ids = new Map<NodeRunner, string>();

  constructor(runners: readonly NodeRunner[], clock: Clock, tuning: UpTuning) {
    const clientOf = (runner: NodeRunner): Client =>
      createClient({ urls: runner.plan.url, timeoutMs: tuning.answerMs, retries: 0 });
    this.#clients = new Map(runners.map((runner) => [runner, clientOf(runner)]));
    this.#clock = clock;
    this.#tuning = tuning;
  }

  /** Looks at every node once. */
  look(): Promise<Look[]> {
    return Promise.all(
      [...this.#clients].map(async ([runner, client]) => {
        if (runner.ending !== null) return { runner, report: null, reason: runner.ending.how };
        try {
          const report = await client.health();
          return { runner, report, reason: report.ready ? "" : (report.reason ?? "not ready") };
        } catch (error) {
          return { runner, report: null, reason: (error as Error).message };
        }
      }),
    );
  }

  /** Looks again and again, until `seen` says that it has seen what it waits for or `signal` ends it. */
  async until(seen: (looks: readonly Look[]) => boolean, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !seen(await this.look())) {
      await new Promise<void>((resolve) => this.#clock.setTimer(this.#tuning.lookMs, resolve));
    }
  }

  /** Asks every node for its id, which stays the same for ever, unless it is known already. */
  async learnIds(): Promise<void> {
    await Promise.all(
      [...this.#clients].map(async ([runner, client]) => {
        if (this.#ids.has(runner)) return;
        try {
          const { id } = (await client.status())["node"] as { id: string };
          this.#ids.set(runner, id);
        } catch {
          // Asked again at the next occasion; until then nobody is told when it leads.
        }
      }),
    );
  }

  idOf(runner: NodeRunner): string | undefined {
    return this.#ids.get(runner);
  }
}
