import { type Member, type Membership, membershipOf, type NodeId, ROLE } from "@dister/types";
import { Moments } from "../faults/moments.ts";
import { Facts } from "../invariants/facts.ts";
import { everyRule, type Rules } from "../invariants/rules.ts";
import { CoverageRule } from "./coverage-rule.ts";
import { Machine } from "./machine.ts";
import { Network } from "./network.ts";
import { Process } from "./process.ts";
import type { Setting } from "./setting.ts";
import { Watch } from "./watch.ts";
import type { World } from "./world.ts";

/** All machines of a run, and what is watched on them. */
export class Cluster {
  readonly world: World;
  readonly setting: Setting;
  readonly network: Network;
  readonly machines: readonly Machine[];
  readonly facts: Facts;
  readonly rules: Rules;
  readonly moments = new Moments();
  /** The storm is over: nothing more is to go wrong. */
  isCalm = false;
  /** A machine that clients prefer for a while when they read, or when they write. */
  attraction: { readonly machine: Machine; readonly to: "read" | "write" } | null = null;
  readonly #byId: ReadonlyMap<NodeId, Machine>;

  constructor(world: World, setting: Setting) {
    this.world = world;
    this.setting = setting;
    const members = Array.from({ length: setting.voters + setting.spares }, (_, at) => memberOf(at));
    const founding = membershipOf(members.slice(0, setting.voters));
    const byId = new Map<NodeId, Machine>();
    this.#byId = byId;
    this.facts = new Facts(founding);
    this.rules = everyRule(this.facts, byId);
    const watch = new Watch(
      [this.facts, ...this.rules.all, new CoverageRule(world.coverage, this.facts, byId), this.moments],
      (violation) => world.fail(violation),
    );
    this.network = new Network(world, {
      sent: (from, to, message) => watch.sent(byId.get(from)?.process ?? null, to, message),
      received: (_from, to, message) => watch.received(byId.get(to)?.process ?? null, message),
    });
    this.machines = members.map(({ id, name }) => {
      return new Machine({
        id,
        name,
        world,
        network: this.network,
        setting,
        founding,
        watch,
        newProcess: (machine) => new Process(machine),
      });
    });
    for (const machine of this.machines) byId.set(machine.id, machine);
    world.afterEvent = () => watch.look();
  }

  machine(id: NodeId): Machine {
    return this.#byId.get(id)!;
  }

  /** Processes that are running, paused or not. */
  get running(): Process[] {
    return this.machines.flatMap(({ process }) => (process?.raft ? [process] : []));
  }

  /** Who leads the highest term, if anybody does. */
  get leader(): Process | undefined {
    const leaders = this.running.filter((process) => process.status.role === "leader");
    return leaders.sort((a, b) => b.status.term - a.status.term)[0];
  }

  /** The membership that was committed last. */
  get membership(): Membership {
    return this.facts.membership.value;
  }

  get voters(): Machine[] {
    return this.membership.members.filter(({ voter }) => voter).map(({ id }) => this.machine(id));
  }

  /** Would a majority of these voters be left whole, if these machines lost something that they acknowledged? */
  staysWholeWithout(lost: readonly Machine[], voters?: readonly Machine[]): boolean {
    const all = voters === undefined ? this.#possibleVoters() : [voters];
    return all.every((each) => {
      const whole = each.filter((machine) => !lost.includes(machine) && machine.damage === "none" && !machine.refused);
      return 2 * whole.length > each.length;
    });
  }

  /** Voters of the membership that is committed, and of those behind it that may be in force before long. */
  #possibleVoters(): Machine[][] {
    const { entries, membership: committed } = this.facts;
    const possible = [committed.value];
    for (const [key, { membership }] of entries) {
      if (membership !== undefined && Number.parseInt(key, 10) > committed.index) possible.push(membership);
    }
    return possible.map(({ members }) => members.filter(({ voter }) => voter).map(({ id }) => this.machine(id)));
  }
}

export function memberOf(at: number): Member {
  const id = `${"0".repeat(15)}${(at + 1).toString(16).toUpperCase()}`;
  const ports = { raft: 1, repl: 2, api: 3 };
  return { id, name: `n${at + 1}`, role: ROLE.server, voter: true, address: { host: `10.0.0.${at + 1}`, ports } };
}
