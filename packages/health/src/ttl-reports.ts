import type { Clock } from "@dister/types";
import type { ProbeResult } from "./probe.ts";

/** What a `ttl` check asks the reports for. */
export interface TtlQuestion {
  /** Names the target, as its reports do. */
  readonly key: string;
  /** Milliseconds for which a report counts. */
  readonly ttlMs: number;
}

/**
 * What applications report of themselves, for targets that nobody connects to. Kept in memory: whoever begins to check
 * leaves each status as it is until a report of each could have come.
 */
export class TtlReports {
  readonly #clock: Pick<Clock, "nowMs">;
  readonly #reports = new Map<string, { readonly ok: boolean; readonly atMs: number }>();
  readonly #askedSinceMs = new Map<string, number>();

  constructor(clock: Pick<Clock, "nowMs">) {
    this.#clock = clock;
  }

  /** Takes a report; the last one of a target counts. */
  report(key: string, ok: boolean): void {
    this.#reports.set(key, { ok, atMs: this.#clock.nowMs() });
  }

  /** The result of a check: ok while the last report is no older than its time, and said so; null until one could have come. */
  check({ key, ttlMs }: TtlQuestion): ProbeResult | null {
    const nowMs = this.#clock.nowMs();
    const report = this.#reports.get(key);
    if (report === undefined) {
      const sinceMs = this.#askedSinceMs.get(key) ?? nowMs;
      this.#askedSinceMs.set(key, sinceMs);
      return nowMs - sinceMs <= ttlMs ? null : { ok: false, latencyMs: 0, output: "no report yet" };
    }
    if (nowMs - report.atMs > ttlMs) return { ok: false, latencyMs: 0, output: `no report within ${ttlMs} ms` };
    return { ok: report.ok, latencyMs: 0, output: report.ok ? "reported alive" : "reported dead" };
  }

  /** Forgets all targets but these. */
  keep(keys: ReadonlySet<string>): void {
    for (const map of [this.#reports, this.#askedSinceMs]) {
      for (const key of map.keys()) if (!keys.has(key)) map.delete(key);
    }
  }
}
