import type { Mutation } from "./mutation.ts";

const CORE = "packages/raft/src/core";

/** Bugs in what becomes of a node whose log was damaged. */
export const SUSPECT_MUTATIONS: readonly Mutation[] = [
  {
    name: "suspect-votes",
    bug: "a node that has lost what it acknowledged votes",
    file: `${CORE}/election.ts`,
    find: "    s.suspicion === null &&\n    request.term === s.term &&",
    replace: "    request.term === s.term &&",
    seedsMax: 3_000,
    caughtBy: ["04-leader-completeness"],
  },
  {
    name: "suspect-stands",
    bug: "a node that has lost what it acknowledged stands for election",
    file: `${CORE}/role.ts`,
    find: 'if (s.installing || s.suspicion !== null || s.role === "leader") return false;',
    replace: 'if (s.installing || s.role === "leader") return false;',
    seedsMax: 3_000,
    caughtBy: ["04-leader-completeness"],
  },
  {
    name: "suspect-trusted-early",
    bug: "a damaged node is trusted as soon as it has what the leader has committed",
    file: `${CORE}/suspicion.ts`,
    find: "if ((index < suspicion.lost.index && !isNewer) || index < commit) return;",
    replace: "if (index < commit && !isNewer) return;",
    seedsMax: 3_000,
    caughtBy: ["04-leader-completeness"],
  },
  {
    name: "suspect-trusted-before-durable",
    bug: "a damaged node is trusted before its disk has what was missing",
    file: `${CORE}/suspicion.ts`,
    find: "if (suspicion.wholeTerm !== s.term || s.log.durableIndex < suspicion.wholeIndex) return;",
    replace: "if (suspicion.wholeTerm !== s.term) return;",
    seedsMax: 3_000,
    caughtBy: ["14-restart-identity"],
  },
];
