import type { CoreStatus } from "@dister/raft";
import { encodeCommand } from "@dister/store";
import { ENTRY_KIND, encodeMembership, LIMITS, type LogEntry, membershipOf, type RaftMessage } from "@dister/types";
import { beforeEach, describe, expect, test } from "vitest";
import { Histories } from "../src/clients/histories.ts";
import { ElectionSafety } from "../src/invariants/01-election-safety.ts";
import { LeaderAppendOnly } from "../src/invariants/02-leader-append-only.ts";
import { LogMatching } from "../src/invariants/03-log-matching.ts";
import { LeaderCompleteness } from "../src/invariants/04-leader-completeness.ts";
import { StateMachineSafety } from "../src/invariants/05-state-machine-safety.ts";
import { NothingGoesBack } from "../src/invariants/06-nothing-goes-back.ts";
import { OneVote } from "../src/invariants/07-one-vote.ts";
import { CommittedOnMajority } from "../src/invariants/08-committed-on-a-majority.ts";
import { MembershipsOverlap } from "../src/invariants/09-memberships-overlap.ts";
import { ReadsSeeEveryCommit } from "../src/invariants/10-reads-see-every-commit.ts";
import { AppliedOnce } from "../src/invariants/11-applied-once.ts";
import { OrderOfPositions } from "../src/invariants/12-order-of-positions.ts";
import { ChangeStreams } from "../src/invariants/13-change-streams.ts";
import { RestartIdentity } from "../src/invariants/14-restart-identity.ts";
import { Bounds } from "../src/invariants/15-bounds.ts";
import { Facts } from "../src/invariants/facts.ts";
import { memberOf } from "../src/world/cluster.ts";
import { LogModel } from "../src/world/log-model.ts";
import { Process } from "../src/world/process.ts";

/** A process that is nothing but what a test says of it. */
function pretend(name: string, parts: object = {}): Process {
  const machine = { id: name, name, appliedDurable: { index: 0, term: 0 }, damage: "none", model: null, ...parts };
  return Object.assign(Object.create(Process.prototype), { machine, ...parts });
}

/** A log that has these terms from index 1 on. */
function logOf(terms: readonly number[], baseIndex = 0) {
  return {
    lastIndex: () => baseIndex + terms.length,
    firstIndex: () => baseIndex + 1,
    base: () => ({ index: baseIndex, term: 0 }),
    termAt: (index: number) => (index === baseIndex ? 0 : terms[index - baseIndex - 1]),
    read: () => [],
    suspect: () => ({ index: 0, term: 0 }),
  };
}

function status(parts: Partial<CoreStatus>): CoreStatus {
  const some = { role: "follower", term: 1, commitIndex: 0, appliedIndex: 0, lastIndex: 0, durableIndex: 0 };
  return Object.assign({ firstIndex: 1, suspect: false, membership: founding }, some, parts) as CoreStatus;
}

function entry(index: number, term: number, text = "x"): LogEntry {
  return { index, term, r: 0, kind: ENTRY_KIND.empty, payload: Buffer.from(text) };
}

const founding = membershipOf([memberOf(0), memberOf(1), memberOf(2)]);
const [a, b] = [pretend("a"), pretend("b")];
let facts: Facts;
beforeEach(() => {
  facts = new Facts(founding);
});

