import type { Cluster } from "../world/cluster.ts";
import { USUAL_DISK } from "../world/disk.ts";
import { CALM } from "../world/network.ts";
import { CRASH_FAULTS } from "./crash-faults.ts";
import { DISK_FAULTS } from "./disk-faults.ts";
import type { DoFault } from "./do-fault.ts";
import { LEADER_STORIES } from "./leader-stories.ts";
import { MEMBER_STORIES } from "./member-stories.ts";
import { NETWORK_FAULTS } from "./network-faults.ts";
import { OPERATOR_FAULTS } from "./operator-faults.ts";
import type { Fault, FaultKind } from "./plan.ts";
import { PROCESS_FAULTS } from "./process-faults.ts";
import { TIME_FAULTS } from "./time-faults.ts";

const MENU: Readonly<Record<FaultKind, DoFault>> = {
  ...PROCESS_FAULTS,
  ...CRASH_FAULTS,
  ...LEADER_STORIES,
  ...MEMBER_STORIES,
  ...NETWORK_FAULTS,
  ...DISK_FAULTS,
  ...TIME_FAULTS,
  ...OPERATOR_FAULTS,
};

/** Lets the faults happen at their times, and starts again what has stopped. */
export class Storm {
  readonly #cluster: Cluster;

  constructor(cluster: Cluster, faults: readonly Fault[]) {
    this.#cluster = cluster;
    const { world } = cluster;
    for (const fault of faults) {
      world.after(fault.atMs, `fault ${fault.number} ${fault.kind}`, () => {
        if (!cluster.isCalm) MENU[fault.kind](cluster, fault);
      });
    }
    this.#supervise();
  }

  /** What ended is started again after a while, as a supervisor of processes does. */
  #supervise(): void {
    const { world, machines, setting } = this.#cluster;
    const { electionTimeoutMs } = setting.raft;
    const dice = world.dice("supervisor");
    for (const machine of machines) {
      const look = (): void => {
        if (machine.process === null && machine.restartAtMs <= world.nowMs) machine.start();
        world.after(electionTimeoutMs * dice.between(0.1, 1), `supervisor of ${machine.name}`, look);
      };
      look();
    }
  }

  /** Everything is well again. */
  calm(): void {
    const { network, machines, moments } = this.#cluster;
    this.#cluster.isCalm = true;
    moments.clear();
    this.#cluster.attraction = null;
    network.heal();
    network.setWeather(CALM);
    for (const machine of machines) {
      machine.disk.setSpeed(USUAL_DISK);
      machine.disk.setFull(false);
      machine.disk.clearFaults();
      machine.clock.setRate(1);
      machine.restartAtMs = 0;
      machine.process?.resume();
    }
  }
}
