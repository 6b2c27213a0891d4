import { type LogEntry, type Membership, NO_LOGGER, withMembers } from "@dister/types";
import { MemoryStateMachine, SeededRng } from "@dister/types/testing";
import { describe, expect, it } from "vitest";
import { settleStart } from "../src/start-state.ts";
import { CoreCluster, type SimNode } from "./core-cluster.ts";

/** Runs per size. Thousands have been run; these are for every day. */
const SEEDS = 15;

/*
 * What a damaged log comes back as: the log as it was behind some earlier record, so with what was overwritten since, and a
 * mark at the highest index and the term that it had. Beside it a state that is durable up to anywhere at or behind the base.
 */

/** The versions of a node's log since it last began, oldest first: as it was when nothing was on its way to the disk. */
class History {
  readonly #versions = new Map<string, LogEntry[][]>();

  note(node: SimNode): void {
    if (node.writes.length > 0) return;
    const versions = this.#versions.get(node.id) ?? [];
    this.#versions.set(node.id, versions);
    const now = entriesOf(node);
    const [before, last] = [versions.at(-1)?.at(-1), now.at(-1)];
    if (before?.index !== last?.index || before?.term !== last?.term || versions.length === 0) versions.push(now);
  }

  /** What is left when some record that was written since then, and all behind it, cannot be read. */
  left(node: SimNode, random: SeededRng): LogEntry[] {
    const versions = this.#versions.get(node.id) ?? [entriesOf(node)];
    const at = this.#version(node, versions, random);
    const [before, after] = [versions[at]!, versions[at + 1] ?? []];
    const differs = after.findIndex((entry) => termIn(before, entry.index) !== entry.term);
    const count = differs < 0 ? 0 : Math.floor(random.next() * (after.length - differs));
    const left = count === 0 ? before : after.slice(0, differs + count);
    return left.filter(({ index }) => index > node.log.base().index);
  }

  /** Mostly one of those that hold what was overwritten since, where there are any. */
  #version({ log }: SimNode, versions: readonly LogEntry[][], random: SeededRng): number {
    const isOld = (entries: readonly LogEntry[]): boolean =>
      entries.some(({ index, term }) => log.termAt(index) !== term);
    const old = [...versions.keys()].filter((at) => isOld(versions[at]!));
    if (old.length > 0 && random.next() < 0.7) return old[Math.floor(random.next() * old.length)]!;
    return Math.floor(random.next() * versions.length);
  }

  /** A log that begins anew, or was cut, is what it is now. */
  forget(id: string): void {
    this.#versions.delete(id);
  }
}

function entriesOf({ log }: SimNode): LogEntry[] {
  return log.lastIndex() < log.firstIndex() ? [] : log.read(log.firstIndex(), log.lastIndex(), 1e9);
}

function termIn(entries: readonly LogEntry[], index: number): number | undefined {
  return entries[index - (entries[0]?.index ?? 0)]?.term;
}

/** No committed entry is lost or replaced, whoever leads, and every node applies the same. */
class Committed {
  readonly #entries = new Map<number, { readonly term: number; readonly text: string; readonly knownIn: number }>();
  readonly #checked = new Map<string, number>();

  check(node: SimNode): void {
    const { role, suspect, term: now } = node.core.status();
    for (let at = this.#checked.get(node.id) ?? 0; at < node.applied.length; at++) {
      const { index, term, text } = node.applied[at]!;
      const known = this.#entries.get(index) ?? { term, text, knownIn: now };
      if (known.term !== term || known.text !== text) {
        throw new Error(`index ${index}: ${known.term} ${known.text} was applied, and ${term} ${text} is`);
      }
      this.#entries.set(index, known);
      this.#checked.set(node.id, at + 1);
    }
    if (role === "follower") return;
    if (suspect) throw new Error(`${node.id} stands or leads, and is suspect`);
    if (role === "leader") this.#leads(node, now);
  }

