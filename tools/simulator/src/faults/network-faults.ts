import type { NodeId } from "@dister/types";
import type { Cluster } from "../world/cluster.ts";
import { CALM } from "../world/network.ts";
import type { DoFault } from "./do-fault.ts";
import type { Fault } from "./plan.ts";
import { whomOf } from "./process-faults.ts";

/** Cuts every direction for which `isCut` says so, and heals everything when the time is over. */
function cutWhere(cluster: Cluster, fault: Fault, isCut: (from: NodeId, to: NodeId) => boolean): void {
  const { network, machines, world } = cluster;
  for (const from of machines) {
    for (const to of machines) if (from !== to && isCut(from.id, to.id)) network.cut(from.id, to.id);
  }
  world.after(fault.forMs, "network heals", () => network.heal());
}

export const NETWORK_FAULTS = {
  "network.cut-leader": (cluster, fault) => {
    const alone = (cluster.leader?.machine ?? whomOf(cluster, fault)).id;
    cutWhere(cluster, fault, (from, to) => from === alone || to === alone);
  },
  "network.halves": (cluster, fault) => {
    const ids = cluster.machines.map(({ id }) => id);
    const side = new Set(ids.filter((_, at) => (fault.how * 1000 * (at + 1)) % 1 < 0.5));
    cutWhere(cluster, fault, (from, to) => side.has(from) !== side.has(to));
  },
  "network.one-way": (cluster, fault) => {
    const deaf = whomOf(cluster, fault).id;
    cutWhere(cluster, fault, (from, to) => (fault.how < 0.5 ? to === deaf : from === deaf));
  },
  "network.bridge": (cluster, fault) => {
    const bridge = whomOf(cluster, fault).id;
    const ids = cluster.machines.map(({ id }) => id).filter((id) => id !== bridge);
    const left = new Set(ids.slice(0, Math.floor(ids.length / 2)));
    cutWhere(cluster, fault, (from, to) => from !== bridge && to !== bridge && left.has(from) !== left.has(to));
  },
  "network.ring": (cluster, fault) => {
    const ids = cluster.machines.map(({ id }) => id);
    const distance = (a: NodeId, b: NodeId): number => {
      const steps = Math.abs(ids.indexOf(a) - ids.indexOf(b));
      return Math.min(steps, ids.length - steps);
    };
    cutWhere(cluster, fault, (from, to) => distance(from, to) > 1);
  },
  "network.reset": ({ machines, network }, fault) => {
    const a = machines[Math.floor(fault.whom * machines.length)]!;
    const b = machines[Math.floor(fault.how * machines.length)]!;
    if (a !== b) network.reset(a.id, b.id);
  },
  "network.slow-link": (cluster, fault) => {
    const { network, machines, world } = cluster;
    const slow = whomOf(cluster, fault);
    const delayMsMax = 20 + fault.how * 10 * cluster.setting.raft.electionTimeoutMs;
    for (const other of machines) {
      if (other === slow) continue;
      network.setLink(slow.id, other.id, { ...CALM, delayMsMax });
      if (fault.more < 0.5) network.setLink(other.id, slow.id, { ...CALM, delayMsMax });
    }
    world.after(fault.forMs, "links are fast again", () => network.heal());
  },
  "network.storm": ({ network, world }, fault) => {
    network.setWeather({
      delayMsMin: 0.2,
      delayMsMax: 2 + fault.whom * 120,
      loss: fault.how * 0.4,
      doubling: fault.more * 0.4,
      overtaking: ((fault.whom * 31) % 1) * 0.5,
    });
    world.after(fault.forMs, "network is calm", () => network.setWeather(CALM));
  },
} as const satisfies Record<string, DoFault>;
