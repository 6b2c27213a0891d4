import type { Chance } from "../chance.ts";
import type { Cluster } from "../cluster.ts";
import { AppendWorkload } from "./append.ts";
import { LocalReadWorkload } from "./local-reads.ts";
import { MultiKeyWorkload } from "./multi-key.ts";
import { RegisterWorkload } from "./register.ts";
import { SetWorkload } from "./set.ts";
import type { Tally } from "./tally.ts";
import type { Workload, WorkloadParts } from "./workload.ts";

/** The workloads of one phase. */
export interface PhaseWorkloads {
  readonly all: readonly Workload[];
  readonly append: AppendWorkload;
}

/** All workloads, with keys of their own. */
export function workloadsOf(options: {
  cluster: Cluster;
  chance: Chance;
  tally: Tally;
  prefix: string;
}): PhaseWorkloads {
  const { cluster, chance, tally, prefix } = options;
  const partsFor = (name: string): WorkloadParts => ({
    api: cluster.api,
    chance: chance.fork(name),
    prefix: `${prefix}${name}/`,
    tally,
    startCount: (node) => cluster.nodes[node]!.startCount,
  });
  const append = new AppendWorkload(partsFor("append"));
  const all = [
    new RegisterWorkload(partsFor("register")),
    new SetWorkload(partsFor("set")),
    append,
    new MultiKeyWorkload(partsFor("multi-key")),
    new LocalReadWorkload(partsFor("local-read")),
  ];
  return { all, append };
}
