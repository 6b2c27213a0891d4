import { DisterError, entryLogId, NO_MEMBERSHIP } from "@dister/types";
import { describe, expect, it } from "vitest";
import { MemoryNode, membersAt, set, settle, watch } from "./memory-node.ts";
import { deliver, listen, type Trial, trial } from "./memory-trial.ts";

describe("proposing", () => {
  it("resolves with index, term and result when it is applied here, and later everywhere", async () => {
    const t = await trial(3);
    const seen = watch(t.leader.node.propose(set("a", "1")));
    await settle();
    expect(seen.settled).toBe(false);
    await t.until(() => seen.settled);
    const { index, term } = seen.value!;
    expect(term).toBe(t.leader.node.status().term);
    const applied = t.leader.applied.find((each) => each.index === index)!;
    expect(seen.value!.result).toMatchObject({ logId: entryLogId(applied), changed: 1 });
    expect(t.leader.stateMachine.kv("a")).toMatchObject({ value: "1" });
    await t.until(() => t.nodes.every((node) => node.stateMachine.kv("a")?.value === "1"));
  });

  it("C1: a node that does not lead refuses and names the leader; without a leader it says so", async () => {
    const t = await trial(3);
    const [follower] = t.followers;
    await expect(follower!.node.propose(set("a", "1"))).rejects.toMatchObject({
      code: "DISTER_ERR_NOT_LEADER",
      details: { leader: t.leader.id },
    });
    const lonely = new MemoryNode(9, t);
    await lonely.start([], NO_MEMBERSHIP);
    await expect(lonely.node.propose(set("a", "1"))).rejects.toMatchObject({ code: "DISTER_ERR_NO_LEADER" });
  });

  it("C2: a leader that is cut off rejects what waits as of unknown outcome when it steps down", async () => {
    const t = await trial(3);
    const old = t.leader;
    t.isolate(old);
    const seen = watch(old.node.propose(set("a", "lost")));
    await t.until(() => seen.settled);
    expect(seen.error?.code).toBe("DISTER_ERR_UNKNOWN_OUTCOME");
    expect(old.role).not.toBe("leader");
    await t.until(() => t.nodes.some((node) => node !== old && node.role === "leader"));
    await t.propose(t.leader, "b");
    t.network.healAll();
    await t.until(() => old.stateMachine.kv("b") !== undefined);
    expect(old.stateMachine.kv("a")).toBeUndefined();
  });

  it("C2: a proposal of a leader that is deposed in the very same turn is rejected too", async () => {
    const t = await trial(3);
    const old = t.leader;
    t.isolate(old);
    const seen = watch(old.node.propose(set("a", "lost")));
    const { term } = old.node.status();
    // Another leads a later term: the message comes before the loop has run.
    const receiver = t.followers[0]!.id;
    deliver(old, receiver, { type: "heartbeat", term: term + 5, commit: 0, round: 0 });
    await settle();
    expect(seen.error?.code).toMatch(/UNKNOWN_OUTCOME|DROPPED/);
  });

  it("T1: during a hand-over proposals are refused as such, and the next leader is the one that was named", async () => {
    const t = await trial(3);
    const old = t.leader;
    const target = old.node.transferLeadership(t.followers[0]!.id);
    await expect(old.node.propose(set("a", "1"))).rejects.toMatchObject({ code: "DISTER_ERR_TRANSFERRING" });
    await t.until(() => t.nodes.some((node) => node.id === target && node.role === "leader"));
  });

  it("M1: a membership change resolves when it is applied; a second voter at once is refused", async () => {
    const t = await trial(3);
    await expect(t.leader.node.changeMembership(membersAt(1))).rejects.toMatchObject({ code: "DISTER_ERR_MEMBERSHIP" });
    const rest = membersAt(...t.nodes.filter((node) => node !== t.followers[0]).map(({ number }) => number));
    const seen = watch(t.leader.node.changeMembership(rest));
    await t.until(() => seen.settled);
    expect(seen.error).toBeUndefined();
    expect(t.leader.node.status().membership).toEqual(rest);
    expect(t.leader.stateMachine.membership()).toEqual(rest);
  });
});

