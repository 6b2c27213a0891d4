import { Readable } from "node:stream";
import { ENTRY_KIND } from "@dister/types";
import { describe, expect, it } from "vitest";
import { type MemoryNode, set, settle, watch } from "./memory-node.ts";
import { type Trial, trial } from "./memory-trial.ts";

const SMALL = { compaction: { checkpointEntries: 10, keepEntries: 5 } };

/** From now on each checkpoint waits until it is let go; says how many have begun. */
function holdCheckpoints({ stateMachine }: MemoryNode): { begun: number; finishOne: () => void } {
  const checkpoint = stateMachine.checkpoint.bind(stateMachine);
  const waiting: (() => void)[] = [];
  const held = { begun: 0, finishOne: () => waiting.shift()?.() };
  stateMachine.checkpoint = async () => {
    held.begun++;
    await new Promise<void>((resolve) => waiting.push(resolve));
    return checkpoint();
  };
  return held;
}

async function write(t: Trial, count: number): Promise<void> {
  for (let n = 0; n < count; n++) await t.propose(t.leader, `k${n}`);
}

describe("compaction", () => {
  it("S6: a checkpoint that takes long holds up neither writes nor reads nor the leader's signs of life", async () => {
    const t = await trial(3, SMALL);
    const { leader } = t;
    const held = holdCheckpoints(leader);
    await write(t, 15);
    expect(held.begun).toBe(1);
    const { term } = leader.node.status();
    const firstIndex = leader.log.firstIndex();
    await write(t, 15);
    const read = watch(leader.node.readBarrier());
    await t.until(() => read.settled);
    expect(read.error).toBeUndefined();
    const startedMs = t.clock.nowMs();
    await t.until(() => t.clock.nowMs() > startedMs + 5_000);
    expect(leader.node.status()).toMatchObject({ role: "leader", term });
    // One at a time, and nothing is cut before it is done.
    expect(held.begun).toBe(1);
    expect(leader.log.firstIndex()).toBe(firstIndex);
    held.finishOne();
    await t.until(() => leader.log.firstIndex() > firstIndex);
  });

  it("S6: a checkpoint that became due while one was running is made with the next entry", async () => {
    const t = await trial(1, SMALL);
    const held = holdCheckpoints(t.leader);
    await write(t, 15);
    await write(t, 15);
    expect(held.begun).toBe(1);
    held.finishOne();
    await settle();
    await write(t, 15);
    expect(held.begun).toBe(2);
    held.finishOne();
    await t.until(() => t.leader.stateMachine.durable().index >= 40);
  });

  it("S6 P5: a checkpoint that fails stops the node, and cuts nothing", async () => {
    const t = await trial(1, SMALL);
    const { leader } = t;
    const broken = new Error("no space");
    leader.stateMachine.checkpoint = () => Promise.reject(broken);
    for (let n = 0; n < 15 && leader.fatal.length === 0; n++) {
      const seen = watch(leader.node.propose(set(`k${n}`, "v")));
      await t.until(() => seen.settled);
    }
    await t.until(() => leader.fatal.length > 0);
    expect(leader.fatal).toEqual([broken]);
    expect(leader.log.firstIndex()).toBe(1);
    await expect(leader.node.propose(set("after", "v"))).rejects.toMatchObject({ code: "DISTER_ERR_STOPPED" });
  });
});

describe("a snapshot that comes in one turn with log entries", () => {
  it("S3: is installed behind them: what was decided before it never reaches the log after it", async () => {
    const t = await trial(3, SMALL);
    const [behind] = t.followers;
    t.isolate(behind!);
    await write(t, 40);
    const { leader } = t;
    const snapshot = await leader.stateMachine.outgoing(1);
    const pieces: Uint8Array[] = [];
    for await (const piece of snapshot.piecesFrom(0)) pieces.push(piece);
    const { term } = leader.node.status();
    const { lastIndex: last, commitIndex: commit } = behind!.node.status();
    const prev = { index: last, term: behind!.log.termAt(last)! };
    const entry = { index: last + 1, term, r: 1, kind: ENTRY_KIND.empty, payload: new Uint8Array() };
    const reset = behind!.log.reset.bind(behind!.log);
    behind!.log.reset = async (base) => {
      await reset(base);
      await settle(); // A real disk takes a while.
    };
    // As a process sees it that was paused for a while: everything is there at once.
    behind!.receiver.message(leader.id, { type: "append", term, prev, commit, entries: [entry] });
    const { position, membership, content } = snapshot;
    const offer = { term, position, membership, content };
    const reply = watch(behind!.receiver.snapshot(leader.id, offer, () => Readable.from(pieces)));
    await settle();
    await settle();
    expect(behind!.fatal).toEqual([]);
    expect(reply.value).toMatchObject({ ok: true, index: position.index });
    expect(behind!.log.firstIndex()).toBe(position.index + 1);
    t.network.healAll();
    const after = await t.propose(leader, "after");
    await t.until(() => behind!.node.status().appliedIndex >= after);
    expect(behind!.fatal).toEqual([]);
  });
});

describe("a deposed leader whose entries a snapshot skips", () => {
  it("S5: tells whoever waits that the outcome is unknown", async () => {
    const t = await trial(3);
    const old = t.leader;
    t.isolate(old);
    const waiting = watch(old.node.propose(set("mine", "v")));
    await settle();
    expect([waiting.settled, old.role]).toEqual([false, "leader"]);
    // The old leader's clock is not looked at meanwhile: what deposes it is the snapshot itself.
    const others = t.nodes.filter((node) => node !== old);
    const { term, commitIndex } = old.node.status();
    const [source] = others;
    const snapshot = await source!.stateMachine.snapshot();
    const position = { index: commitIndex + 7, term: term + 1 };
    const content = { digest: "5a".repeat(32), pieceCount: 1, byteCount: 1_000 };
    const offer = { term: term + 1, position, membership: snapshot.membership, content };
    void old.receiver.snapshot(source!.id, offer, () => snapshot.chunks).catch(() => {});
    await settle();
    expect(waiting.settled).toBe(true);
    expect(waiting.error?.code).toBe("DISTER_ERR_UNKNOWN_OUTCOME");
    expect(old.fatal).toEqual([]);
  });

  it("S5: and who waits for an index that a snapshot brings is told when it is in use", async () => {
    const t = await trial(3, SMALL);
    const [behind] = t.followers;
    t.isolate(behind!);
    await write(t, 40);
    const target = t.leader.node.status().commitIndex;
    const waiting = watch(behind!.node.whenApplied(target));
    await settle();
    expect(waiting.settled).toBe(false);
    t.network.healAll();
    await t.until(() => waiting.settled);
    expect(waiting.error).toBeUndefined();
    expect(behind!.stateMachine.restoredFrom().index).toBeGreaterThan(0);
  });
});
