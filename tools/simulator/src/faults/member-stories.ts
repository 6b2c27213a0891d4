import { isDisterError, type Membership, membershipOf } from "@dister/types";
import type { Cluster } from "../world/cluster.ts";
import type { Dice } from "../world/dice.ts";
import { USUAL_DISK } from "../world/disk.ts";
import type { Machine } from "../world/machine.ts";
import type { Process } from "../world/process.ts";
import { keptOf } from "./crash-faults.ts";
import { damageAt, damageTail, endOfLog } from "./disk-faults.ts";
import type { DoFault } from "./do-fault.ts";
import type { Moment } from "./moments.ts";
import type { Fault } from "./plan.ts";
import { diceOf, later, leaveOnly, NEVER, withLeader, write } from "./story.ts";

function changeAt({ world }: Cluster, process: Process, make: (membership: Membership) => Membership | null): void {
  const membership = make(process.status.membership);
  if (membership === null) return;
  process.run(() => {
    process.raft!.changeMembership(membership).catch((error: unknown) => {
      if (!isDisterError(error)) world.fail(error as Error);
    });
  });
}

/**
 * Two leaders each change the members, as far from each other as can be: the first alone, the second without one voter,
 * with which the first comes back (scenario M2).
 */
function twoChanges(cluster: Cluster, fault: Fault): void {
  withLeader(cluster, (leader) => tellTwoChanges(cluster, leader, diceOf(fault)));
}

function tellTwoChanges(cluster: Cluster, leader: Process, dice: Dice): void {
  const { network, moments } = cluster;
  const { electionTimeoutMs } = cluster.setting.raft;
  const without = (machine: Machine, demoted: boolean) => (membership: Membership) => {
    const members = membership.members.flatMap((member) => {
      if (member.id !== machine.id) return [member];
      return demoted ? [{ ...member, voter: false }] : [];
    });
    const left = membershipOf(members);
    const voters = left.members.filter(({ voter }) => voter).map(({ id }) => cluster.machine(id));
    return voters.length > 0 && cluster.staysWholeWithout([], voters) ? left : null;
  };
  const first = leader.machine;
  const others = cluster.voters.filter((machine) => machine !== first);
  if (others.length === 0) return;
  leaveOnly(cluster, first, []);
  changeAt(cluster, leader, without(dice.pick(others), dice.chance(0.3)));
  moments.at("begins to lead", {}, (process) => {
    const second = process.machine;
    if (second === first) return network.heal();
    const rest = cluster.voters.filter((machine) => machine !== first && machine !== second);
    const kept = rest.length === 0 ? undefined : dice.pick(rest);
    if (kept !== undefined) leaveOnly(cluster, kept, [first]);
    const change = (): void => {
      if (process.isAlive) changeAt(cluster, process, without(dice.chance(0.8) ? first : second, dice.chance(0.3)));
    };
    if (dice.chance(0.5)) process.run(change);
    else later(cluster, dice.between(0, 30), "the second change", change);
    later(cluster, dice.between(5, 60), "the first is back", () => {
      network.heal();
      if (kept === undefined) return;
      for (const machine of cluster.machines) {
        if (machine !== first && machine !== kept)
          leaveOnly(
            cluster,
            machine,
            rest.filter((each) => each !== kept),
          );
      }
    });
    later(cluster, electionTimeoutMs * dice.between(2, 5), "all are together", () => network.heal());
  });
  later(cluster, 12 * electionTimeoutMs, "all are together", () => network.heal());
}

/** One member is away until the others have let go of what it lacks; leaders fall while it is made whole. */
function leftBehind(cluster: Cluster, fault: Fault): void {
  const { world, machines, moments, network } = cluster;
  const dice = diceOf(fault);
  const { electionTimeoutMs } = cluster.setting.raft;
  const away = machines[Math.floor(dice.next() * machines.length)]!;
  leaveOnly(cluster, away, []);
  const isDown = dice.chance(0.3);
  if (isDown) {
    away.restartAtMs = NEVER;
    away.kill("power");
  }
  for (let at = 1; at <= 3; at++) {
    later(cluster, at * electionTimeoutMs, "everybody lets go", () => {
      const { leader } = cluster;
      leader?.run(() => write(cluster, leader, dice));
      for (const { process } of machines) {
        if (process?.raft) process.run(() => void process.raft!.checkpoint().catch((error) => process.died(error)));
      }
    });
  }
  const moment: Moment = dice.pick([
    "gets a piece of a snapshot",
    "has put a snapshot in use",
    "has put a snapshot in use",
    "replaces its log",
    "accepts an append",
    "applies",
  ]);
  const keep = keptOf(dice.next());
  const downMs = electionTimeoutMs * dice.between(0, 2);
  later(cluster, electionTimeoutMs * dice.between(3, 5), `${away.name} is back`, () => {
    network.heal();
    away.restartAtMs = world.nowMs;
    if (isDown) away.start();
    moments.at(moment, { machine: away.id, nth: 1 + dice.below(3) }, (process) => {
      process.machine.restartAtMs = world.nowMs + downMs;
      process.machine.kill(dice.chance(0.7) ? "power" : "kill", keep);
    });
  });
}

/**
 * One voter misses what the others commit; then another of them is damaged and the leader falls. Those who are left are a
 * majority, of which none has everything that was committed.
 */
function damagedVoter(cluster: Cluster, fault: Fault): void {
  withLeader(cluster, (leader) => tellDamagedVoter(cluster, leader, diceOf(fault)));
}

