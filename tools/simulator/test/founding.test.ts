import { describe, expect, it } from "vitest";
import { FoundingRun, type FoundingSetting, runFounding } from "../src/founding/founding-run.ts";

/** Everybody knows everybody and starts at once. */
function calmSetting(nodes: number, minNode: number): FoundingSetting {
  const numbers = Array.from({ length: nodes }, (_, at) => at + 1);
  return { nodes, minNode, peers: numbers.map(() => numbers), startMs: numbers.map(() => 0), storm: false };
}

const clustersOf = (run: FoundingRun): Set<string> =>
  new Set(run.nodes.map(({ life }) => life?.identity.current.clusterId ?? ""));

function end(run: FoundingRun): void {
  for (const node of run.nodes) node.kill({});
}

describe("founding", () => {
  it("120 storms of power failures, cuts and restarts break no rule, and everybody else says what helps", {
    timeout: 120_000,
  }, async () => {
    let [clusters, members, kills] = [0, 0, 0];
    for (let seed = 1; seed <= 120; seed++) {
      const result = await runFounding(seed);
      expect([seed, result.violation]).toEqual([seed, null]);
      clusters += result.clusters;
      members += result.members;
      kills += result.kills;
    }
    console.log(`120 foundings, ${kills} power failures, ${clusters} clusters, ${members} members`);
    expect(Math.min(clusters, members, kills)).toBeGreaterThan(80);
  });

  it.each([
    [1, 1],
    [2, 2],
    [3, 2],
    [3, 3],
    [5, 3],
    [5, 5],
  ])("%d servers with MinNode %d that start at the same time are one cluster in the end", async (nodes, minNode) => {
    for (let seed = 1; seed <= 10; seed++) {
      const run = new FoundingRun(seed, calmSetting(nodes, minNode));
      await run.pass(3_000);
      expect([seed, [...clustersOf(run)]]).toEqual([seed, [expect.stringMatching(/^[0-9A-F]{16}$/)]]);
      end(run);
    }
  });

  it("survives a power failure of any node at any change of its disk, with and without what was not synced", async () => {
    const calm = new FoundingRun(1, calmSetting(3, 3));
    await calm.pass(3_000);
    const steps = calm.nodes.map(({ files }) => files.operations);
    end(calm);
    let crashes = 0;
    for (const victim of [0, 1, 2]) {
      for (const kept of [false, true]) {
        for (let operations = 0; operations < steps[victim]!; operations++) {
          const run = new FoundingRun(1, calmSetting(3, 3));
          const node = run.nodes[victim]!;
          node.files.haltAfter(operations);
          await run.pass(3_000);
          expect(node.life?.identity.current.clusterId ?? "").toBe("");
          node.kill({ keepSector: () => kept, keepName: () => kept });
          await run.pass(3_000);
          const clusters = [...clustersOf(run)];
          expect([victim, kept, operations, clusters.length]).toEqual([victim, kept, operations, 1]);
          expect(clusters).not.toContain("");
          end(run);
          crashes++;
        }
      }
    }
    console.log(`${crashes} power failures`);
    expect(crashes).toBe(2 * (steps[0]! + steps[1]! + steps[2]!));
  });

  it("waits for a founder that is gone for good, and says the command that helps", async () => {
    const run = new FoundingRun(1, calmSetting(3, 3));
    const lost = run.nodes[2]!;
    lost.start();
    // It makes its identity and can promise nothing: the others have, and wait.
    lost.files.haltAfter(0);
    await run.pass(2_000);
    lost.kill({});
    await run.pass(5, () => lost.kill({}));
    const reasons = run.nodes.flatMap(({ life }) => (life === null ? [] : [life.waitingFor]));
    expect(reasons.length).toBeGreaterThan(0);
    for (const reason of reasons) expect(reason).toMatch(/^founder n\d .*: start it again, or, if .*dister node reset/);
    end(run);
  });
});
