import type { ClusterResult, FinishedPhase } from "./cluster-run.ts";
import type { Violation } from "./phase-run.ts";
import { addCounts, type Counts, noCounts } from "./workload/tally.ts";

/** The whole run in a form for machines. */
export interface Report {
  readonly seed: number;
  readonly minutes: number;
  readonly passed: boolean;
  readonly clusters: readonly ClusterReport[];
}

export interface ClusterReport {
  readonly size: number;
  readonly phases: readonly {
    readonly number: number;
    readonly seed: number;
    readonly nemeses: readonly string[];
    readonly leaderChanges: number;
    readonly outageMs: number;
    readonly recoveryMs: number;
    readonly ownDelayMs: number;
  }[];
  /** How often each nemesis did what. */
  readonly acts: Record<string, Record<string, number>>;
  readonly unavailable: Record<string, string>;
  readonly operations: Record<string, Counts>;
  /** Why operations were refused or stayed unknown. */
  readonly reasons: Record<string, number>;
  readonly logErrors: Record<string, number>;
  readonly violations: readonly Violation[];
}

export function clusterReport(result: ClusterResult): ClusterReport {
  const acts: Record<string, Record<string, number>> = {};
  const operations: Record<string, Counts> = {};
  const reasons: Record<string, number> = {};
  for (const phase of result.phases) {
    for (const [name, done] of phase.acts) {
      acts[name] ??= {};
      for (const [what, count] of done) acts[name][what] = (acts[name][what] ?? 0) + count;
    }
    for (const [name, counts] of phase.counts) {
      operations[name] ??= noCounts();
      addCounts(operations[name], counts);
    }
    for (const [reason, count] of phase.reasons) reasons[reason] = (reasons[reason] ?? 0) + count;
  }
  return {
    size: result.size,
    phases: result.phases.map(({ phase, leaderChanges, outageMs, recoveryMs, ownDelayMs }) => ({
      number: phase.number,
      seed: phase.seed,
      nemeses: phase.nemeses,
      leaderChanges,
      outageMs: Math.round(outageMs),
      recoveryMs: Math.round(recoveryMs),
      ownDelayMs: Math.round(ownDelayMs),
    })),
    acts,
    unavailable: Object.fromEntries(result.unavailable),
    operations,
    reasons,
    logErrors: Object.fromEntries(result.logErrors),
    violations: [...result.phases.flatMap(({ violations }) => violations), ...result.violations],
  };
}

/** One line for a phase that has just ended. */
export function phaseLine(
  { size, of, sinceMs }: { size: number; of: number; sinceMs: number },
  { phase, ...result }: FinishedPhase,
): string {
  const total = noCounts();
  for (const counts of result.counts.values()) addCounts(total, counts);
  return [
    `${seconds(sinceMs)}: ${size} nodes, phase ${phase.number}/${of}`,
    phase.nemeses.join(" + "),
    `leader changes ${result.leaderChanges}`,
    `ok ${total.ok}, refused ${total.refused}, unknown ${total.unknown}`,
    `longest write outage ${seconds(result.outageMs)}`,
    `recovery ${seconds(result.recoveryMs)}`,
    // More than a hiccup: the machine has too little time for this run, and its times say little of the product.
    ...(result.ownDelayMs < OWN_DELAY_MS_TOLD ? [] : [`this tool itself late by ${seconds(result.ownDelayMs)}`]),
    ...(result.violations.length === 0 ? [] : [`${result.violations.length} VIOLATIONS`]),
  ].join(" | ");
}

/** The table at the end. */
export function reportText({ seed, clusters }: Report): string {
  return [`seed ${seed}`, ...clusters.flatMap((cluster) => ["", ...clusterText(cluster)])].join("\n");
}

function clusterText(cluster: ClusterReport): string[] {
  const outages = cluster.phases.map(({ outageMs }) => outageMs).sort((a, b) => a - b);
  const recoveries = cluster.phases.map(({ recoveryMs }) => recoveryMs).sort((a, b) => a - b);
  const changes = cluster.phases.reduce((sum, { leaderChanges }) => sum + leaderChanges, 0);
  const acts = Object.entries(cluster.acts).map(([name, done]) => [
    name,
    String(Object.values(done).reduce((sum, count) => sum + count, 0)),
    Object.entries(done)
      .map(([what, count]) => `${what} ${count}`)
      .join(", "),
  ]);
  const skipped = Object.entries(cluster.unavailable).map(([name, reason]) => [name, "-", reason]);
  const operations = Object.entries(cluster.operations).map(([name, { ok, refused, unknown, heldBack }]) =>
    [name, ok, refused, unknown, heldBack].map(String),
  );
  return [
    `${cluster.size} nodes, ${cluster.phases.length} phases, ${changes} leader changes`,
    `longest write outage of a phase: median ${seconds(median(outages))}, longest ${seconds(outages.at(-1) ?? 0)}`,
    `recovery: median ${seconds(median(recoveries))}, longest ${seconds(recoveries.at(-1) ?? 0)}`,
    "",
    ...table([["nemesis", "acts", "of these"], ...acts, ...skipped]),
    "",
    ...table([["workload", "ok", "refused", "unknown", "held back"], ...operations]),
    "",
    "refused or unknown because of:",
    ...Object.entries(cluster.reasons).map(([reason, count]) => `  ${count} x ${reason}`),
    ...(Object.keys(cluster.logErrors).length === 0 ? [] : ["", "errors in the logs of the nodes:"]),
    ...Object.entries(cluster.logErrors).map(([message, count]) => `  ${count} x ${message}`),
    "",
    cluster.violations.length === 0 ? "no violation" : `${cluster.violations.length} violations:`,
    ...cluster.violations
      .slice(0, VIOLATIONS_SHOWN)
      .map(({ check, message }) => `  ${check}: ${message.slice(0, 1_500)}`),
  ];
}

const VIOLATIONS_SHOWN = 20;
const OWN_DELAY_MS_TOLD = 500;

function table(rows: readonly (readonly string[])[]): string[] {
  const columns = rows[0]?.length ?? 0;
  const widths = Array.from({ length: columns }, (_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, i) => (i === columns - 1 ? cell : cell.padEnd(widths[i]!)))
      .join("  ")
      .trimEnd(),
  );
}

function median(sorted: readonly number[]): number {
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
