import {
  CheckScheduler,
  type CheckTarget,
  type CustomChecks,
  type ProbeResult,
  probeFor,
  sharedLookup,
  TtlReports,
} from "@dister/health";
import type { Clock, Logger, Rng } from "@dister/types";
import { type KnownInstance, statusInForce } from "./instances.ts";
import type { Vote } from "./verdicts.ts";

/** How this node checks. */
export interface CheckerOptions {
  readonly custom: CustomChecks;
  /** Part of its interval by which each check comes later, drawn anew each time, where an instance does not say it. */
  readonly jitter: number;
}

interface Target extends CheckTarget {
  readonly known: KnownInstance;
}

/** Runs the checks that are this node's, and knows what they come to. */
export class Checker {
  readonly #custom: CustomChecks;
  readonly #scheduler: CheckScheduler<Target>;
  readonly #targets = new Map<string, Target>();
  readonly #reports: TtlReports;
  readonly #lookup = sharedLookup();

  /** @param parts.onState - hears that what the checks of an instance come to has changed. */
  constructor(
    parts: { clock: Clock; rng: Rng; logger: Logger; onState: (key: string) => void },
    { custom, jitter }: CheckerOptions,
  ) {
    const { clock, rng, logger, onState } = parts;
    this.#custom = custom;
    this.#reports = new TtlReports(clock);
    const prober = (target: Target, signal: AbortSignal) => this.#check(target, signal);
    this.#scheduler = new CheckScheduler<Target>({ clock, rng, logger, prober, onState }, { jitter });
  }

  /** Checks these and no others; one that is defined as before goes on, with what was counted and reported. */
  update(instances: Iterable<KnownInstance>): void {
    this.#targets.clear();
    for (const known of instances) this.#targets.set(known.key, targetOf(known));
    this.#reports.keep(new Set(this.#targets.keys()));
    this.#scheduler.update([...this.#targets.values()]);
  }

  /** What is in force has changed: a check that has found nothing yet counts from there. */
  inForce({ key, instance }: KnownInstance): void {
    this.#scheduler.inForce(key, statusInForce(instance));
  }

  /** Keys of what is checked here. */
  keys(): IterableIterator<string> {
    return this.#targets.keys();
  }

  /** What the checks of an instance come to here; undefined for one that is not checked here, or was not yet. */
  vote(key: string): Vote | undefined {
    const target = this.#targets.get(key);
    const report = this.#scheduler.report(key);
    if (target === undefined || report === undefined || report.checks === 0) return undefined;
    const { state, output = "", latencyMs = null, checks } = report;
    const status = state === "unknown" ? null : state === "alive" ? 1 : 0;
    return { key, definedIndex: target.definedIndex, status, output, latencyMs, checks };
  }

  /** An application says of itself that it is alive, or not; its next check counts it. */
  report(key: string, alive: boolean): void {
    this.#reports.report(key, alive);
  }

  /** Checks that were started, how many of them late, and the latest of all in milliseconds behind its time. */
  figures() {
    return { ...this.#scheduler.counts(), ...this.#scheduler.lateness() };
  }

  stop(): void {
    this.#scheduler.stop();
  }

  async #check({ key, known: { type, instance } }: Target, signal: AbortSignal): Promise<ProbeResult | null> {
    if (type === "ttl") return this.#reports.check({ key, ttlMs: Number(instance.ttl) });
    return probeFor(type, instance, { custom: this.#custom, lookup: this.#lookup })(signal);
  }
}

function targetOf(known: KnownInstance): Target {
  const { key, instance } = known;
  return {
    key,
    definedIndex: instance.definedIndex,
    intervalMs: Number(instance.interval),
    timeoutMs: Number(instance.timeout),
    rise: Number(instance.rise),
    fall: Number(instance.fall),
    jitter: instance.jitter === undefined ? undefined : Number(instance.jitter) / 100,
    status: statusInForce(instance),
    known,
  };
}
