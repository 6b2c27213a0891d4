import type { Mutation } from "./mutation.ts";

const CORE = "packages/raft/src/core";

/** Bugs in what becomes of a node whose log was damaged. */
export const SUSPECT_MUTATIONS: readonly Mutation[] = [
  {
    name: "suspect-stands",
    bug: "a node that has lost what it acknowledged stands for election",
    file: `${CORE}/role.ts`,
    find: 'if (s.installing || s.suspicion !== null || s.role === "leader") return false;',
    replace: 'if (s.installing || s.role === "leader") return false;',
    seedsMax: 100,
    caughtBy: ["04-leader-completeness"],
  },
  {
    name: "suspect-believes-heartbeats",
    bug: "a damaged log, which may end with what had been overwritten, is applied as far as a heartbeat says",
    file: `${CORE}/replication.ts`,
    find: "Math.min(heartbeat.commit, comparedIndex(s))",
    replace: "Math.min(heartbeat.commit, s.log.lastIndex)",
    seedsMax: 1000,
    caughtBy: ["13-change-streams", "05-state-machine-safety"],
  },
];
