import { MEMBERSHIP_MUTATIONS } from "./membership-mutations.ts";
import type { Mutation } from "./mutation.ts";
import { SUSPECT_MUTATIONS } from "./suspect-mutations.ts";

const CORE = "packages/raft/src/core";

const ELECTIONS: readonly Mutation[] = [
  {
    name: "vote-before-durable",
    bug: "a granted vote leaves before it is durable",
    file: `${CORE}/election.ts`,
    find: "if (granted) s.sendAfterWrite(from, reply);",
    replace: "if (granted) s.send(from, reply);",
    seedsMax: 100,
    caughtBy: ["07-one-vote"],
  },
  {
    name: "second-vote",
    bug: "whoever knows no leader votes again in the same term",
    file: `${CORE}/election.ts`,
    find: "(s.vote === from || (s.vote === null && s.leader === null)) &&",
    replace: "(s.vote === from || s.leader === null) &&",
    seedsMax: 50,
    caughtBy: ["07-one-vote"],
  },
  {
    name: "up-to-date-by-index",
    bug: "logs are compared by their length alone",
    file: `${CORE}/raft-log.ts`,
    find: "return other.term > own.term || (other.term === own.term && other.index >= own.index);",
    replace: "return other.index >= own.index;",
    seedsMax: 1_000,
    caughtBy: ["04-leader-completeness"],
  },
  {
    name: "late-pre-vote-counts",
    bug: "an answer to a pre-vote that comes late counts as a vote",
    file: `${CORE}/election.ts`,
    find: [
      "  const asked = reply.pre ? s.term + 1 : s.term;",
      '  if (s.role !== (reply.pre ? "preCandidate" : "candidate") || reply.asked !== asked) return;',
    ].join("\n"),
    replace: [
      '  const asked = s.role === "preCandidate" ? s.term + 1 : s.term;',
      '  if ((s.role !== "preCandidate" && s.role !== "candidate") || reply.asked !== asked) return;',
    ].join("\n"),
    seedsMax: 50,
    caughtBy: ["01-election-safety", "04-leader-completeness", "exception"],
  },
  {
    name: "half-is-a-majority",
    bug: "half of an even number of voters is a majority",
    file: `${CORE}/quorum.ts`,
    find: "return Math.floor(voters / 2) + 1;",
    replace: "return Math.ceil(voters / 2);",
    seedsMax: 20,
    caughtBy: ["08-committed-on-a-majority", "01-election-safety"],
  },
  {
    name: "no-empty-entry",
    bug: "a new leader appends no entry of its term",
    file: `${CORE}/election.ts`,
    find: "    { index: s.termStart, term: s.term, r: s.drawR(), kind: ENTRY_KIND.empty, payload: new Uint8Array(0) },\n",
    replace: "",
    seedsMax: 50,
    caughtBy: ["liveness"],
  },
];

