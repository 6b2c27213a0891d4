import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Chance } from "./chance.ts";
import { type LogFindings, logViolations, readNodeLogs } from "./check/node-logs.ts";
import { Cluster } from "./cluster.ts";
import { NEMESES } from "./nemesis/nemeses.ts";
import type { NetworkKind } from "./network/peer-network.ts";
import { type PhaseResult, runPhase, type Violation } from "./phase-run.ts";
import { type Phase, scheduleOf } from "./schedule.ts";
import type { DiskKind } from "./small-disk.ts";
import { History } from "./workload/history.ts";

/** What one cluster went through. */
export interface ClusterResult {
  readonly size: number;
  readonly phases: readonly FinishedPhase[];
  /** Nemeses that this machine cannot have, with the reason. */
  readonly unavailable: ReadonlyMap<string, string>;
  /** Of the whole life of the cluster. */
  readonly violations: readonly Violation[];
  readonly logErrors: ReadonlyMap<string, number>;
}

/** A phase with what the logs say of it. */
export interface FinishedPhase extends PhaseResult {
  readonly leaderChanges: number;
}

export interface ClusterRunOptions {
  readonly folder: string;
  readonly size: number;
  readonly diskKind: DiskKind;
  readonly networkKind: NetworkKind;
  readonly seed: number;
  readonly totalMs: number;
  readonly nemeses: readonly string[];
  /** Copies the data of the nodes off their disks whatever was found. */
  readonly keep: boolean;
  readonly signal: AbortSignal;
  readonly onPhase: (phase: FinishedPhase, of: number) => void;
}

/** Takes a new cluster through all its phases, up to the first that ends with a violation. */
export async function runCluster(options: ClusterRunOptions): Promise<ClusterResult> {
  const { folder, seed } = options;
  const cluster = await Cluster.start({ ...options, chance: new Chance(seed) });
  try {
    const unavailable = new Map<string, string>();
    for (const name of options.nemeses) {
      const reason = NEMESES.get(name)!.unavailable(cluster);
      if (reason !== undefined) unavailable.set(name, reason);
    }
    const nemeses = options.nemeses.filter((name) => !unavailable.has(name));
    const schedule = scheduleOf({ seed, totalMs: options.totalMs, nemeses });
    const phases = await runPhases(cluster, schedule, options);
    const violations = [...(await stillThere(phases)), ...exitsAndLogs(cluster, readNodeLogs(cluster.nodes))];
    const isBad = violations.length > 0 || phases.some((phase) => phase.violations.length > 0);
    if (isBad || options.keep) await keepEvidence(cluster, phases, folder);
    return { size: options.size, phases, unavailable, violations, logErrors: readNodeLogs(cluster.nodes).errors };
  } finally {
    await cluster.close();
  }
}

async function runPhases(
  cluster: Cluster,
  schedule: readonly Phase[],
  { signal, onPhase }: ClusterRunOptions,
): Promise<FinishedPhase[]> {
  const phases: FinishedPhase[] = [];
  let leaders = readNodeLogs(cluster.nodes).leaders.size;
  for (const phase of schedule) {
    if (signal.aborted) break;
    const result = await runPhase(cluster, phase, signal);
    const findings = readNodeLogs(cluster.nodes);
    const finished = { ...result, leaderChanges: findings.leaders.size - leaders };
    leaders = findings.leaders.size;
    phases.push(finished);
    onPhase(finished, schedule.length);
    // What follows a violation proves nothing, and would bury the evidence.
    if (result.violations.length > 0 || exitsAndLogs(cluster, findings).length > 0) break;
  }
  return phases;
}

/** What was acknowledged in an early phase has to be there after the last one. */
async function stillThere(phases: readonly PhaseResult[]): Promise<Violation[]> {
  const violations: Violation[] = [];
  if (phases.some((phase) => phase.violations.length > 0)) return violations;
  for (const { phase, workloads } of phases) {
    for (const workload of workloads.filter(({ name }) => name === "set" || name === "append")) {
      await workload.settle().catch((error: unknown) => {
        violations.push({ check: workload.name, message: `reads after the last phase failed: ${String(error)}` });
      });
      const found = workload.violations();
      violations.push(
        ...found.map((message) => ({ check: workload.name, message: `of phase ${phase.number}: ${message}` })),
      );
    }
  }
  return violations;
}

function exitsAndLogs(cluster: Cluster, findings: LogFindings): Violation[] {
  return [
    ...cluster.unexpectedExits.map((exit) => ({ check: "unexpected exit", message: JSON.stringify(exit) })),
    ...logViolations(findings).map((message) => ({ check: "node logs", message })),
  ];
}

/** The disks end with the run: what lies on them is copied, with the histories that were checked. */
async function keepEvidence(cluster: Cluster, phases: readonly PhaseResult[], folder: string): Promise<void> {
  await Promise.all(cluster.nodes.map((node) => node.end("SIGKILL")));
  for (const node of cluster.nodes) cpSync(node.dataFolder, join(folder, "data", node.name), { recursive: true });
  for (const { phase, workloads } of phases.slice(-1)) {
    for (const workload of workloads) {
      if (!("history" in workload) || !(workload.history instanceof History)) continue;
      const path = join(folder, `phase${phase.number}.${workload.name}.history.json`);
      writeFileSync(path, workload.history.operations.map((operation) => JSON.stringify(operation)).join("\n"));
    }
  }
}