  #leads({ id, log }: SimNode, now: number): void {
    for (const [index, { term, knownIn }] of this.#entries) {
      if (knownIn > now || index < log.base().index || log.termAt(index) === term) continue;
      throw new Error(`${id} leads term ${now} and has term ${log.termAt(index)} at ${index}, ${term} was applied`);
    }
  }

  goBack(node: SimNode): void {
    this.#checked.set(node.id, 0);
  }
}

class Run {
  readonly random: SeededRng;
  readonly cluster: CoreCluster;
  readonly nodes: SimNode[];
  readonly #history = new History();
  readonly #committed = new Committed();
  readonly #memberships = new Map<string, Membership>();
  readonly #founding: Membership;
  damages = 0;
  overwritten = 0;
  #writes = 0;

  constructor(seed: number, size: number) {
    this.random = new SeededRng(seed * 7907 + size);
    // One entry a message: a log is made whole in many steps, of which each may be the last before something happens.
    this.cluster = new CoreCluster(size, seed, { appendBytesMax: 1 });
    this.nodes = [...this.cluster.nodes.values()];
    this.#founding = this.nodes[0]!.membership;
    this.cluster.check = (node) => {
      this.#committed.check(node);
      this.#history.note(node);
    };
    this.cluster.writeMs = () => this.random.next() * 5;
    this.cluster.delayMs = () => this.random.next() * (this.random.next() < 0.05 ? 300 : 10);
  }

  any(): SimNode {
    return this.nodes[Math.floor(this.random.next() * this.nodes.length)]!;
  }

  /** As many may be suspect as leave a majority of sound ones; of four, one may be a learner. */
  async damage(node: SimNode): Promise<void> {
    const { log } = node;
    const others = this.nodes.filter((each) => each !== node && each.log.suspect().index > 0).length;
    if (others + 1 > (this.nodes.length - 1) / 2) return;
    this.cluster.crash(node.id);
    log.crash();
    const left = this.#history.left(node, this.random);
    const [before, base] = [log.lastIndex(), log.base().index];
    if (left.some(({ index, term }) => log.termAt(index) !== term)) this.overwritten++;
    log.damageBehind(base);
    expect(log.suspect().index).toBeGreaterThanOrEqual(before);
    if (left.length > 0) void log.append({ entries: left });
    if (log.lastIndex() > log.suspect().index) this.#raiseMark(node);
    log.sync();
    this.#history.forget(node.id);
    this.damages++;
    if (this.random.next() < 0.5) this.#losesState(node, base);
    await this.start(node);
    if (this.random.next() < 0.5) await this.#leaderGoes();
  }