const REPLICATION: readonly Mutation[] = [
  {
    name: "commit-old-term",
    bug: "an entry of an older term is committed by counting (Figure 8)",
    file: `${CORE}/replication.ts`,
    find: "if (index <= s.commit || s.log.termAt(index) !== s.term) return;",
    replace: "if (index <= s.commit) return;",
    seedsMax: 300,
    caughtBy: ["04-leader-completeness"],
  },
  {
    name: "leader-counts-itself-early",
    bug: "the leader counts its own entries before they are durable",
    file: `${CORE}/replication.ts`,
    find: "const index = committedIndex(s.voters, (voter) => s.progress.get(voter)?.counted ?? 0);",
    replace:
      "const index = committedIndex(s.voters, (voter) => (voter === s.id ? s.log.lastIndex : (s.progress.get(voter)?.counted ?? 0)));",
    seedsMax: 20,
    caughtBy: ["08-committed-on-a-majority"],
  },
  {
    name: "learners-count",
    bug: "learners count for a commit",
    file: `${CORE}/replication.ts`,
    find: "const index = committedIndex(s.voters, (voter) => s.progress.get(voter)?.counted ?? 0);",
    replace:
      "const everybody = s.configurations.current.members.map(({ id }) => id);\n  const index = committedIndex(everybody, (voter) => s.progress.get(voter)?.counted ?? 0);",
    seedsMax: 50,
    caughtBy: ["08-committed-on-a-majority"],
  },
  {
    name: "doubled-append-truncates",
    bug: "an append whose entries are here already cuts the log behind them",
    file: `${CORE}/replication.ts`,
    find: "if (fresh >= 0) takeEntries(s, entries.slice(fresh));",
    replace: "if (entries.length > 0) takeEntries(s, fresh >= 0 ? entries.slice(fresh) : entries);",
    seedsMax: 20,
    caughtBy: ["unexpected-stop", "exception"],
  },
  {
    name: "hint-off-by-one",
    bug: "behind a refusal the leader goes on one entry too far",
    file: `${CORE}/replication.ts`,
    find: "progress.next = Math.max(progress.match + 1, conflicts ? agreed.index : agreed.index + 1);",
    replace: "progress.next = Math.max(progress.match + 1, conflicts ? agreed.index : agreed.index + 2);",
    seedsMax: 20,
    caughtBy: ["liveness"],
  },
  {
    name: "match-from-what-was-sent",
    bug: "the leader takes what it sent last for what the answer acknowledges",
    file: `${CORE}/replication.ts`,
    find: "const news = progress.acknowledged(index, s.nowMs);",
    replace: "const news = progress.acknowledged(Math.max(index, progress.next - 1), s.nowMs);",
    seedsMax: 20,
    caughtBy: ["08-committed-on-a-majority"],
  },
  {
    name: "acknowledged-before-durable",
    bug: "an accepted append is acknowledged before it is durable",
    file: `${CORE}/replication.ts`,
    find: 's.sendAfterWrite(to, { type: "appendReply", term: s.term, ok: true,',
    replace: 's.sendAfterVote(to, { type: "appendReply", term: s.term, ok: true,',
    seedsMax: 20,
    caughtBy: ["08-committed-on-a-majority"],
  },
  {
    name: "heartbeat-commits-too-much",
    bug: "a heartbeat names a commit index that the peer may not have",
    file: `${CORE}/heartbeat.ts`,
    find: "commit: Math.min(s.commit, progress.match), round",
    replace: "commit: s.commit, round",
    seedsMax: 20,
    caughtBy: ["unexpected-stop", "13-change-streams", "exception", "05-state-machine-safety"],
  },
  {
    name: "applied-before-durable",
    bug: "entries are applied before they are durable here",
    file: `${CORE}/core.ts`,
    find: "return s.installing ? s.applied : Math.min(s.commit, s.log.durableIndex);",
    replace: "return s.installing ? s.applied : s.commit;",
    seedsMax: 20,
    caughtBy: ["13-change-streams", "unexpected-stop", "12-order-of-positions"],
  },
  {
    name: "snapshot-without-members",
    bug: "the membership of a snapshot is not taken over",
    file: `${CORE}/core.ts`,
    find: "    s.configurations.reset(position.index, membership);\n",
    replace: "",
    seedsMax: 100,
    caughtBy: ["liveness"],
  },
];

const READS: readonly Mutation[] = [
  {
    name: "read-without-round",
    bug: "a leader answers a read without asking whether it still leads",
    file: `${CORE}/reads.ts`,
    find: "if (s.voters.length === 0 || acks < majorityOf(s.voters.length)) return false;",
    replace: "if (s.voters.length === 0 || acks > majorityOf(s.voters.length)) return false;",
    seedsMax: 50,
    caughtBy: ["10-reads-see-every-commit"],
  },
  {
    name: "read-before-first-commit",
    bug: "a new leader answers reads before it has committed an entry of its term",
    file: `${CORE}/reads.ts`,
    find: " || s.commit < s.termStart) return;",
    replace: ") return;",
    seedsMax: 1_000,
    caughtBy: ["10-reads-see-every-commit"],
  },
];

/** Bugs in the pure core. */
export const CORE_MUTATIONS: readonly Mutation[] = [
  ...ELECTIONS,
  ...REPLICATION,
  ...READS,
  ...MEMBERSHIP_MUTATIONS,
  ...SUSPECT_MUTATIONS,
];
