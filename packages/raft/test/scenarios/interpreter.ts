import type { RaftOptions } from "../../src/index.ts";
import { ScenarioCluster } from "./cluster.ts";
import { runNodeCommand } from "./node-commands.ts";
import { membershipFrom, Words } from "./parse.ts";
import { kindOf } from "./print.ts";

/** Longer than any node waits before it helps to replace a leader. */
const SILENCE_MS = 500;

/** Carries out the commands of a script. `a: ...` is for a node (node-commands.ts), all else for the whole. */
export class Interpreter {
  readonly #cluster = new ScenarioCluster();
  readonly #commands: Record<string, (words: Words) => void> = {
    cluster: (words) => this.#found(words),
    log: (words) => this.#log(words),
    options: (words) => this.#setOptions(words),
    deliver: (words) => this.#deliver(words),
    double: (words) => this.#double(words),
    drop: (words) => this.#drop(words),
    cut: (words) => this.#cut(words),
    heal: () => this.#cluster.network.heal(),
    stabilize: () => this.#quietly(() => this.#cluster.network.deliverEverything()),
    run: (words) => this.#run(words),
    time: (words) => this.#cluster.pass(words.number(), false),
    late: (words) => this.#late(words.number()),
    elect: (words) => this.#elect(words.next()),
    store: (words) => this.#store(words),
    status: () => this.#cluster.tellAll(),
    "in-flight": () => this.#cluster.tellInFlight(),
  };

  /** Runs a block of commands and says what came of them. */
  run(commands: readonly string[]): string[] {
    for (const command of commands) this.#runOne(command);
    return this.#cluster.tell();
  }

  #runOne(command: string): void {
    const words = new Words(command);
    const first = words.next();
    if (/^[a-z]:$/.test(first)) runNodeCommand(this.#cluster, this.#cluster.node(first[0]!), words);
    else (this.#commands[first] ?? (() => words.fail(`no command "${first}"`)))(words);
    words.end();
  }

  /** `cluster a b c learners d outside e`: founders know each other; who is outside knows nobody yet. */
  #found(words: Words): void {
    const voters = words.names();
    const learners = words.take("learners") ? words.names() : [];
    const outside = words.take("outside") ? words.names() : [];
    const founding = membershipFrom(voters, learners);
    for (const name of [...voters, ...learners]) this.#cluster.add(name, founding);
    for (const name of outside) this.#cluster.add(name);
  }

  /** `log b 1:1 2:1 3:2 term 4 vote c commit 2 applied 1 base 0:0`: what b has on its disk when it starts. */
  #log(words: Words): void {
    const name = words.next();
    const founding = this.#cluster.node(name).membership;
    const disk: Parameters<ScenarioCluster["add"]>[2] & object = { entries: words.entries() };
    const more: Record<string, () => object> = {
      term: () => ({ term: words.number() }),
      vote: () => ({ vote: words.node() }),
      commit: () => ({ commit: words.number() }),
      applied: () => ({ applied: words.number() }),
      base: () => ({ base: words.position() }),
    };
    while (!words.isEmpty) {
      const word = words.next();
      Object.assign(disk, (more[word] ?? (() => words.fail(`no "${word}"`)))());
    }
    this.#cluster.add(name, founding, disk);
  }

  /** `options inflightAppendsMax 2`, before the cluster. */
  #setOptions(words: Words): void {
    while (!words.isEmpty) {
      const name = words.next() as keyof RaftOptions;
      this.#cluster.options = { ...this.#cluster.options, [name]: words.number() };
    }
  }

  /** `deliver a->b vote 2`, `deliver a->b all`, `deliver to b`, `deliver all`, each with `only <kind>`. */
  #deliver(words: Words): void {
    const { network } = this.#cluster;
    const to = words.take("to") ? words.next() : undefined;
    const link = to === undefined && !words.take("all") ? words.next() : undefined;
    if (to !== undefined || link === undefined) {
      const kind = words.take("only") ? words.next() : undefined;
      const fits = (found: string): boolean => kind === undefined || found === kind;
      return network.deliverWhere((sent) => (to === undefined || sent.to === to) && fits(kindOf(sent.message)));
    }
    if (words.take("all")) return network.deliverWhere((sent) => `${sent.from}->${sent.to}` === link);
    network.deliver(this.#find(link, words));
  }

  #find(link: string, words: Words): ReturnType<ScenarioCluster["network"]["find"]> {
    const kind = words.isEmpty ? undefined : words.next();
    return this.#cluster.network.find(link, kind, words.isEmpty ? 1 : words.number());
  }

  #double(words: Words): void {
    const sent = this.#find(words.next(), words);
    this.#cluster.network.post(sent.from, sent.to, sent.message);
  }

  /** `drop a->b append 2`, `drop a->b all`, `drop all`. */
  #drop(words: Words): void {
    const { network } = this.#cluster;
    if (words.take("all")) return network.dropAll(() => true);
    const link = words.next();
    if (words.take("all")) network.dropAll((sent) => `${sent.from}->${sent.to}` === link);
    else network.take(this.#find(link, words));
  }

  /** `cut a->b` one way, `cut a` both ways and from everybody; what is on its way there is lost as well. */
  #cut(words: Words): void {
    const { network, nodes } = this.#cluster;
    for (const word of words.rest()) {
      const links = word.includes("->")
        ? [word]
        : [...nodes.keys()].flatMap((name) => [`${word}->${name}`, `${name}->${word}`]);
      for (const link of links) {
        network.cut(link);
        network.dropAll((sent) => `${sent.from}->${sent.to}` === link);
      }
    }
  }

  #run(words: Words): void {
    const ms = words.number();
    this.#quietly(() => this.#cluster.pass(ms, true));
  }

  /** All clocks go on and nobody looks at them: what arrives next comes first. */
  #late(ms: number): void {
    for (const { lone } of this.#cluster.running) lone.wait(ms);
  }

  #elect(name: string): void {
    const node = this.#cluster.node(name);
    this.#quietly(() => {
      this.#late(SILENCE_MS);
      runNodeCommand(this.#cluster, node, new Words("stand"));
      this.#cluster.network.deliverEverything();
    });
    const { role } = node.lone.status;
    if (role !== "leader") throw new Error(`${name} was not elected, it is a ${role}`);
  }

  #quietly(run: () => void): void {
    this.#cluster.quiet = true;
    run();
    this.#cluster.quiet = false;
  }

  /** `store a`: its oldest write; `store a all`. */
  #store(words: Words): void {
    const node = this.#cluster.node(words.next());
    if (node.lone.writes.length === 0) words.fail("nothing to store");
    if (words.take("all")) this.#cluster.give(node, () => node.lone.store());
    else this.#cluster.give(node, () => node.lone.storeOne());
  }
}
