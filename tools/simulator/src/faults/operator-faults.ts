import { isDisterError, type Membership, membershipOf } from "@dister/types";
import type { Cluster } from "../world/cluster.ts";
import { memberOf } from "../world/cluster.ts";
import type { Process } from "../world/process.ts";
import { whomOf } from "./process-faults.ts";
import type { DoFault } from "./storm.ts";

/** Changes the members as the leader sees them; what is refused, or comes to nothing, is no fault. */
function change(cluster: Cluster, make: (membership: Membership, leader: Process) => Membership | null): void {
  const { leader, world } = cluster;
  if (leader === undefined || leader.isPaused) return;
  leader.run(() => {
    const membership = make(leader.status.membership, leader);
    if (membership === null) return;
    leader.raft!.changeMembership(membership).catch((error: unknown) => {
      if (!isDisterError(error)) world.fail(error as Error);
    });
  });
}

/** Would these voters be able to decide anything, as far as damage goes? An operator does not remove the last whole ones. */
function isSafe(cluster: Cluster, membership: Membership): boolean {
  const voters = membership.members.filter(({ voter }) => voter).map(({ id }) => cluster.machine(id));
  return voters.length > 0 && cluster.staysWholeWithout([], voters);
}

export const OPERATOR_FAULTS = {
  "operator.transfer": (cluster, fault) => {
    const { leader, world } = cluster;
    if (leader === undefined || leader.isPaused) return;
    const to = fault.how < 0.5 ? undefined : whomOf(cluster, fault).id;
    leader.run(() => {
      try {
        leader.raft!.transferLeadership(to);
      } catch (error) {
        if (!isDisterError(error)) world.fail(error as Error);
      }
    });
  },
  "operator.add-learner": (cluster, fault) => {
    change(cluster, ({ members }) => {
      const outside = cluster.machines.findIndex(({ id }) => members.every((member) => member.id !== id));
      if (outside < 0 || fault.more < 0.1) return null;
      return membershipOf([...members, { ...memberOf(outside), voter: false }]);
    });
  },
  "operator.promote": (cluster) => {
    change(cluster, ({ members }, leader) => {
      const { progress, lastIndex } = leader.status;
      const ready = members.find(({ id, voter }) => {
        const peer = progress.find((each) => each.id === id);
        return !voter && peer?.state === "replicate" && peer.match + 8 >= lastIndex;
      });
      if (ready === undefined) return null;
      return membershipOf(members.map((member) => (member === ready ? { ...member, voter: true } : member)));
    });
  },
  "operator.remove": (cluster, fault) => {
    change(cluster, ({ members }, leader) => {
      const gone = fault.how < 0.3 ? leader.machine.id : whomOf(cluster, fault).id;
      const demoted = fault.more < 0.3;
      const left = membershipOf(
        members.flatMap((member) => (member.id !== gone ? [member] : demoted ? [{ ...member, voter: false }] : [])),
      );
      return isSafe(cluster, left) ? left : null;
    });
  },
  "operator.checkpoint": (cluster, fault) => {
    const { process } = whomOf(cluster, fault);
    if (process === null || process.raft === null) return;
    process.run(() => {
      void process.raft!.checkpoint().catch((error: unknown) => process.died(error));
    });
  },
  "operator.scrub": (cluster, fault) => {
    const { process } = whomOf(cluster, fault);
    if (process === null || process.raft === null) return;
    process.run(() => {
      const { log } = process;
      for (let from = log.firstIndex(); from <= log.lastIndex(); ) {
        const check = log.verify(from, 1_000);
        if (check.damaged) return;
        from = check.next;
      }
    });
  },
} as const satisfies Record<string, DoFault>;
