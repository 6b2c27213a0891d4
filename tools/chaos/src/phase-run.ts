import { monitorEventLoopDelay } from "node:perf_hooks";
import { Chance } from "./chance.ts";
import { comesToRest, nodeDifferences } from "./check/equal-nodes.ts";
import type { Cluster } from "./cluster.ts";
import { NEMESES } from "./nemesis/nemeses.ts";
import { holds, rest } from "./rest.ts";
import type { Phase } from "./schedule.ts";
import { Load } from "./workload/load.ts";
import { type Counts, Tally } from "./workload/tally.ts";
import type { Workload } from "./workload/workload.ts";
import { type PhaseWorkloads, workloadsOf } from "./workload/workloads.ts";

/** A calm time under load behind the recovery: whoever is healed must also serve. */
const CALM_MS = 1_500;
/** Clients are at work this long before trouble begins. */
const LEAD_MS = 500;
/** A nemesis that had no chance to act in its time gets so much more. */
const FIRST_ACT_MS = 12_000;
const NOTHING_TO_DO_MS = 100;

/** Something that must not be, and where it was found. */
export interface Violation {
  readonly check: string;
  readonly message: string;
}

/** What a phase came to. */
export interface PhaseResult {
  readonly phase: Phase;
  /** How often each nemesis did what. */
  readonly acts: ReadonlyMap<string, ReadonlyMap<string, number>>;
  readonly counts: ReadonlyMap<string, Counts>;
  readonly reasons: ReadonlyMap<string, number>;
  /** Longest time in which no write of anybody was acknowledged. */
  readonly outageMs: number;
  /** From the end of trouble until every node served. */
  readonly recoveryMs: number;
  /** How late this process itself was at most: it carries the links and measures, so every other time may be off by that. */
  readonly ownDelayMs: number;
  readonly violations: readonly Violation[];
  readonly workloads: readonly Workload[];
}

/** Makes trouble under load, heals, waits, reads everything and checks. Ends early, in good order, when the signal comes. */
export async function runPhase(cluster: Cluster, phase: Phase, signal: AbortSignal): Promise<PhaseResult> {
  const delays = monitorEventLoopDelay({ resolution: 10 });
  delays.enable();
  const chance = new Chance(phase.seed);
  const tally = new Tally();
  const set = workloadsOf({ cluster, chance: chance.fork("workloads"), tally, prefix: `phase${phase.number}/` });
  const violations: Violation[] = [];
  const load = new Load(set.all, tally);
  await rest(LEAD_MS, signal);
  const trouble = new Trouble(cluster, phase, {
    chance,
    accuse: (message) => violations.push({ check: "nemesis", message }),
  });
  await rest(phase.troubleMs, signal);
  await holds(() => trouble.hasActed, FIRST_ACT_MS, signal);
  await trouble.end();

  cluster.heal();
  const healedMs = performance.now();
  const recovered = await cluster.recovered();
  const recoveryMs = performance.now() - healedMs;
  if (recovered) await rest(CALM_MS);
  else {
    const message = `not every node serves and is whole ${Math.round(recoveryMs)} ms after all is healed`;
    violations.push({ check: "recovery", message });
  }
  set.append.stop();
  await load.stop();
  const outageMs = tally.longestOutageMs();
  delays.disable();
  const ownDelayMs = delays.max / 1e6;
  // What does not serve cannot be read; what clients have seen until then is judged all the same.
  const hasUnknown = [...tally.counts.values()].some(({ unknown }) => unknown > 0);
  if (recovered && hasUnknown) await comesToRest(cluster);
  if (recovered) violations.push(...(await finalReads(cluster, set)));
  for (const workload of set.all) {
    violations.push(...workload.violations().map((message) => ({ check: workload.name, message })));
  }
  const times = { outageMs, recoveryMs, ownDelayMs };
  return {
    phase,
    acts: trouble.acts,
    counts: tally.counts,
    reasons: tally.reasons,
    ...times,
    violations,
    workloads: set.all,
  };
}

/** Reads everything at every node, and compares the nodes. */
async function finalReads(cluster: Cluster, { all }: PhaseWorkloads): Promise<Violation[]> {
  const violations: Violation[] = [];
  for (const workload of all) {
    await workload.settle().catch((error: unknown) => {
      violations.push({ check: workload.name, message: `the final reads failed: ${String(error)}` });
    });
  }
  const differences = await nodeDifferences(cluster).catch((error: unknown) => [String(error)]);
  violations.push(...differences.map((message) => ({ check: "equal nodes", message })));
  return violations;
}

/** The nemeses of a phase, each acting again and again; the more there are the less often, so that something still works. */
class Trouble {
  readonly acts = new Map<string, Map<string, number>>();
  readonly #ending = new AbortController();
  readonly #loops: readonly Promise<void>[];
  readonly #parts: { cluster: Cluster; chance: Chance; accuse: (violation: string) => void };

  constructor(
    cluster: Cluster,
    { nemeses }: Phase,
    { chance, accuse }: { chance: Chance; accuse: (violation: string) => void },
  ) {
    this.#parts = { cluster, chance, accuse };
    for (const name of nemeses) this.acts.set(name, new Map());
    this.#loops = nemeses.map((name) => this.#loop(name));
  }

  get hasActed(): boolean {
    return [...this.acts.values()].every((acts) => acts.size > 0);
  }

  async end(): Promise<void> {
    this.#ending.abort();
    await Promise.all(this.#loops);
  }

  async #loop(name: string): Promise<void> {
    const { cluster, accuse } = this.#parts;
    const { signal } = this.#ending;
    const chance = this.#parts.chance.fork(name);
    const acts = this.acts.get(name)!;
    while (!signal.aborted) {
      const what = await NEMESES.get(name)!.act({ cluster, chance, signal, accuse });
      if (what !== undefined) acts.set(what, (acts.get(what) ?? 0) + 1);
      await rest(what === undefined ? NOTHING_TO_DO_MS : this.acts.size * chance.magnitude(100, 2_000), signal);
    }
  }
}