describe("reading", () => {
  it("Q1 Q3: after a barrier on any node everything that was acknowledged before is there", async () => {
    const t = await trial(3);
    for (let write = 0; write < 5; write++) {
      const index = await t.propose(t.leader, `k${write}`);
      for (const node of t.nodes) {
        const seen = watch(node.node.readBarrier());
        await t.until(() => seen.settled);
        expect(seen.value).toBeGreaterThanOrEqual(index);
        expect(node.stateMachine.kv(`k${write}`)).toBeDefined();
      }
    }
  });

  it("Q1: many reads share a few questions", async () => {
    const t = await trial(3);
    const [follower] = t.followers;
    const reads = Array.from({ length: 100 }, () => watch(follower!.node.readBarrier()));
    await t.until(() => reads.every(({ settled }) => settled));
    expect(reads.every(({ value }) => value !== undefined)).toBe(true);
  });

  it("Q3: a node that is cut off answers with an error, never with its own value", async () => {
    const t = await trial(3);
    for (const cutOff of [t.leader, t.followers[0]!]) {
      t.isolate(cutOff);
      const seen = watch(cutOff.node.readBarrier());
      await t.until(() => seen.settled);
      expect(seen.error?.code).toMatch(/DISTER_ERR_(NO_LEADER|TIMEOUT)/);
      t.network.healAll();
      await t.lead();
    }
  });

  it("Q2: the numbers of the questions do not begin again after a restart", async () => {
    const t = await trial(3);
    const asked: number[] = [];
    const [follower] = t.followers;
    listen(t.leader, (_, message) => {
      if (message.type === "readIndex") asked.push(message.id);
    });
    for (let run = 0; run < 3; run++) {
      const seen = watch(follower!.node.readBarrier());
      await t.until(() => seen.settled);
      await follower!.node.stop();
      await follower!.peer.close();
      await follower!.start([1, 2, 3], membersAt(1, 2, 3));
      await t.until(() => follower!.node.leader !== null && t.leader.peer.isUp(follower!.id));
    }
    expect(asked.length).toBeGreaterThanOrEqual(3);
    expect(new Set(asked).size).toBe(asked.length);
  });
});

describe("the status", () => {
  it("counts the silence of a leader that is cut off up to now, not up to what was heard last", async () => {
    const t = await trial(3);
    const follower = t.followers[0]!;
    t.isolate(t.leader);
    await settle();
    const before = follower.node.status().leaderSilentMs!;
    t.clock.advance(100);
    expect(follower.node.status().leaderSilentMs).toBeGreaterThanOrEqual(before + 100);
    await t.until(() => follower.node.leader === null);
    expect(follower.node.status().leaderSilentMs).toBeNull();
  });

  it("tells what the peers answered in the last comparison round", async () => {
    const t = await trial(3);
    await t.until(() => t.leader.node.status().comparison !== null);
    const { peers } = t.leader.node.status().comparison!;
    expect(peers.map(({ id }) => id)).toEqual(t.followers.map(({ id }) => id).sort());
  });

  it("an observer hears of proposals, commits, batches and peers, in this order and once", async () => {
    const heard: string[] = [];
    const t = await trial(1, {
      observer: {
        proposed: (index) => heard.push(`proposed ${index}`),
        committed: (index) => heard.push(`committed ${index}`),
        applied: (count) => heard.push(`applied ${count}`),
        peerUp: () => {},
        peerDown: () => {},
        snapshot: () => {},
      },
    });
    heard.length = 0;
    await t.propose(t.leader, "a");
    const { commitIndex } = t.leader.node.status();
    expect(heard).toEqual([`proposed ${commitIndex}`, `committed ${commitIndex}`, "applied 1"]);
  });
});

