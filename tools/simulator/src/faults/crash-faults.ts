import type { Cluster } from "../world/cluster.ts";
import type { Process } from "../world/process.ts";
import type { DoFault } from "./do-fault.ts";
import { MOMENTS, type Moment } from "./moments.ts";
import type { Fault } from "./plan.ts";
import { whomOf } from "./process-faults.ts";

/** Moments that are the beginning of several steps on the disk: the power goes in the middle of them. */
const IN_STEPS: readonly Moment[] = ["replaces its log", "compacts its log", "overwrites its log", "begins a sync"];

/** What a power loss keeps of what was not synced: nothing, all of it, or a drawn share. */
export function keptOf(number: number): number | undefined {
  return number < 0.4 ? 0 : number < 0.7 ? 1 : undefined;
}

/** Digits of a number of a fault that nothing else uses. */
function digits(number: number, factor: number): number {
  return (number * factor) % 1;
}

/** Loses the power of a machine the moment that it does something; of every machine, when all are meant. */
function crashAt(cluster: Cluster, fault: Fault): void {
  const moment = MOMENTS[Math.floor(fault.how * MOMENTS.length)]!;
  const nth = 1 + Math.floor(digits(fault.how, 7919) * 3);
  const keep = keptOf(digits(fault.more, 7919));
  const spring = (process: Process): void => {
    const { machine } = process;
    machine.restartAtMs = cluster.world.nowMs + fault.forMs;
    cluster.world.coverage.reached("crash at a chosen moment");
    const isHalted = IN_STEPS.includes(moment) && digits(fault.more, 31) < 0.6;
    if (isHalted) machine.disk.haltAfter(Math.floor(digits(fault.more, 104_729) * 8));
    else machine.kill("power", keep);
  };
  if (fault.more < 0.2) {
    for (const { id } of cluster.machines) cluster.moments.at(moment, { machine: id, nth }, spring);
  } else {
    const machine = fault.more < 0.6 ? undefined : whomOf(cluster, fault).id;
    cluster.moments.at(moment, { machine, nth }, spring);
  }
}

export const CRASH_FAULTS = { "process.crash-at": crashAt } as const satisfies Record<string, DoFault>;
