import { DisterError, HARD_STATE_START } from "@dister/types";
import { ManualClock, MemoryNetwork, MemoryStateMachine, SeededRng } from "@dister/types/testing";
import { describe, expect, it } from "vitest";
import { MemoryNode, membersAt, settle, watch } from "./memory-node.ts";
import { deliver, type Trial, trial } from "./memory-trial.ts";
import { at, entry, logOf } from "./messages.ts";

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

  it("S2: stopping waits for a snapshot that is being put in place, so that log and state belong together", async () => {
    const { t, behind } = await lagging();
    const { stateMachine } = behind;
    const restore = stateMachine.restore.bind(stateMachine);
    let finish = (): void => {};
    const gate = new Promise<void>((resolve) => {
      finish = resolve;
    });
    let committing = false;
    stateMachine.restore = async (position, membership) => {
      const sink = await restore(position, membership);
      const commit = sink.commit.bind(sink);
      sink.commit = async () => {
        committing = true;
        await gate;
        return commit();
      };
      return sink;
    };
    await behind.start([1, 2, 3], membersAt(1, 2, 3), SMALL);
    await t.until(() => committing);
    const stopped = watch(behind.node.stop());
    await settle();
    expect(stopped.settled).toBe(false);
    finish();
    await t.until(() => stopped.settled);
    expect(stateMachine.restoredFrom().index).toBeGreaterThan(0);
    expect(behind.log.base()).toEqual(stateMachine.restoredFrom());
  });

  it("a node that lost the leadership while it opened a snapshot does not send it in another's term", async () => {
    const { t, behind } = await lagging();
    const { leader } = t;
    const open = leader.stateMachine.outgoing.bind(leader.stateMachine);
    let isOpen = false;
    leader.stateMachine.outgoing = async (from) => {
      const outgoing = await open(from);
      const { term } = leader.node.status();
      // While the state machine works a new leader makes itself known.
      const other = t.nodes.find((node) => node !== leader && node !== behind)!;
      deliver(leader, other.id, { type: "heartbeat", term: term + 1, commit: 0, round: 0 });
      isOpen = true;
      return outgoing;
    };
    const sent: number[] = [];
    leader.peer.sendSnapshot = (_, { term }) => {
      sent.push(term);
      return Promise.reject(new Error("not in this test"));
    };
    await behind.start([1, 2, 3], membersAt(1, 2, 3), SMALL);
    await t.until(() => isOpen);
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
