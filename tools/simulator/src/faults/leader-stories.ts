import type { Cluster } from "../world/cluster.ts";
import type { Dice } from "../world/dice.ts";
import type { Machine } from "../world/machine.ts";
import { CALM } from "../world/network.ts";
import type { Process } from "../world/process.ts";
import { keptOf } from "./crash-faults.ts";
import type { DoFault } from "./do-fault.ts";
import type { Moment } from "./moments.ts";
import type { Fault } from "./plan.ts";
import { whomOf } from "./process-faults.ts";
import { diceOf, later, leaveOnly, NEVER, withLeader, write } from "./story.ts";

/** How one leader of the story below fares. */
interface Reign {
  /** How many it reaches, when not everybody. */
  readonly reaches: number;
  readonly isQuiet: boolean;
  readonly fallsAt: Moment;
  readonly nth: number;
}

/** A short reign of which nobody hears, and one that ends with the first thing that it commits. */
const UNHEARD: Reign = { reaches: 0, isQuiet: false, fallsAt: "commits", nth: 9 };
const SHORT: Reign = { reaches: 9, isQuiet: true, fallsAt: "commits", nth: 1 };

function reignsOf(dice: Dice): Reign[] {
  const drawn = (): Reign => ({
    reaches: dice.pick([0, 0, 1, 9, 9]),
    isQuiet: dice.chance(0.4),
    fallsAt: dice.pick(["commits", "commits", "commits", "sends an append", "begins a sync"]),
    nth: 1 + dice.below(3),
  });
  const kind = dice.next();
  // The figure itself; and a log that is longer only, against a shorter one that is newer.
  if (kind < 0.4) return [UNHEARD, { ...UNHEARD, isQuiet: dice.chance(0.5) }, SHORT, drawn(), drawn()];
  if (kind < 0.6) return [UNHEARD, { ...SHORT, nth: 1 + dice.below(2) }, drawn(), drawn()];
  return Array.from({ length: 4 + dice.below(3) }, drawn);
}

/**
 * Leader after leader reaches only a few, and falls; who fell before comes back then. With luck an entry of an old term is
 * on a majority in the end, and a newer one on nobody but who comes back (Figure 8 of the Raft paper).
 */
function fallenLeaders(cluster: Cluster, fault: Fault): void {
  const { world, moments, network } = cluster;
  const dice = diceOf(fault);
  const reigns = reignsOf(dice);
  const fallen: Machine[] = [];
  const back = (machine: Machine): void => {
    machine.restartAtMs = world.nowMs;
    later(cluster, dice.between(0, 20), `${machine.name} is back`, () => machine.start());
    if (!dice.chance(0.3)) return;
    const operations = dice.below(8);
    moments.at("overwrites its log", { machine: machine.id }, () => machine.disk.haltAfter(operations));
  };
  const next = (): void => {
    const reign = reigns.shift();
    if (reign !== undefined) moments.at("begins to lead", {}, (process) => lead(process, reign));
    else for (const machine of fallen.splice(0)) back(machine);
  };
  const fall = (process: Process): void => {
    const { machine } = process;
    machine.restartAtMs = NEVER;
    machine.kill("power", keptOf(dice.next()));
    network.heal();
    cluster.attraction = null;
    fallen.push(machine);
    if (fallen.length > 1) back(fallen.shift()!);
    next();
  };
  const lead = (process: Process, reign: Reign): void => {
    const others = cluster.machines.filter((machine) => machine !== process.machine && machine.process !== null);
    leaveOnly(cluster, process.machine, others.slice(0, reign.reaches));
    cluster.attraction = { machine: process.machine, to: "write" };
    if (!reign.isQuiet) {
      later(cluster, dice.between(0, 5), "writes", () => process.run(() => write(cluster, process, dice)));
    }
    const { id } = process.machine;
    const disarm = moments.at(reign.fallsAt, { machine: id, nth: reign.nth }, () => fall(process));
    later(cluster, reign.reaches < 2 ? dice.between(8, 60) : 400, "the leader falls", () => {
      if (!process.isAlive) return;
      disarm();
      fall(process);
    });
  };
  withLeader(cluster, (leader) => lead(leader, reigns.shift()!));
}

/**
 * A leader that nobody hears any more, with a slow clock or paused, is asked to read while another leads and writes.
 */
function forgottenLeader(cluster: Cluster, fault: Fault): void {
  withLeader(cluster, (leader) => tellForgottenLeader(cluster, leader, diceOf(fault)));
}