describe("stopping", () => {
  it("rejects what waits and what comes later, and sends nothing more", async () => {
    const t = await trial(3);
    const { leader } = t;
    const waiting = [
      watch(leader.node.propose(set("a", "1"))),
      watch(leader.node.readBarrier()),
      watch(leader.node.whenApplied(1_000)),
    ];
    await leader.node.stop();
    await settle();
    expect(waiting.map(({ error }) => error?.code)).toEqual([
      "DISTER_ERR_UNKNOWN_OUTCOME",
      "DISTER_ERR_STOPPED",
      "DISTER_ERR_STOPPED",
    ]);
    await expect(leader.node.propose(set("b", "1"))).rejects.toMatchObject({ code: "DISTER_ERR_STOPPED" });
    await expect(leader.node.readBarrier()).rejects.toMatchObject({ code: "DISTER_ERR_STOPPED" });
    expect(() => leader.node.transferLeadership()).toThrow(DisterError);
    await expectSilent(t, leader);
    await leader.node.stop();
    expect(leader.fatal).toEqual([]);
  });

  it("P3: all nodes stop, in any order, and start again with the same data", async () => {
    const t = await trial(3);
    await t.propose(t.leader, "kept");
    for (const node of t.nodes) {
      await node.node.stop();
      await node.peer.close();
    }
    for (const node of t.nodes) {
      node.log.crash();
      node.stateMachine.crash();
      await node.start([1, 2, 3], membersAt(1, 2, 3));
    }
    await t.lead();
    await t.until(() => t.nodes.every((node) => node.stateMachine.kv("kept") !== undefined));
  });
});

/** Nothing of the node arrives anywhere for two seconds. */
async function expectSilent(t: Trial, node: MemoryNode): Promise<void> {
  await t.until(() => true);
  t.clock.advance(50);
  let heard = 0;
  for (const other of t.nodes.filter((each) => each !== node)) {
    listen(other, (from) => {
      if (from === node.id) heard++;
    });
  }
  for (let ms = 0; ms < 2_000; ms += 20) {
    await settle();
    t.clock.advance(20);
  }
  expect(heard).toBe(0);
}

describe("failures", () => {
  it("P5: a log that fails stops the node: told once, what waits is rejected, nothing is sent afterwards", async () => {
    const t = await trial(3);
    const { leader } = t;
    const broken = new DisterError("DISTER_ERR_DISK", { operation: "datasync", path: "log", reason: "EIO" });
    leader.log.append = () => Promise.reject(broken);
    const seen = watch(leader.node.propose(set("a", "1")));
    await settle();
    expect(leader.fatal).toEqual([broken]);
    expect(seen.error?.code).toBe("DISTER_ERR_UNKNOWN_OUTCOME");
    await expect(leader.node.propose(set("b", "1"))).rejects.toMatchObject({ code: "DISTER_ERR_STOPPED" });
    await expectSilent(t, leader);
    expect(leader.fatal).toHaveLength(1);
    await leader.node.stop();
  });

  it("P5: a state machine that fails stops the node", async () => {
    const t = await trial(3);
    const [follower] = t.followers;
    const broken = new DisterError("DISTER_ERR_STORE", { reason: "broken" });
    follower!.stateMachine.apply = () => Promise.reject(broken);
    await t.propose(t.leader, "a");
    await t.until(() => follower!.fatal.length > 0);
    expect(follower!.fatal).toEqual([broken]);
    await t.propose(t.leader, "b");
    await expectSilent(t, follower!);
  });

  it("E16: an assertion of the core stops the node instead of being guessed away", async () => {
    const t = await trial(3);
    const { leader } = t;
    const { term } = leader.node.status();
    deliver(leader, t.followers[0]!.id, { type: "heartbeat", term, commit: 0, round: 0 });
    expect(leader.fatal).toHaveLength(1);
    expect(String(leader.fatal[0])).toContain("invariant broken");
  });

  it("R7 R8: nothing is applied or acknowledged before it is durable, and a crash loses nothing acknowledged", async () => {
    const t = await trial(1);
    const [only] = t.nodes;
    only!.log.hold();
    const seen = watch(only!.node.propose(set("a", "1")));
    await settle();
    expect(seen.settled).toBe(false);
    expect(only!.stateMachine.kv("a")).toBeUndefined();
    only!.log.syncOldest();
    await settle();
    expect(seen.value).toBeDefined();
    only!.log.crash();
    expect(only!.log.lastIndex()).toBe(seen.value!.index);
  });
});
