import { DisterError, entryLogId, HARD_STATE_START, NO_MEMBERSHIP, type RaftMessage } from "@dister/types";
import { ManualClock, MemoryNetwork, MemoryStateMachine, SeededRng } from "@dister/types/testing";
import { describe, expect, it } from "vitest";
import { MemoryNode, membersAt, set, settle, until, watch } from "./memory-node.ts";
import { at, entry, logOf } from "./messages.ts";

class Trial {
  readonly clock = new ManualClock();
  readonly network = new MemoryNetwork({ clock: this.clock, rng: new SeededRng(1) });
  readonly nodes: MemoryNode[] = [];

  async start(count: number, options: Parameters<MemoryNode["start"]>[2] = {}): Promise<void> {
    const numbers = Array.from({ length: count }, (_, i) => i + 1);
    for (const number of numbers) this.nodes.push(new MemoryNode(number, this));
    for (const node of this.nodes) await node.start(numbers, membersAt(...numbers), options);
  }

  get leader(): MemoryNode {
    const [leader] = this.nodes.filter((node) => node.role === "leader");
    if (leader === undefined) throw new Error("no leader");
    return leader;
  }

  get followers(): MemoryNode[] {
    return this.nodes.filter((node) => node !== this.leader);
  }

  until(holds: () => boolean): Promise<void> {
    return until(this.clock, holds);
  }

  async lead(): Promise<MemoryNode> {
    const leads = (node: MemoryNode): boolean => node.role === "leader" && node.node.status().commitIndex > 0;
    await this.until(() => this.nodes.filter(leads).length === 1);
    return this.leader;
  }

  async propose(node: MemoryNode, key: string): Promise<number> {
    const seen = watch(node.node.propose(set(key, "v")));
    await this.until(() => seen.settled);
    if (seen.value === undefined) throw new Error(`not proposed: ${JSON.stringify(seen.error)}`);
    return seen.value.index;
  }

  isolate(node: MemoryNode): void {
    for (const other of this.nodes) {
      this.network.cut(node.id, other.id);
      this.network.cut(other.id, node.id);
    }
  }
}

async function trial(count: number, options: Parameters<MemoryNode["start"]>[2] = {}): Promise<Trial> {
  const made = new Trial();
  await made.start(count, options);
  await made.lead();
  return made;
}

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

/** Hands a message to a node as its transport does. */
function deliver(node: MemoryNode, from: string, message: RaftMessage): void {
  node.receiver.message(from, message);
}

/** Sees every message that arrives at a node. */
function listen(node: MemoryNode, see: (from: string, message: RaftMessage) => void): void {
  const { receiver } = node;
  node.receiver = {
    ...receiver,
    message: (from, message) => {
      see(from, message);
      receiver.message(from, message);
    },
  };
}

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

const SMALL = { compaction: { checkpointEntries: 10, keepEntries: 5 } };

describe("snapshots", () => {
  async function lagging(): Promise<{ t: Trial; behind: MemoryNode }> {
    const t = await trial(3, SMALL);
    const [behind] = t.followers;
    await behind!.node.stop();
    await behind!.peer.close();
    for (let write = 0; write < 40; write++) await t.propose(t.leader, `k${write}`);
    expect(t.leader.log.firstIndex()).toBeGreaterThan(behind!.log.lastIndex() + 1);
    return { t, behind: behind! };
  }

  it("S1: a follower that needs what the log has forgotten gets a snapshot, and then the rest", async () => {
    const { t, behind } = await lagging();
    const restored: number[] = [];
    await behind.start([1, 2, 3], membersAt(1, 2, 3), { ...SMALL, onRestored: ({ index }) => restored.push(index) });
    await t.until(() => behind.stateMachine.kv("k39") !== undefined);
    expect(restored).toHaveLength(1);
    expect(behind.stateMachine.kv("k0")).toBeDefined();
    // Nobody ever changed the members: the founding membership rules on, though no snapshot holds it.
    expect(behind.node.status().membership).toEqual(membersAt(1, 2, 3));
    expect(behind.log.base().index).toBeGreaterThanOrEqual(restored[0]!);
    const index = await t.propose(t.leader, "after");
    await t.until(() => behind.node.status().appliedIndex >= index);
    expect(behind.stateMachine.kv("after")).toBeDefined();
    expect(behind.fatal).toEqual([]);
  });

  it("S7: the log is cut only behind what the state machine holds durably, and keeps a tail", async () => {
    const t = await trial(1, SMALL);
    const [only] = t.nodes;
    for (let write = 0; write < 95; write++) {
      await t.propose(only!, `k${write}`);
      expect(only!.log.base().index).toBeLessThanOrEqual(Math.max(0, only!.stateMachine.durable().index - 5));
    }
    expect(only!.log.base().index).toBeGreaterThan(70);
    only!.stateMachine.crash();
    only!.log.crash();
    await only!.peer.close();
    await only!.start([1], membersAt(1), SMALL);
    await t.lead();
    await t.until(() => only!.stateMachine.kv("k94") !== undefined);
  });

  it("P1 S2: a crash between 'snapshot in use' and 'log begins behind it' is finished at the next start", async () => {
    const { t, behind } = await lagging();
    const before = behind.log.lastIndex();
    // The disk fails before the reset does anything: the node stops, with a state that is ahead of its log.
    const broken = new DisterError("DISTER_ERR_DISK", { operation: "rename", path: "log", reason: "EIO" });
    behind.log.reset = () => Promise.reject(broken);
    await behind.start([1, 2, 3], membersAt(1, 2, 3), SMALL);
    await t.until(() => behind.stateMachine.restoredFrom().index > 0);
    expect(behind.log.lastIndex()).toBe(before);
    await settle();
    expect(behind.fatal).toEqual([broken]);
    await behind.node.stop();
    await behind.peer.close();
    const restored = behind.stateMachine.restoredFrom();
    Reflect.deleteProperty(behind.log, "reset");
    behind.log.crash();
    behind.stateMachine.crash();
    await behind.start([1, 2, 3], membersAt(1, 2, 3), SMALL);
    expect(behind.log.base()).toEqual(restored);
    await t.propose(t.leader, "after");
    await t.until(() => behind.stateMachine.kv("after") !== undefined);
  });

  it("a node that lost the leadership while it opened a snapshot does not send it in another's term", async () => {
    const { t, behind } = await lagging();
    const { leader } = t;
    const open = leader.stateMachine.snapshot.bind(leader.stateMachine);
    let closed = false;
    leader.stateMachine.snapshot = async () => {
      const source = await open();
      const { term } = leader.node.status();
      // While the state machine works a new leader makes itself known.
      const other = t.nodes.find((node) => node !== leader && node !== behind)!;
      deliver(leader, other.id, { type: "heartbeat", term: term + 1, commit: 0, round: 0 });
      return {
        ...source,
        close: () => {
          closed = true;
        },
      };
    };
    const sent: number[] = [];
    leader.peer.sendSnapshot = (_, { term }) => {
      sent.push(term);
      return Promise.reject(new Error("not in this test"));
    };
    await behind.start([1, 2, 3], membersAt(1, 2, 3), SMALL);
    await t.until(() => closed);
    await settle();
    expect(sent).toEqual([]);
  });
});