function tellForgottenLeader(cluster: Cluster, leader: Process, dice: Dice): void {
  const { world, network, machines } = cluster;
  const { machine } = leader;
  const { electionTimeoutMs } = cluster.setting.raft;
  const cut = (): void => leaveOnly(cluster, machine, dice.chance(0.3) ? [dice.pick(machines)] : []);
  // Or what was answered before comes late, when another leads already.
  if (dice.chance(0.5)) {
    const delayMsMin = electionTimeoutMs * dice.between(0.5, 2);
    for (const { id } of machines) network.setLink(id, machine.id, { ...CALM, delayMsMin, delayMsMax: 2 * delayMsMin });
    later(cluster, electionTimeoutMs * dice.between(0.1, 0.8), `${machine.name} is heard no more`, () => {
      for (const { id } of machines) network.cut(machine.id, id);
    });
  } else cut();
  machine.clock.setRate(dice.between(0.1, 0.6));
  const forMs = electionTimeoutMs * dice.between(2, 7);
  cluster.attraction = { machine, to: "read" };
  if (dice.chance(0.5)) {
    world.coverage.reached("paused leader");
    const pausedMs = electionTimeoutMs * dice.between(1, 4);
    leader.pause();
    world.after(pausedMs, `${leader.name} goes on`, () => leader.resume());
  }
  later(cluster, forMs, "the leader is remembered", () => {
    machine.clock.setRate(1);
    cluster.attraction = null;
    network.heal();
  });
}

/** Clients read at a node that hears of everything late, while others write. */
function slowReader(cluster: Cluster, fault: Fault): void {
  const { network, machines } = cluster;
  const dice = diceOf(fault);
  const machine = dice.pick(machines);
  const { electionTimeoutMs } = cluster.setting.raft;
  const delayMsMax = electionTimeoutMs * dice.between(0.05, 0.4);
  for (const { id } of machines) {
    network.setLink(id, machine.id, { ...CALM, delayMsMax });
    network.setLink(machine.id, id, { ...CALM, delayMsMax });
  }
  cluster.attraction = { machine, to: "read" };
  if (dice.chance(0.4)) {
    for (let left = 2; left > 0; left--) {
      later(cluster, electionTimeoutMs * dice.between(0.5, 5), `${machine.name} begins again`, () => {
        machine.restartAtMs = 0;
        machine.kill("kill");
        machine.start();
      });
    }
  }
  later(cluster, electionTimeoutMs * dice.between(3, 9), "links are fast again", () => {
    cluster.attraction = null;
    network.heal();
  });
}

/**
 * Who votes loses its power right behind its answer, and comes back to an election of that term or of one that nobody else
 * has heard of. Either the candidate that got the vote falls too, or messages are so slow that candidates of one term meet.
 */
function lostVotes(cluster: Cluster, fault: Fault): void {
  const { world, moments, network } = cluster;
  const dice = diceOf(fault);
  const { electionTimeoutMs } = cluster.setting.raft;
  const first = cluster.leader?.machine ?? whomOf(cluster, fault);
  const isSlow = dice.chance(0.5);
  const down = (process: Process, timeouts: number, keep: number | undefined): void => {
    process.machine.restartAtMs = world.nowMs + electionTimeoutMs * timeouts;
    process.machine.kill("power", keep);
  };
  const vote = (left: number): void => {
    const [downFor, keep] = [dice.between(0, 0.3), dice.chance(0.8) ? 0 : undefined];
    moments.at("grants a vote", {}, (voter) => {
      down(voter, downFor, keep);
      later(cluster, electionTimeoutMs * downFor, `${voter.name} is back`, () => voter.machine.start());
      if (left > 0) ask(left - 1);
    });
  };
  const ask = (left: number): void => {
    if (isSlow) return vote(left);
    const downFor = dice.between(2, 6);
    moments.at("sends a vote request", { nth: 1 + dice.below(2) }, (process) => {
      vote(left);
      down(process, downFor, undefined);
    });
  };
  if (isSlow) {
    const delayMsMax = electionTimeoutMs * dice.between(0.2, 1.5);
    network.setWeather({ delayMsMin: 0.2, delayMsMax, loss: 0.1, doubling: 0.2, overtaking: 0.5 });
    later(cluster, 8 * electionTimeoutMs, "messages are fast again", () => network.setWeather(CALM));
  }
  ask(isSlow ? 5 : 2);
  // A leader that nobody hears in time is enough to make candidates.
  if (isSlow && dice.chance(0.6)) return;
  first.restartAtMs = world.nowMs + electionTimeoutMs * dice.between(1, 8);
  first.kill("power");
}

/** Stories of leaders and of those who would like to be. */
export const LEADER_STORIES = {
  "story.fallen-leaders": fallenLeaders,
  "story.forgotten-leader": forgottenLeader,
  "story.slow-reader": slowReader,
  "story.lost-votes": lostVotes,
} as const satisfies Record<string, DoFault>;