  /** While a log is being made whole its leader ends, for long enough to be replaced. */
  async #leaderGoes(): Promise<void> {
    const { cluster, random } = this;
    cluster.run(random.next() * 100);
    const [leader] = cluster.leaders;
    if (leader === undefined) return;
    cluster.isolate(leader.id);
    cluster.run(500 + random.next() * 1_500);
    for (const next of cluster.leaders) this.write(next);
    cluster.run(random.next() * 50);
    if (random.next() < 0.8) cluster.cut.clear();
  }

  /** What is left counts as a sign as well. */
  #raiseMark(node: SimNode): void {
    const { log } = node;
    const left = entriesOf(node);
    log.damageBehind(log.base().index);
    void log.append({ entries: left });
  }

  /** The state goes back to what it held durably. */
  #losesState(node: SimNode, base: number): void {
    const count = base + Math.floor(this.random.next() * (node.applied.length - base + 1));
    node.applied = node.applied.slice(0, count);
    const change = node.applied.findLast(({ index, term }) => this.#memberships.has(`${index}.${term}`));
    node.membership = change === undefined ? this.#founding : this.#memberships.get(`${change.index}.${change.term}`)!;
    this.#committed.goBack(node);
  }

  async start(node: SimNode): Promise<void> {
    const state = new MemoryStateMachine(() => ({}) as never);
    state.applied = () => node.appliedPosition;
    state.checkpoint = () => Promise.resolve(node.appliedPosition);
    node.log.crash();
    const base = node.log.base().index;
    await settleStart(node.log, state, NO_LOGGER);
    if (node.log.base().index !== base) this.#history.forget(node.id);
    this.cluster.boot(node);
  }

  /** Two writes and now and then a node that becomes a learner or a voter: refused during a hand-over. */
  write(leader: SimNode): void {
    try {
      for (let i = 0; i < 2; i++) this.cluster.propose(leader, `w${this.#writes++}`);
      if (this.nodes.length !== 4 || this.random.next() < 0.7) return;
      const { membership } = leader.core.status();
      const last = this.nodes.at(-1)!.id;
      const to = withMembers(
        membership,
        membership.members.map((member) => (member.id === last ? { ...member, voter: !member.voter } : member)),
      );
      const { index, term } = leader.core.changeMembership(to);
      this.#memberships.set(`${index}.${term}`, to);
      this.cluster.drain(leader);
    } catch {
      // Done by the next leader.
    }
  }

  /** The log goes behind what is applied. */
  compact(node: SimNode): void {
    const index = node.core.status().appliedIndex - 3;
    if (!node.up || index <= node.log.base().index) return;
    void node.log.compact(index);
  }

  /** A leader is cut off with what nobody else has, is found by the next one, and may be damaged then. */
  async depose(leader: SimNode): Promise<void> {
    const { cluster, random } = this;
    cluster.isolate(leader.id);
    for (let i = Math.floor(random.next() * 4); i >= 0; i--) this.write(leader);
    cluster.run(1_000 + random.next() * 1_000);
    for (const next of cluster.leaders) this.write(next);
    if (random.next() < 0.7) cluster.cut.clear();
    cluster.run(random.next() * 500);
    if (random.next() < 0.7) await this.damage(leader);
  }

  async round(): Promise<void> {
    const { cluster, random } = this;
    const what = random.next();
    const leader = cluster.leaders[0];
    if (what < 0.15) await this.damage(this.any());
    else if (what < 0.3 && leader !== undefined) await this.depose(leader);
    else if (what < 0.35) cluster.isolate(this.any().id);
    else if (what < 0.4) cluster.crash(this.any().id);
    else if (what < 0.45) this.compact(this.any());
    else if (what < 0.65) cluster.cut.clear();
    else if (what < 0.8) for (const node of this.nodes) if (!node.up) await this.start(node);
    for (const each of cluster.leaders) this.write(each);
    cluster.run(random.next() * (random.next() < 0.5 ? 30 : 900));
  }

  async heal(): Promise<void> {
    const { cluster, nodes } = this;
    cluster.heal();
    for (const node of nodes) if (!node.up) await this.start(node);
    const isHealed = cluster.run(40_000, () => {
      if (cluster.leaders.length !== 1) return false;
      const last = cluster.leaders[0]!.core.status().lastIndex;
      return nodes.every(({ core }) => core.status().appliedIndex === last && !core.status().suspect);
    });
    const states = nodes.map(({ core }) => {
      const { role, term, commitIndex, appliedIndex, lastIndex, suspect } = core.status();
      return JSON.stringify({ role, term, commitIndex, appliedIndex, lastIndex, suspect });
    });
    if (!isHealed) throw new Error(`the cluster did not heal: ${states.join(" ")}`);
  }
}

describe("R13: logs that come back as they once were, with a mark, among cuts and crashes", () => {
  for (const size of [3, 4, 5]) {
    it(`${size} nodes: nothing committed is lost, nothing else applied, all are whole in the end`, async () => {
      let overwritten = 0;
      for (let seed = 1; seed <= SEEDS; seed++) {
        try {
          const run = new Run(seed, size);
          for (let round = 0; round < 60; round++) await run.round();
          await run.heal();
          expect(run.damages).toBeGreaterThan(0);
          overwritten += run.overwritten;
        } catch (error) {
          throw new Error(`seed ${seed}, ${size} nodes: ${(error as Error).message}`, { cause: error });
        }
      }
      expect(overwritten).toBeGreaterThan(0);
    }, 60_000);
  }
});
