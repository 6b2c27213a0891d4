import type { Mutation } from "./mutation.ts";

const CORE = "packages/raft/src/core";

/** Bugs in the pure core. */
export const CORE_MUTATIONS: readonly Mutation[] = [
  {
    name: "commit-old-term",
    bug: "an entry of an older term is committed by counting (Figure 8)",
    file: `${CORE}/replication.ts`,
    find: "if (index <= s.commit || s.log.termAt(index) !== s.term) return;",
    replace: "if (index <= s.commit) return;",
    seedsMax: 3_000,
    caughtBy: ["04-leader-completeness"],
  },
  {
    name: "vote-before-durable",
    bug: "a granted vote leaves before it is durable",
    file: `${CORE}/election.ts`,
    find: "if (granted) s.sendAfterWrite(from, reply);",
    replace: "if (granted) s.send(from, reply);",
    seedsMax: 3_000,
    caughtBy: ["07-one-vote"],
  },
  {
    name: "leader-counts-itself-early",
    bug: "the leader counts its own entries before they are durable",
    file: `${CORE}/replication.ts`,
    find: "const index = committedIndex(s.voters, (voter) => s.progress.get(voter)?.counted ?? 0);",
    replace:
      "const index = committedIndex(s.voters, (voter) => (voter === s.id ? s.log.lastIndex : (s.progress.get(voter)?.counted ?? 0)));",
    seedsMax: 300,
    caughtBy: ["08-committed-on-a-majority"],
  },
];
