import { isDisterError, type Membership, membershipOf } from "@dister/types";
import { SeededRng } from "@dister/types/testing";
import { describe, expect, it } from "vitest";
import { CoreCluster, member, nodeId, type SimNode } from "./core-cluster.ts";
import { Invariants } from "./invariants.ts";

const SPARE = 2;
/** Runs per size. Thousands have been run; these are for every day. */
const SEEDS = 20;

/** One seeded run: faults, writes, reads, changes of the members, snapshots for whoever the log left behind. */
class Run {
  readonly cluster: CoreCluster;
  readonly invariants = new Invariants();
  readonly random: SeededRng;
  readonly seen = { changes: 0, snapshots: 0 };
  #writes = 0;

  constructor(seed: number, size: number) {
    this.random = new SeededRng(seed * 6_011 + size);
    this.cluster = new CoreCluster(size, seed, { inflightAppendsMax: 4, appendBytesMax: 200 });
    for (let spare = 1; spare <= SPARE; spare++) this.cluster.add(nodeId(size + spare));
    const { cluster, random } = this;
    cluster.check = (node) => this.invariants.check(node);
    cluster.delayMs = () => (random.next() < 0.05 ? random.next() * 400 : random.next() * 10);
    cluster.writeMs = () => random.next() * (random.next() < 0.05 ? 300 : 5);
    cluster.snapshotMs = () => random.next() * 200;
    cluster.lossRate = random.next() < 0.5 ? 0.05 : 0;
    cluster.doubleRate = 0.05;
  }

  get nodes(): SimNode[] {
    return [...this.cluster.nodes.values()];
  }

  /** For a failure's message: who is where, and whom it takes for the voters. */
  describe(): string {
    return this.nodes
      .map((node) => {
        const { role, term, commitIndex, lastIndex, firstIndex, membership, progress } = node.core.status();
        const voters = membership.members.map(({ id, voter }) => (voter ? "" : "-") + Number.parseInt(id, 16));
        const peers = progress.map(
          (peer) => `${Number.parseInt(peer.id, 16)}:${peer.state}@${peer.match}/${peer.next}`,
        );
        return `${role} term ${term}, log ${firstIndex}..${lastIndex}, commit ${commitIndex}, of ${voters.join()} ${peers.join()}`;
      })
      .join("; ");
  }

  any(): SimNode {
    return this.nodes[Math.floor(this.random.next() * this.nodes.length)]!;
  }

  fault(): void {
    const { cluster } = this;
    const what = this.random.next();
    if (what < 0.08) cluster.isolate(this.any().id);
    else if (what < 0.14) cluster.cut.add(`${this.any().id}>${this.any().id}`);
    else if (what < 0.34) cluster.cut.clear();
    else if (what < 0.42) this.#crash();
    else if (what < 0.6) for (const node of this.nodes) if (!node.up) cluster.boot(node);
  }

  /** Rather a node that is just writing; often it is back at once, while what it said before is still under way. */
  #crash(): void {
    const writing = this.nodes.filter((node) => node.up && node.writes.length > 0);
    const node = writing[Math.floor(this.random.next() * writing.length)] ?? this.any();
    this.cluster.crash(node.id);
    if (this.random.next() < 0.5) this.cluster.boot(node);
  }

  work(): void {
    const { cluster, random } = this;
    for (const leader of cluster.leaders) {
      for (let i = 0; i < 4; i++) this.#tolerant(() => cluster.propose(leader, `w${this.#writes++}`));
      if (random.next() < 0.3) this.#tolerant(() => this.#change(leader));
      if (random.next() < 0.03) this.#tolerant(() => leader.core.transferLeadership(undefined, cluster.nowMs));
    }
    for (const node of this.nodes) {
      if (!node.up) continue;
      if (random.next() < 0.5) this.invariants.askRead(node, cluster.nowMs);
      cluster.drain(node);
      if (random.next() < 0.2) this.#compact(node);
    }
  }

  /** One member more, fewer, promoted or demoted; also what a leader must refuse. */
  #change(leader: SimNode): void {
    const { members: now } = leader.core.status().membership;
    const number = 1 + Math.floor(this.random.next() * this.nodes.length);
    const id = nodeId(number);
    const known = now.find((each) => each.id === id);
    const others = now.filter((each) => each.id !== id);
    const what = this.random.next();
    let next: Membership;
    if (known === undefined) next = membershipOf([...now, member(number, what < 0.3)]);
    else if (what < 0.4) next = membershipOf(others);
    else next = membershipOf([...others, member(number, !known.voter)]);
    leader.core.changeMembership(next);
    this.seen.changes++;
  }

  #compact(node: SimNode): void {
    const upTo = node.core.status().appliedIndex - Math.floor(this.random.next() * 10);
    if (upTo > node.log.base().index) void node.log.compact(upTo);
  }

  #tolerant(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (!isDisterError(error)) throw error;
    }
  }

  /** All faults end; the members must come together, with equal logs, in a bounded time. */
  heal(): void {
    const { cluster } = this;
    cluster.heal();
    cluster.delayMs = () => 1;
    cluster.writeMs = () => 1;
    cluster.snapshotMs = () => 3;
    for (const node of this.nodes) if (!node.up) cluster.boot(node);
    const together = (): boolean => {
      const [leader, second] = cluster.leaders;
      if (leader === undefined || second !== undefined) return false;
      const { lastIndex, membership } = leader.core.status();
      return membership.members.every(({ id }) => cluster.node(id).core.status().appliedIndex === lastIndex);
    };
    if (!cluster.run(20_000, together)) throw new Error(`the cluster did not heal: ${this.describe()}`);
    for (const node of this.nodes) this.seen.snapshots += node.log.base().index > 0 ? 1 : 0;
  }
}

describe("random faults with changing members, snapshots and reads", () => {
  for (const size of [1, 2, 3, 4, 5]) {
    it(`${size} founders and ${SPARE} others: nothing is lost or doubled, no read is stale, and it heals`, {
      timeout: 30_000,
    }, () => {
      const total = { changes: 0, snapshots: 0, reads: 0 };
      for (let seed = 1; seed <= SEEDS; seed++) {
        try {
          const run = new Run(seed, size);
          for (let round = 0; round < 60; round++) {
            run.fault();
            run.work();
            run.cluster.run(run.random.next() * 400);
          }
          run.heal();
          total.changes += run.seen.changes;
          total.snapshots += run.seen.snapshots;
          total.reads += run.invariants.readsAnswered;
        } catch (error) {
          throw new Error(`seed ${seed}, ${size} nodes: ${(error as Error).message}`, { cause: error });
        }
      }
      expect(total.changes).toBeGreaterThan(3 * SEEDS);
      expect(total.snapshots).toBeGreaterThan(SEEDS);
      expect(total.reads).toBeGreaterThan(12 * SEEDS);
    });
  }
});
