import { setImmediate as nextTurn } from "node:timers/promises";
import { ManualClock, MemoryNetwork } from "@dister/types/testing";
import { Dice } from "../world/dice.ts";
import { FoundingNode } from "./founding-node.ts";
import { FoundingRules } from "./founding-rules.ts";

/** How long the storm lasts, and how long it is quiet behind it, in simulated milliseconds. */
const STORM_MS = 8_000;
const QUIET_MS = 20_000;
const STEP_MS = 5;

/** What a run came to. */
export interface FoundingResult {
  readonly seed: number;
  readonly nodes: number;
  readonly clusters: number;
  /** Nodes that belong to a cluster in the end, of those that run. */
  readonly members: number;
  readonly kills: number;
  readonly violation: string | null;
}

/** How a run is set; drawn from its seed unless a test says it. */
export interface FoundingSetting {
  readonly nodes: number;
  readonly minNode: number;
  /** Numbers of the nodes that each node knows. */
  readonly peers: readonly (readonly number[])[];
  /** When each node starts for the first time. */
  readonly startMs: readonly number[];
  readonly storm: boolean;
}

export function foundingSettingOf(seed: number): FoundingSetting {
  const dice = Dice.of(seed, "founding setting");
  const nodes = 1 + dice.below(6);
  const numbers = Array.from({ length: nodes }, (_, at) => at + 1);
  const minNode = dice.pick([1, 2, 2, 3, 3, 5]);
  // Everybody knows everybody, or a chain, or two halves that never see each other, or whatever chance gives.
  const shape = dice.pick(["all", "all", "chain", "halves", "some"]);
  const knows = (a: number, b: number): boolean => {
    if (shape === "all") return true;
    if (shape === "chain") return b === a - 1;
    if (shape === "halves") return a % 2 === b % 2;
    return dice.chance(0.4);
  };
  return {
    nodes,
    minNode,
    peers: numbers.map((a) => numbers.filter((b) => knows(a, b))),
    startMs: numbers.map(() => (dice.chance(0.5) ? 0 : dice.between(0, 3_000))),
    storm: dice.chance(0.9),
  };
}

/** Runs one founding: nodes start, lose power at any step, are cut off, vanish; then it is quiet. */
export class FoundingRun {
  readonly nodes: readonly FoundingNode[];
  readonly rules: FoundingRules;
  readonly #clock = new ManualClock();
  readonly #network: MemoryNetwork;
  readonly #dice: Dice;
  readonly #setting: FoundingSetting;
  readonly #downUntil = new Map<FoundingNode, number>();
  kills = 0;

  constructor(seed: number, setting: FoundingSetting) {
    this.#setting = setting;
    this.#dice = Dice.of(seed, "founding storm");
    const behaviour = setting.storm ? { delayMsMax: 40, dropRate: 0.05 } : { delayMsMax: 3 };
    this.#network = new MemoryNetwork({ clock: this.#clock, rng: Dice.of(seed, "founding network") }, behaviour);
    const parts = {
      clock: this.#clock,
      network: this.#network,
      dice: Dice.of(seed, "founding ids"),
      saidHello: (from: FoundingNode, to: string) => {
        const called = this.nodes.find(({ life }) => life?.self.id === to);
        if (from.life !== null) called?.life?.heard(from.life);
      },
      takesIn: (cluster: string) => {
        const founders = this.rules.founded.get(cluster) ?? [];
        const there = this.nodes.filter(({ life }) => life !== null && founders.includes(life.self.id));
        return there.length * 2 > founders.length;
      },
    };
    this.nodes = setting.peers.map((peers, at) => {
      return new FoundingNode(at + 1, parts, { minNode: setting.minNode, peers });
    });
    this.rules = new FoundingRules(this.nodes);
  }

  /** Lets time pass. */
  async pass(forMs: number, each: () => void = () => {}): Promise<void> {
    const end = this.#clock.nowMs() + forMs;
    while (this.#clock.nowMs() < end) {
      for (const [at, node] of this.nodes.entries()) {
        const due = Math.max(this.#setting.startMs[at]!, this.#downUntil.get(node) ?? 0);
        if (node.life === null && this.#clock.nowMs() >= due) node.start();
      }
      each();
      this.#clock.advance(STEP_MS);
      await nextTurn();
      this.rules.step();
    }
  }

  /** Ends a process with whatever of its unsynced writes chance keeps, and starts it again later. */
  kill(node: FoundingNode, downMs: number): void {
    this.kills++;
    node.kill({ keepSector: () => this.#dice.chance(0.5), keepName: () => this.#dice.chance(0.5) });
    this.#downUntil.set(node, this.#clock.nowMs() + downMs);
  }

  /** One step of the storm: now and then something happens. */
  rage(): void {
    const dice = this.#dice;
    if (!dice.chance(0.02)) return;
    const node = dice.pick(this.nodes);
    const other = dice.pick(this.nodes);
    const what = dice.pick(["kill", "halt", "halt", "cut", "heal"]);
    if (what === "kill" && node.life !== null) this.kill(node, dice.between(0, 2_000));
    if (what === "halt") this.#halt(node);
    const [from, to] = [node.life?.self.id, other.life?.self.id];
    if (from === undefined || to === undefined || from === to) return;
    if (what === "cut") this.#network.cut(from, to);
    if (what === "heal") this.#network.healAll();
  }

  /** The power fails in the middle of some change of the disk that is still to come. */
  #halt(node: FoundingNode): void {
    if (node.life === null) return;
    const dice = this.#dice;
    node.files.haltAfter(dice.below(12));
    this.#clock.setTimer(dice.between(1, 1_000), () => this.kill(node, dice.between(0, 500)));
  }

  calm(): void {
    this.#network.healAll();
    for (const node of this.nodes) {
      node.files.clearFaults();
      // What was halted and not killed yet has failed in the middle of something: it is not the same process any more.
      this.kill(node, 0);
    }
  }

  result(seed: number, violation: string | null): FoundingResult {
    const running = this.nodes.filter(({ life }) => life !== null);
    const members = running.filter(({ life }) => life!.identity.current.clusterId !== "").length;
    return { seed, nodes: this.nodes.length, clusters: this.rules.founded.size, members, kills: this.kills, violation };
  }
}

/** Runs one seed from its start to the end of the quiet. */
export async function runFounding(seed: number): Promise<FoundingResult> {
  const setting = foundingSettingOf(seed);
  const run = new FoundingRun(seed, setting);
  try {
    await run.pass(STORM_MS, setting.storm ? () => run.rage() : undefined);
    if (setting.storm) run.calm();
    await run.pass(QUIET_MS);
    run.rules.atTheEnd();
    return run.result(seed, null);
  } catch (error) {
    return run.result(seed, (error as Error).message);
  } finally {
    for (const node of run.nodes) node.kill({});
  }
}
