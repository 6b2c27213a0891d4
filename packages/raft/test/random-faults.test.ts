import { SeededRng } from "@dister/types/testing";
import { describe, expect, it } from "vitest";
import { CoreCluster, type SimNode } from "./core-cluster.ts";
import { Invariants } from "./invariants.ts";

/** Runs per size. Thousands have been run; these are for every day. */
const SEEDS = 25;

function faultyRun(seed: number, size: number): { writes: number; elections: number } {
  const random = new SeededRng(seed * 7919 + size);
  const cluster = new CoreCluster(size, seed);
  const invariants = new Invariants();
  cluster.check = (node) => invariants.check(node);
  cluster.delayMs = () => (random.next() < 0.05 ? random.next() * 400 : random.next() * 10);
  cluster.writeMs = () => random.next() * (random.next() < 0.05 ? 300 : 5);
  cluster.lossRate = random.next() < 0.5 ? 0.1 : 0;
  cluster.doubleRate = 0.05;
  const nodes = [...cluster.nodes.values()];
  const any = (): SimNode => nodes[Math.floor(random.next() * size)]!;
  let writes = 0;
  for (let round = 0; round < 60; round++) {
    const what = random.next();
    if (what < 0.1) cluster.isolate(any().id);
    else if (what < 0.15) cluster.cut.add(`${any().id}>${any().id}`);
    else if (what < 0.35) cluster.cut.clear();
    else if (what < 0.45) cluster.crash(any().id);
    else if (what < 0.6) for (const node of nodes) if (!node.up) cluster.boot(node);
    const leader = cluster.leaders[0];
    if (what >= 0.6 && what < 0.63 && leader !== undefined && size > 1) {
      try {
        leader.core.transferLeadership(undefined, cluster.nowMs);
      } catch {
        // Refused while another is under way.
      }
    }
    for (const node of cluster.leaders) {
      for (let i = 0; i < 3; i++) {
        try {
          cluster.propose(node, `w${writes++}`);
        } catch {
          // Refused during a hand-over.
        }
      }
    }
    const reader = any();
    if (reader.up) {
      invariants.askRead(reader, cluster.nowMs);
      cluster.drain(reader);
    }
    cluster.run(random.next() * 600);
  }
  cluster.heal();
  for (const node of nodes) if (!node.up) cluster.boot(node);
  cluster.delayMs = () => 1;
  cluster.writeMs = () => 1;
  const healed = cluster.run(20_000, () => {
    if (cluster.leaders.length !== 1) return false;
    const last = cluster.leaders[0]!.core.status().lastIndex;
    return nodes.every((node) => node.core.status().appliedIndex === last);
  });
  if (!healed) throw new Error(`seed ${seed}, size ${size}: the cluster did not heal`);
  return { writes, elections: Math.max(...nodes.map((node) => node.core.status().term)) };
}

describe("random loss, delay, doubling, cuts, crashes and slow disks", () => {
  for (const size of [1, 2, 3, 4, 5]) {
    it(`${size} nodes: one leader a term, equal entries everywhere, and it heals`, { timeout: 30_000 }, () => {
      let elections = 0;
      for (let seed = 1; seed <= SEEDS; seed++) {
        try {
          elections += faultyRun(seed, size).elections;
        } catch (error) {
          throw new Error(`seed ${seed}, ${size} nodes: ${(error as Error).message}`, { cause: error });
        }
      }
      expect(elections).toBeGreaterThanOrEqual(size === 1 ? SEEDS : 2 * SEEDS);
    });
  }
});
