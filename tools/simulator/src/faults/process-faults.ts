import type { Cluster } from "../world/cluster.ts";
import type { Machine } from "../world/machine.ts";
import type { DoFault } from "./do-fault.ts";
import type { Fault } from "./plan.ts";

/** The machine that a fault means: the leader's, one time in three. */
export function whomOf({ machines, leader }: Cluster, { whom }: Fault): Machine {
  if (whom < 1 / 3 && leader !== undefined) return leader.machine;
  return machines[Math.floor(((whom * 7919) % 1) * machines.length)]!;
}

/** Each of some machines, at least one. */
function someOf({ machines }: Cluster, { whom, how }: Fault): Machine[] {
  const count = 1 + Math.floor(how * machines.length);
  const first = Math.floor(whom * machines.length);
  return Array.from({ length: count }, (_, at) => machines[(first + at) % machines.length]!);
}

function end(cluster: Cluster, machine: Machine, fault: Fault, how: "kill" | "power"): void {
  machine.restartAtMs = cluster.world.nowMs + fault.forMs;
  machine.kill(how);
}

export const PROCESS_FAULTS = {
  "process.kill": (cluster, fault) => end(cluster, whomOf(cluster, fault), fault, "kill"),
  "process.power": (cluster, fault) => end(cluster, whomOf(cluster, fault), fault, "power"),
  "process.crash-at-io": (cluster, fault) => {
    const machine = whomOf(cluster, fault);
    if (machine.process === null) return;
    machine.disk.haltAfter(Math.floor(fault.how * 12));
    // A node that writes nothing is not halted by a write.
    cluster.world.after(fault.forMs, `power of ${machine.name} goes`, () => end(cluster, machine, fault, "power"));
  },
  "process.power-all": (cluster, fault) => {
    const down = fault.more < 0.5 ? cluster.machines : someOf(cluster, fault);
    for (const machine of down) end(cluster, machine, fault, fault.more < 0.8 ? "power" : "kill");
  },
  "process.pause": (cluster, fault) => {
    const { process } = whomOf(cluster, fault);
    if (process === null) return;
    if (process.raft !== null && process.status.role === "leader") cluster.world.coverage.reached("paused leader");
    process.pause();
    cluster.world.after(fault.forMs, `${process.name} goes on`, () => process.resume());
  },
  "process.stutter": (cluster, fault) => {
    const { process } = whomOf(cluster, fault);
    if (process === null) return;
    const stepMs = 5 + fault.how * 60;
    for (let atMs = 0; atMs < fault.forMs; atMs += 2 * stepMs) {
      cluster.world.after(atMs, `${process.name} stops`, () => process.pause());
      cluster.world.after(atMs + stepMs, `${process.name} goes on`, () => process.resume());
    }
  },
} as const satisfies Record<string, DoFault>;
