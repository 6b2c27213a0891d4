import { isDisterError, type LogStore, type Member, type Membership, membershipOf } from "@dister/types";
import type { Cluster } from "../world/cluster.ts";
import { memberOf } from "../world/cluster.ts";
import type { Process } from "../world/process.ts";
import type { DoFault } from "./do-fault.ts";
import { whomOf } from "./process-faults.ts";

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

function outsider({ machines }: Cluster, members: readonly Member[]): Member | undefined {
  const at = machines.findIndex(({ id }) => members.every((member) => member.id !== id));
  return at < 0 ? undefined : memberOf(at);
}

/** Reads a log to its end, or to the first damage. */
function scrub(log: LogStore): void {
  for (let from = log.firstIndex(); from <= log.lastIndex(); ) {
    const check = log.verify(from, 1_000);
    if (check.damaged) return;
    from = check.next;
  }
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
      const outside = outsider(cluster, members);
      if (outside === undefined || fault.more < 0.1) return null;
      return membershipOf([...members, { ...outside, voter: false }]);
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
      const more = membershipOf(members.map((member) => (member === ready ? { ...member, voter: true } : member)));
      // It may have been damaged since it was last heard; the votes that are left must still decide.
      return isSafe(cluster, more) ? more : null;
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
  /** Two voters at once, which is refused. */
  "operator.replace": (cluster) => {
    change(cluster, ({ members }) => {
      const gone = members.findLast(({ voter }) => voter);
      const next = members.find(({ voter }) => !voter) ?? outsider(cluster, members);
      if (gone === undefined || next === undefined) return null;
      const left = members.filter((member) => member !== gone && member.id !== next.id);
      const replaced = membershipOf([...left, { ...next, voter: true }]);
      return isSafe(cluster, replaced) ? replaced : null;
    });
  },
  /** One change right behind the other, of which the second is refused. */
  "operator.burst": (cluster, fault) => {
    for (let left = 2; left > 0; left--) {
      OPERATOR_FAULTS["operator.add-learner"](cluster, { ...fault, more: 1 });
      OPERATOR_FAULTS["operator.promote"](cluster);
      OPERATOR_FAULTS["operator.remove"](cluster, { ...fault, whom: (fault.whom * left) / 2 });
    }
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
      try {
        scrub(process.log);
      } catch (error) {
        // As the scrubber of a node: it stops, and has to have a reason. A disk that halts in this moment is one.
        process.died(error);
      }
    });
  },
} as const satisfies Record<string, DoFault>;
