import type { Mutation } from "./mutation.ts";

const CORE = "packages/raft/src/core";

/** Bugs in how the core changes members. */
export const MEMBERSHIP_MUTATIONS: readonly Mutation[] = [
  {
    name: "membership-not-rolled-back",
    bug: "a membership stays although its entry was overwritten",
    file: `${CORE}/replication.ts`,
    find: "  s.configurations.truncateFrom(from);\n",
    replace: "",
    seedsMax: 100,
    caughtBy: ["liveness", "unexpected-stop", "exception"],
  },
  {
    name: "membership-forgotten-at-restart",
    bug: "memberships in the log that are not applied are forgotten at a restart",
    file: `${CORE}/core.ts`,
    find: "    this.#findMemberships(applied.index);\n",
    replace: "",
    seedsMax: 100,
    caughtBy: ["liveness", "08-committed-on-a-majority"],
  },
  {
    name: "two-voters-at-once",
    bug: "two voters may change at once",
    file: `${CORE}/configurations.ts`,
    find: "if (added + removed > 1)",
    replace: "if (added + removed > 2)",
    seedsMax: 20,
    caughtBy: ["09-memberships-overlap"],
  },
  {
    name: "second-change-while-pending",
    bug: "a change is taken while another is not committed",
    file: `${CORE}/leadership.ts`,
    find: "if (s.commit < s.termStart || s.configurations.index > s.commit) {",
    replace: "if (s.commit < s.termStart) {",
    seedsMax: 100,
    caughtBy: ["09-memberships-overlap"],
  },
  {
    name: "change-before-first-commit",
    bug: "a new leader changes the members before it has committed an entry of its term (scenario M2)",
    file: `${CORE}/leadership.ts`,
    find: "if (s.commit < s.termStart || s.configurations.index > s.commit) {",
    replace: "if (s.configurations.index > s.commit) {",
    seedsMax: 300,
    caughtBy: ["04-leader-completeness"],
  },
  {
    name: "removed-leader-leads-on",
    bug: "a leader that was removed leads on",
    file: `${CORE}/replication.ts`,
    find: '  replicate(s);\n  becomeFollower(s, s.term, null, "removed from the membership");\n',
    replace: "",
    seedsMax: 100,
    caughtBy: ["liveness"],
  },
  {
    name: "removed-by-uncommitted-never-stands",
    bug: "who is removed by an entry that is not committed never stands again",
    file: `${CORE}/role.ts`,
    find: "return s.configurations.isVoterUnlessCommitted(s.id, s.commit);",
    replace: "return s.configurations.isVoter(s.id);",
    seedsMax: 1_000,
    caughtBy: ["liveness"],
  },
];