describe("what a node may start from", () => {
  interface Parts {
    readonly terms: readonly number[];
    readonly term?: number;
    readonly base?: readonly [number, number];
    readonly applied: readonly number[];
  }

  async function start(parts: Parts) {
    const clock = new ManualClock();
    const node = new MemoryNode(1, { clock, network: new MemoryNetwork({ clock, rng: new SeededRng(1) }) });
    if (parts.base !== undefined) await node.log.reset(at(parts.base[0], parts.base[1]));
    const first = node.log.lastIndex() + 1;
    const entries = parts.terms.map((term, i) => ({ ...entry(first + i, term), kind: 1 as const }));
    await node.log.append({ entries, hardState: { ...HARD_STATE_START, term: parts.term ?? 9 } });
    const appliedEntries = parts.applied.map((term, i) => ({ ...entry(1 + i, term), kind: 1 as const }));
    await node.stateMachine.apply(appliedEntries);
    await node.stateMachine.checkpoint();
    const started = watch(node.start([], membersAt(1, 2, 3)));
    await settle();
    return { node, started };
  }

  it.each<[string, Parts]>([
    ["a new node", { terms: [], term: 0, applied: [] }],
    ["a state machine behind its log", { terms: [1, 1, 2], applied: [1] }],
    ["a state machine at the log's end", { terms: [1, 1, 2], applied: [1, 1, 2] }],
    ["a state machine right at the log's beginning", { terms: [], base: [2, 1], applied: [1, 1] }],
  ])("P4: %s starts", async (_, parts) => {
    const { started } = await start(parts);
    expect(started).toMatchObject({ settled: true });
    expect(started.error).toBeUndefined();
  });

  it.each<[string, Parts]>([
    ["a state machine ahead of its log: the log was lost", { terms: [1], applied: [1, 1] }],
    ["a log that does not reach back to the state machine", { terms: [], base: [5, 1], applied: [1] }],
    ["a state machine with another entry at its position", { terms: [1, 2], applied: [1, 1] }],
    ["a log without its hard state", { terms: [1, 2], term: 0, applied: [1, 2] }],
  ])("P4 R7: %s is refused, and nothing is changed", async (_, parts) => {
    const { node, started } = await start(parts);
    expect(started.error?.code).toBe("DISTER_ERR_STORE");
    expect(node.log.lastIndex()).toBe((parts.base?.[0] ?? 0) + parts.terms.length);
  });

  it("P4: a lost log beside a restored snapshot is not taken for an installation that was cut", async () => {
    const clock = new ManualClock();
    const node = new MemoryNode(1, { clock, network: new MemoryNetwork({ clock, rng: new SeededRng(1) }) });
    const source = new MemoryStateMachine(() => {
      throw new Error("no commands here");
    });
    await source.apply(logOf(3, 3).map((each) => ({ ...each, kind: 1 as const })));
    const snapshot = await source.snapshot();
    const sink = await node.stateMachine.restore(snapshot.position, snapshot.membership);
    for await (const piece of snapshot.chunks) await sink.write(piece);
    await sink.commit();
    await expect(node.start([], membersAt(1, 2, 3))).rejects.toMatchObject({ code: "DISTER_ERR_STORE" });
    // With the term that an installation makes durable first, it is one.
    await node.peer.close();
    await node.log.append({ entries: [], hardState: { term: 3, vote: null, commit: 0 } });
    await node.start([], membersAt(1, 2, 3));
    expect(node.log.base()).toEqual({ index: 2, term: 3 });
    expect(node.node.status()).toMatchObject({ commitIndex: 2, appliedIndex: 2 });
  });

  it("options that contradict each other are refused at the start", async () => {
    const clock = new ManualClock();
    const network = new MemoryNetwork({ clock, rng: new SeededRng(1) });
    const node = new MemoryNode(1, { clock, network });
    const raft = { heartbeatMs: 100, electionTimeoutMs: 200 };
    await expect(node.start([], membersAt(1), { raft })).rejects.toMatchObject({ code: "DISTER_ERR_INVALID" });
  });
});
