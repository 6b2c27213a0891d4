import { describe, expect, it } from "vitest";
import { Chance } from "../src/chance.ts";
import { AppendWorkload } from "../src/workload/append.ts";
import { LocalReadWorkload } from "../src/workload/local-reads.ts";
import { MultiKeyWorkload } from "../src/workload/multi-key.ts";
import { RegisterWorkload } from "../src/workload/register.ts";
import { SetWorkload } from "../src/workload/set.ts";
import { Tally } from "../src/workload/tally.ts";
import type { Workload, WorkloadParts } from "../src/workload/workload.ts";
import { type Lie, LyingCluster } from "./lying-cluster.ts";

const WORKLOADS = {
  register: RegisterWorkload,
  set: SetWorkload,
  append: AppendWorkload,
  "multi-key": MultiKeyWorkload,
  "local-read": LocalReadWorkload,
} as const satisfies Record<string, new (parts: WorkloadParts) => Workload>;

async function violationsOf(name: keyof typeof WORKLOADS, lie?: Lie): Promise<string[]> {
  const api = new LyingCluster(lie);
  const parts = { api, chance: new Chance(1), prefix: `${name}/`, tally: new Tally(), startCount: () => 1 };
  const workload = new WORKLOADS[name](parts);
  for (let round = 0; round < 60; round++) await Promise.all([workload.step(), workload.step(), workload.step()]);
  await workload.settle();
  return workload.violations();
}

describe("a workload", () => {
  it.each(Object.keys(WORKLOADS) as (keyof typeof WORKLOADS)[])(
    "finds nothing wrong with a cluster that refuses, loses replies and does not lie: %s",
    async (name) => {
      expect(await violationsOf(name)).toEqual([]);
    },
  );

  it.each([
    ["register", "loses a write"],
    ["register", "reads the past"],
    ["register", "refuses and does it"],
    ["set", "loses a write"],
    ["set", "refuses and does it"],
    ["set", "differs between nodes"],
    ["append", "loses a write"],
    ["append", "applies twice"],
    ["append", "applies an old write again"],
    ["multi-key", "writes half"],
    ["multi-key", "reads the past"],
    ["multi-key", "loses a write"],
    ["local-read", "goes back"],
    ["local-read", "loses a write"],
  ] as const)("of the kind %s finds out a cluster that %s", async (name, lie) => {
    expect(await violationsOf(name, lie)).not.toEqual([]);
  });
});
