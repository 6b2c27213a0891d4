import { ENTRY_KIND, type RaftMessage } from "@dister/types";
import { describe, expect, it } from "vitest";
import { type MemoryNode, membersAt, settle } from "./memory-node.ts";
import { deliver, listen, type Trial, trial } from "./memory-trial.ts";

/** What is in an entry that nobody reads. */
const NOTHING = { kind: ENTRY_KIND.empty, payload: new Uint8Array(0) } as const;

/** A cluster of three with ten writes, of which one follower is down and about to be damaged. */
async function withOneDown(): Promise<{ t: Trial; down: MemoryNode }> {
  const t = await trial(3);
  for (let write = 0; write < 10; write++) await t.propose(t.leader, `k${write}`);
  const down = t.followers[0]!;
  await t.until(() => down.node.status().appliedIndex === t.leader.node.status().appliedIndex);
  await down.node.stop();
  await down.peer.close();
  return { t, down };
}

describe("a log that lost what it had acknowledged", () => {
  it("does not vote, is made whole by the leader, and then votes again", async () => {
    const { t, down } = await withOneDown();
    down.stateMachine.crash();
    down.log.damageBehind(4);
    t.isolate(down);
    await down.start([1, 2, 3], membersAt(1, 2, 3));
    expect(down.node.status()).toMatchObject({ suspect: true, lastIndex: 4 });

    const answers: RaftMessage[] = [];
    listen(t.leader, (from, message) => from === down.id && answers.push(message));
    t.network.healAll();
    const { term } = down.node.status();
    deliver(down, t.leader.id, { type: "vote", term: term + 1, pre: false, last: { index: 99, term }, transfer: true });
    await t.until(() => !down.node.status().suspect);
    const votes = answers.filter((message) => message.type === "voteReply");
    expect(votes.some(({ pre }) => !pre)).toBe(true);
    expect(votes.some(({ granted }) => granted)).toBe(false);
    expect(down.log.suspect()).toEqual({ index: 0, term: 0 });
    expect(down.log.lastIndex()).toBe(t.leader.log.lastIndex());

    const old = t.leader;
    const other = t.nodes.find((node) => node !== old && node !== down)!;
    await old.node.stop();
    await old.peer.close();
    await t.until(() => other.role === "leader" || down.role === "leader");
    await t.propose(other.role === "leader" ? other : down, "after");
  });

  it("counts for nothing until then: with it alone the leader commits nothing", async () => {
    const { t, down } = await withOneDown();
    const other = t.followers.find((node) => node !== down)!;
    down.stateMachine.crash();
    down.log.damageBehind(4);
    // What it is sent does not become durable, so that it stays suspect.
    down.log.hold();
    await down.start([1, 2, 3], membersAt(1, 2, 3));
    const leader = t.leader;
    await t.until(() => leader.node.status().progress.some(({ suspect }) => suspect));
    const commit = leader.node.status().commitIndex;
    t.isolate(other);
    const proposed = leader.node.propose(
      Buffer.from('{"timeMs":0,"requestId":"x","command":{"type":"kvDelete","keys":[]}}'),
    );
    proposed.catch(() => undefined);
    await t.until(() => leader.role !== "leader");
    expect(leader.node.status().commitIndex).toBe(commit);
    down.log.sync();
  });

  it("begins anew behind what is applied, when the state machine has more than is left of the log", async () => {
    const { t, down } = await withOneDown();
    const applied = down.stateMachine.applied();
    down.log.damageBehind(4);
    await down.start([1, 2, 3], membersAt(1, 2, 3));
    expect(down.log.base()).toEqual(applied);
    // All that the log had is applied and durable, so nothing is missing.
    expect(down.node.status().suspect).toBe(false);
    const index = await t.propose(t.leader, "after");
    await t.until(() => down.node.status().appliedIndex >= index);
    expect(down.fatal).toEqual([]);
  });

  it("begins anew behind what is applied, when what is left of the log ends with what had been overwritten", async () => {
    const t = await trial(3);
    for (let write = 0; write < 3; write++) await t.propose(t.leader, `a${write}`);
    const [old, shared] = [t.leader.node.status().term, t.leader.log.lastIndex()];
    t.leader.node.transferLeadership();
    await t.until(() => t.nodes.some(({ role, node }) => role === "leader" && node.status().term > old));
    const leader = await t.lead();
    for (let write = 0; write < 3; write++) await t.propose(leader, `b${write}`);
    const down = t.followers[0]!;
    await t.until(() => down.node.status().appliedIndex === leader.node.status().appliedIndex);
    await down.node.stop();
    await down.peer.close();
    const applied = down.stateMachine.applied();
    expect(applied.term).toBeGreaterThan(old);

    // The records of the newer term cannot be read, those that they had replaced can.
    down.log.damageBehind(shared);
    const count = applied.index - shared + 1;
    const stale = Array.from({ length: count }, (_, at) => ({ index: shared + 1 + at, term: old, r: 0, ...NOTHING }));
    await down.log.append({ entries: stale });
    await down.start([1, 2, 3], membersAt(1, 2, 3));
    expect(down.log.base()).toEqual(applied);
    expect(down.log.lastIndex()).toBe(applied.index);
    const index = await t.propose(t.leader, "after");
    await t.until(() => down.node.status().appliedIndex >= index);
    expect(down.fatal).toEqual([]);
  });

  it("and is not marked as damaged is refused when the state machine has another term at its position (R7)", async () => {
    const { down } = await withOneDown();
    const applied = down.stateMachine.applied();
    down.log.damageBehind(applied.index - 1);
    await down.log.append({ entries: [{ index: applied.index, term: applied.term + 1, r: 0, ...NOTHING }] });
    await down.log.trust();
    await expect(down.start([1, 2, 3], membersAt(1, 2, 3))).rejects.toMatchObject({ code: "DISTER_ERR_STORE" });
    expect(down.log.lastIndex()).toBe(applied.index);
  });

  it("stops a node that nobody else could make whole", async () => {
    const t = await trial(1);
    const [only] = t.nodes;
    for (let write = 0; write < 10; write++) await t.propose(only!, `k${write}`);
    await only!.node.stop();
    await only!.peer.close();
    only!.stateMachine.crash();
    only!.log.damageBehind(4);
    await expect(only!.start([1], membersAt(1))).rejects.toMatchObject({ code: "DISTER_ERR_LOG_CORRUPT" });
    await settle();
    expect(only!.log.suspect().index).toBeGreaterThan(4);
  });

  it("goes on alone when the state has all that the log had, whatever lay behind the last entry", async () => {
    const t = await trial(1);
    const [only] = t.nodes;
    for (let write = 0; write < 10; write++) await t.propose(only!, `k${write}`);
    await only!.node.stop();
    await only!.peer.close();
    only!.log.damageBehind(only!.log.lastIndex());
    expect(only!.log.suspect().index).toBeGreaterThan(10);
    await only!.start([1], membersAt(1));
    await t.until(() => only!.role === "leader");
    await t.propose(only!, "after");
    expect(only!.node.status().suspect).toBe(false);
  });
});