describe("every rule notices what it is there for, and nothing else", () => {
  test("01: two leaders of one term", () => {
    const rule = new ElectionSafety();
    rule.stepped(a, status({ role: "leader", term: 3 }));
    rule.stepped(b, status({ role: "leader", term: 4 }));
    rule.stepped(b, status({ role: "follower", term: 3 }));
    expect(() => rule.stepped(b, status({ role: "leader", term: 3 }))).toThrow(/both lead term 3/);
  });

  test("02: a leader whose log is another one", () => {
    const rule = new LeaderAppendOnly();
    const leader = pretend("a", { log: logOf([1, 1, 2]) });
    rule.stepped(leader, status({ role: "leader", term: 2, lastIndex: 3 }));
    Object.assign(leader, { log: logOf([1, 1, 2, 2]) });
    rule.stepped(leader, status({ role: "leader", term: 2, lastIndex: 4 }));
    Object.assign(leader, { log: logOf([1, 1, 2]) });
    expect(() => rule.stepped(leader, status({ role: "leader", term: 2, lastIndex: 3 }))).toThrow(/has changed/);
  });

  test("03: equal index and term with another content, or with another past", () => {
    const rule = new LogMatching(facts);
    const write = (process: Process, entries: readonly LogEntry[]): void => {
      facts.handedOver(process, { entries });
      rule.handedOver(process, { entries });
    };
    write(pretend("a", { log: logOf([1]) }), [entry(2, 2, "x")]);
    write(pretend("b", { log: logOf([1]) }), [entry(2, 2, "x")]);
    expect(() => write(pretend("c", { log: logOf([1]) }), [entry(2, 2, "y")])).toThrow(/another entry 2/);
    expect(() => write(pretend("d", { log: logOf([2]) }), [entry(2, 2, "x")])).toThrow(/before entry 2/);
  });

  test("04: a new leader that lacks what was committed", () => {
    const rule = new LeaderCompleteness(facts);
    facts.stepped(pretend("a", { log: logOf([1, 2]) }), status({ commitIndex: 2 }));
    rule.stepped(pretend("b", { log: logOf([1, 2, 2]) }), status({ role: "leader", term: 3 }));
    const lacking = pretend("c", { log: logOf([1, 1]) });
    expect(() => rule.stepped(lacking, status({ role: "leader", term: 4 }))).toThrow(/entry 2 of term 2 was committed/);
  });

  test("05: another entry, or another outcome, at one index", () => {
    const rule = new StateMachineSafety();
    const outcome = { requestId: "r", logId: 10_000, changed: 1 };
    rule.applied(a, [entry(1, 1)], [outcome]);
    rule.applied(b, [entry(1, 1)], [outcome]);
    expect(() => rule.applied(b, [entry(1, 2)], [outcome])).toThrow(/different entries 1/);
    expect(() => rule.applied(b, [entry(1, 1)], [{ ...outcome, changed: 0 }])).toThrow(/entry 1 came to/);
  });

  test("06: a term, commit or applied index that goes back", () => {
    for (const field of ["term", "commitIndex", "appliedIndex"] as const) {
      const rule = new NothingGoesBack();
      rule.stepped(a, status({ term: 5, commitIndex: 5, appliedIndex: 5 }));
      const back = { term: 5, commitIndex: 5, appliedIndex: 5, [field]: 4 };
      expect(() => rule.stepped(a, status(back))).toThrow(/went back/);
    }
  });

  test("07: two votes in one term, its own included", () => {
    const rule = new OneVote();
    const granted: RaftMessage = { type: "voteReply", pre: false, granted: true, term: 2, asked: 2 };
    rule.sent(a, "b", granted);
    rule.sent(a, "b", granted);
    rule.sent(a, "c", { ...granted, granted: false });
    rule.sent(a, "c", { ...granted, pre: true });
    rule.sent(a, "c", { ...granted, term: 3 });
    expect(() => rule.sent(a, "c", granted)).toThrow(/voted for b and c/);
    const vote: RaftMessage = { type: "vote", pre: false, term: 2, last: { index: 0, term: 0 }, transfer: false };
    expect(() => rule.sent(a, "b", vote)).toThrow(/voted for b and a/);
  });

  test("08: a commit that only a minority has durably", () => {
    const durable = (terms: number[]) => ({
      ...{ damage: "none", refused: false },
      model: new LogModel({ base: { index: 0, term: 0 }, terms, hardState: { term: 2, vote: null, commit: 0 } }),
    });
    const [one, two, three] = founding.members.map(({ id }) => id) as [string, string, string];
    const machines = new Map([
      [one, durable([1, 2])],
      [two, durable([1, 1])],
      [three, durable([1])],
    ]);
    const rule = new CommittedOnMajority(Object.assign(machines) as never);
    const leader = pretend("a", { log: logOf([1, 2]) });
    rule.stepped(leader, status({ role: "leader", term: 2, commitIndex: 0 }));
    rule.stepped(leader, status({ role: "leader", term: 2, commitIndex: 1 }));
    expect(() => rule.stepped(leader, status({ role: "leader", term: 2, commitIndex: 2 }))).toThrow(/only .* have it/);
  });

  test("09: a membership that can decide without the one that is committed", () => {
    const rule = new MembershipsOverlap(facts);
    const leader = pretend("a", { log: logOf([1]), raft: { status: () => status({ role: "leader", term: 1 }) } });
    const change = (numbers: readonly number[]): void => {
      const payload = encodeMembership(membershipOf(numbers.map((number) => memberOf(number))));
      rule.handedOver(leader, { entries: [{ ...entry(2, 1), kind: ENTRY_KIND.membership, payload }] });
    };
    change([0, 1]);
    change([0, 1, 2, 3]);
    expect(() => change([0, 3, 4])).toThrow(/can decide without/);
    expect(() => change([0])).toThrow(/can decide without/);
  });

  test("10: a read that does not see what was acknowledged when it was asked", () => {
    const rule = new ReadsSeeEveryCommit(facts);
    facts.acknowledged = 7;
    const asked = rule.asked();
    facts.acknowledged = 9;
    rule.answered(asked, 7, "a");
    expect(() => rule.answered(asked, 6, "a")).toThrow(/read at 6/);
  });

  test("11: an index that is applied twice, or left out", () => {
    const rule = new AppliedOnce();
    const process = pretend("a", { state: { applied: () => ({ index: 4, term: 1 }) } });
    rule.started(process);
    rule.applied(process, [entry(5, 1), entry(6, 1)], [undefined, undefined]);
    expect(() => rule.applied(process, [entry(6, 1)], [undefined])).toThrow(/applied 6 behind 6/);
    rule.restored(process, { index: 9, term: 1 });
    expect(() => rule.applied(process, [entry(11, 1)], [undefined])).toThrow(/applied 11 behind 9/);
  });

  test("11: a request that takes effect twice, unless it was to be forgotten by then", () => {
    const at = (index: number, timeMs: number) => {
      const payload = encodeCommand({ requestId: "1.1", timeMs, command: { type: "kvDelete", keys: ["k"] } });
      return [{ ...entry(index, 1), kind: ENTRY_KIND.command, payload }] as const;
    };
    const outcome = (index: number) => [{ requestId: "1.1", logId: index * 10_000, changed: 0 }];
    const rule = new AppliedOnce();
    rule.applied(a, at(1, 1_000), outcome(1));
    rule.applied(b, at(1, 1_000), outcome(1));
    expect(() => rule.applied(a, at(2, 1_000 + LIMITS.requestIdKeptMs), outcome(2))).toThrow(/1\.1 took effect at/);
    expect(rule.forgotten).toEqual(new Set());
    const forgetting = new AppliedOnce();
    forgetting.applied(a, at(1, 1_000), outcome(1));
    forgetting.applied(a, at(2, 1_001 + LIMITS.requestIdKeptMs), outcome(2));
    expect(forgetting.forgotten).toEqual(new Set(["1.1"]));
  });

  test("13: a history in which a write took effect twice, unless it was to be forgotten", () => {
    const histories = (): Histories => {
      const seen = new Histories();
      const times = (invokedAt: number) => ({ client: 1, invokedAt, completedAt: invokedAt + 1 });
      seen.finalSets.push({ node: "a", elements: [] });
      seen.registerWritten({ ...times(1), input: { kind: "put", key: "k", value: "1.1" }, outcome: "ok" }, "1.1");
      seen.registerWritten({ ...times(3), input: { kind: "delete", key: "k" }, outcome: "ok" }, "1.2");
      seen.register.push({ ...times(5), input: { kind: "get", key: "k" }, outcome: "ok", output: "1.1" });
      return seen;
    };
    expect(() => histories().check(new Set())).toThrow(/Not linearizable/);
    expect(() => histories().check(new Set(["1.2"]))).toThrow(/Not linearizable/);
    histories().check(new Set(["1.1"]));
  });

  test("12: positions in the wrong order", () => {
    const rule = new OrderOfPositions();
    const process = pretend("a", { log: logOf([1, 1, 1]) });
    const sound = { appliedIndex: 1, commitIndex: 2, lastIndex: 3, durableIndex: 2 };
    rule.stepped(process, status(sound));
    expect(() => rule.stepped(process, status({ ...sound, appliedIndex: 3, durableIndex: 3 }))).toThrow(
      /beyond the commit/,
    );
    expect(() => rule.stepped(process, status({ ...sound, commitIndex: 4 }))).toThrow(/beyond the log/);
    expect(() => rule.stepped(process, status({ ...sound, durableIndex: 0 }))).toThrow(/beyond the durable log/);
    const cut = pretend("a", { log: logOf([1], 5) });
    expect(() => rule.stepped(cut, status(sound))).toThrow(/durably applied/);
  });

  test("13: a change that comes twice, not at all, or otherwise than on another node", () => {
    const rule = new ChangeStreams();
    const event = (logId: number, value: string) => {
      const record = { key: "k", value, createIndex: 1, modifyIndex: 1, version: 1 };
      return { type: "kv" as const, logId, key: "k", record };
    };
    for (const logId of [10_000, 20_000, 30_000]) rule.changed(a, event(logId, "x"));
    rule.changed(b, event(10_000, "x"));
    expect(() => rule.changed(b, event(30_000, "x"))).toThrow(/tells 30000/);
    expect(() => rule.changed(a, event(30_000, "x"))).toThrow(/twice/);
    expect(() => rule.changed(pretend("c"), event(20_000, "y"))).toThrow(/another node told/);
  });

  test("14: a log that came back without what it had called durable, or with what nobody wrote", () => {
    const rule = new RestartIdentity();
    const image = (terms: number[], term = 2) => {
      return { base: { index: 0, term: 0 }, terms, hardState: { term, vote: null, commit: 0 } };
    };
    const model = new LogModel(image([1, 2]));
    model.handedOver({ entries: [entry(3, 2), entry(4, 2)] });
    const process = pretend("a", { model });
    for (const terms of [
      [1, 2],
      [1, 2, 2],
      [1, 2, 2, 2],
    ])
      rule.opened(process, logOf(terms) as never, image(terms));
    expect(() => rule.opened(process, logOf([1]) as never, image([1]))).toThrow(/were durable/);
    expect(() => rule.opened(process, logOf([1, 2, 3]) as never, image([1, 2, 3]))).toThrow(/came back/);
    expect(() => rule.opened(process, logOf([1, 2]) as never, image([1, 2], 1))).toThrow(/term 2/);
  });

  test("14: a damaged log that suspects less than what it had acknowledged and nothing asked it to replace", () => {
    const rule = new RestartIdentity();
    const image = (terms: number[]) => {
      return { base: { index: 0, term: 0 }, terms, hardState: { term: 2, vote: null, commit: 0 } };
    };
    const damaged = (last: number) => {
      return { ...logOf([1]), suspect: () => ({ index: last, term: 2 }), recovery: { damage: "a byte" } } as never;
    };
    const model = new LogModel(image([1, 1, 1, 1]));
    const process = pretend("a", { model, damage: "log" });
    rule.opened(process, damaged(4), image([1]));
    expect(() => rule.opened(process, damaged(3), image([1]))).toThrow(/to 4 and suspects only those to 3/);
    expect(() => rule.opened(pretend("a", { model }), damaged(4), image([1]))).toThrow(/nobody damaged/);
    // From index 3 on another leader's entries were on their way: the old ones of a higher index are nobody's any more.
    model.handedOver({ entries: [entry(3, 2)] });
    rule.opened(process, damaged(3), image([1]));
    expect(() => rule.opened(process, damaged(1), image([1]))).toThrow(/to 2 and suspects only those to 1/);
    model.done();
    expect(() => rule.opened(process, damaged(2), image([1]))).toThrow(/to 3 and suspects only those to 2/);
  });

  test("15: messages that are too large, files that stay open", () => {
    const rule = new Bounds();
    const setting = {
      raft: { appendBytesMax: 10 },
      log: { openFilesMax: 2, entriesPerFile: 4 },
      compaction: { checkpointEntries: 5, keepEntries: 5 },
    };
    const disk = { files: { handlesOpen: 3 } };
    const model = { isIdle: true };
    const process = pretend("a", { setting, disk, model });
    const append = (...texts: string[]): RaftMessage => {
      const entries = texts.map((text, at) => entry(at + 1, 1, text));
      return { type: "append", term: 1, prev: { index: 0, term: 0 }, entries, commit: 0 };
    };
    rule.sent(process, "b", append("01234567890123"));
    rule.sent(process, "b", append("01234", "56789"));
    expect(() => rule.sent(process, "b", append("01234", "567890"))).toThrow(/11 bytes/);
    rule.stepped(process, status({}));
    disk.files.handlesOpen = 30;
    expect(() => rule.stepped(process, status({}))).toThrow(/30 files open/);
  });
});
