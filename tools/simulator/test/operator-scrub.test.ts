import { DisterError } from "@dister/types";
import { expect, test } from "vitest";
import { OPERATOR_FAULTS } from "../src/faults/operator-faults.ts";
import type { Fault } from "../src/faults/plan.ts";
import { write } from "../src/faults/story.ts";
import { Cluster } from "../src/world/cluster.ts";
import type { Process } from "../src/world/process.ts";
import { settingOf } from "../src/world/setting.ts";
import { Trace } from "../src/world/trace.ts";
import { World } from "../src/world/world.ts";

const SCRUB: Fault = { number: 0, kind: "operator.scrub", atMs: 0, forMs: 0, whom: 0, how: 0, more: 0 };

/** Three nodes with a leader whose log has files that are complete, so that a scrub has something to open. */
async function clusterWithFiles(): Promise<{ cluster: Cluster; world: World; leader: Process }> {
  const world = new World(1, new Trace(false));
  const setting = settingOf(1);
  const compaction = { ...setting.compaction, checkpointEntries: 1_000 };
  const cluster = new Cluster(world, { ...setting, voters: 3, spares: 0, log: { entriesPerFile: 3 }, compaction });
  for (const machine of cluster.machines) machine.start();
  await world.run(10_000, () => (cluster.leader?.status.commitIndex ?? 0) > 0);
  const leader = cluster.leader!;
  const dice = world.dice("writes");
  while (leader.status.lastIndex < 10) {
    leader.run(() => write(cluster, leader, dice));
    await world.run(world.nowMs + 100);
  }
  return { cluster, world, leader };
}

test("a scrub on a disk that halts in that moment ends the process, and breaks no rule", async () => {
  const { cluster, world, leader } = await clusterWithFiles();
  leader.machine.disk.haltAfter(0);
  OPERATOR_FAULTS["operator.scrub"](cluster, SCRUB);
  expect(leader.isAlive).toBe(false);
  await world.run(world.nowMs + 10);
});

test.each([
  ["that no disk explains", new TypeError("not a function")],
  [
    "of a disk with which nothing is wrong",
    new DisterError("DISTER_ERR_DISK", { operation: "read", path: "/", reason: "EIO" }),
  ],
])("an exception of a living process is found: one %s", async (_, error) => {
  const { cluster, world, leader } = await clusterWithFiles();
  leader.log.verify = () => {
    throw error;
  };
  OPERATOR_FAULTS["operator.scrub"](cluster, SCRUB);
  await expect(world.run(world.nowMs + 10)).rejects.toThrow(/unexpected-stop.*stopped itself without a reason/);
});