function tellDamagedVoter(cluster: Cluster, leader: Process, dice: Dice): void {
  const { world, network } = cluster;
  const { electionTimeoutMs } = cluster.setting.raft;
  const others = cluster.voters.filter((machine) => machine !== leader.machine);
  const lagging = dice.pick(others);
  const damaged = dice.pick((dice.chance(0.2) ? cluster.voters : others).filter((machine) => machine !== lagging));
  if (lagging === undefined || damaged === undefined) return;
  leaveOnly(cluster, lagging, []);
  cluster.attraction = { machine: leader.machine, to: "write" };
  later(cluster, dice.between(0, 30), "writes", () => leader.run(() => write(cluster, leader, dice)));
  const [bytesFromEnd, downMs] = [dice.below(250), electionTimeoutMs * dice.between(0, 0.5)];
  const leaderDownMs = electionTimeoutMs * dice.between(1, 6);
  later(cluster, electionTimeoutMs * dice.between(0.2, 1.5), `${damaged.name} is damaged`, () => {
    cluster.attraction = null;
    if (!cluster.staysWholeWithout([damaged])) return;
    damaged.restartAtMs = world.nowMs + downMs;
    // Not with what is applied: a state that has everything makes the damage good.
    damaged.kill("power", 1);
    damageTail(damaged, bytesFromEnd);
    later(cluster, downMs, `${damaged.name} is back`, () => damaged.start());
    if (damaged !== leader.machine) {
      leader.machine.restartAtMs = world.nowMs + leaderDownMs;
      leader.machine.kill("kill");
    }
    network.heal();
  });
}

/**
 * A leader that nobody hears writes; the next has that overwritten, and then the first record of what came instead is
 * damaged, so that the log ends with what had been overwritten, while an answer from before may be counted already.
 */
function overwrittenDamage(cluster: Cluster, fault: Fault): void {
  withLeader(cluster, (leader) => tellOverwrittenDamage(cluster, leader, diceOf(fault)));
}

function tellOverwrittenDamage(cluster: Cluster, leader: Process, dice: Dice): void {
  const { world, network, moments } = cluster;
  const { electionTimeoutMs } = cluster.setting.raft;
  const { machine } = leader;
  leaveOnly(cluster, machine, []);
  for (let left = 1 + dice.below(4); left > 0; left--) leader.run(() => write(cluster, leader, dice));
  const [offset, waitMs, downMs] = [4 + dice.below(86), dice.between(0.5, 8), electionTimeoutMs * dice.between(0, 0.3)];
  moments.at("overwrites its log", { machine: machine.id }, () => {
    const place = endOfLog(machine);
    if (place === undefined) return;
    moments.at("accepts an append", { machine: machine.id }, () => {
      later(cluster, waitMs, `${machine.name} is damaged`, () => {
        if (!cluster.staysWholeWithout([machine])) return;
        machine.restartAtMs = world.nowMs + downMs;
        // Not with what is applied: a state that has everything makes the damage good.
        machine.kill("power", 1);
        damageAt(machine, place.path, place.end + offset);
        later(cluster, downMs, `${machine.name} is back`, () => machine.start());
      });
    });
  });
  later(cluster, electionTimeoutMs * dice.between(2, 5), "all are together", () => network.heal());
}

/**
 * What a leader sent is on its way to slow disks when it falls, and the next leader has it overwritten there; whoever
 * applies the new before its disk has it loses its power.
 */
function slowDisks(cluster: Cluster, fault: Fault): void {
  withLeader(cluster, (leader) => tellSlowDisks(cluster, leader, diceOf(fault)));
}

function tellSlowDisks(cluster: Cluster, leader: Process, dice: Dice): void {
  const { world, network, moments, machines } = cluster;
  const { electionTimeoutMs } = cluster.setting.raft;
  const others = machines.filter((machine) => machine !== leader.machine);
  const slow = others.slice(0, Math.max(1, Math.floor(others.length / 2) - dice.below(2)));
  const syncMsMax = electionTimeoutMs * dice.between(0.5, 3);
  for (const { disk } of slow) disk.setSpeed({ syncMsMin: syncMsMax / 2, syncMsMax });
  leaveOnly(cluster, leader.machine, slow);
  later(cluster, dice.between(1, 20), "writes", () => leader.run(() => write(cluster, leader, dice)));
  const [downFor, leaderDownFor] = [dice.between(0, 1), dice.between(1, 8)];
  later(cluster, dice.between(21, 60), "the leader falls", () => {
    leader.machine.restartAtMs = world.nowMs + electionTimeoutMs * leaderDownFor;
    leader.machine.kill("power");
    network.heal();
  });
  for (const { id } of slow) {
    moments.at("overwrites its log", { machine: id }, () => {
      moments.at("applies", { machine: id }, ({ machine }) => {
        machine.restartAtMs = world.nowMs + electionTimeoutMs * downFor;
        machine.kill("power", 0);
      });
    });
  }
  later(cluster, electionTimeoutMs * dice.between(4, 10), "disks are fast again", () => {
    for (const { disk } of slow) disk.setSpeed(USUAL_DISK);
  });
}

/** Stories of members that change, or are left behind. */
export const MEMBER_STORIES = {
  "story.two-changes": twoChanges,
  "story.left-behind": leftBehind,
  "story.slow-disks": slowDisks,
  "story.damaged-voter": damagedVoter,
  "story.overwritten-damage": overwrittenDamage,
} as const satisfies Record<string, DoFault>;
