import type { OutgoingSnapshot } from "@dister/types";
import { LIMITS } from "@dister/types";
import { describe, expect, it } from "vitest";
import { type MemoryNode, membersAt, set, settle, watch } from "./memory-node.ts";
import { type Trial, trial } from "./memory-trial.ts";

const SMALL = { compaction: { checkpointEntries: 10, keepEntries: 5, holdEntries: 60 } };
const PIECES = 6;

/** A cluster of which one node is away, and whose state has become so large that a snapshot has many pieces. */
async function lagging(): Promise<{ t: Trial; behind: MemoryNode }> {
  const t = await trial(3, SMALL);
  const [behind] = t.followers;
  await behind!.node.stop();
  await behind!.peer.close();
  const large = "x".repeat(LIMITS.snapshotChunkBytes);
  for (let write = 0; write < 40; write++) {
    const seen = watch(t.leader.node.propose(set(`k${write}`, write < PIECES ? large : "v")));
    await t.until(() => seen.settled);
  }
  expect(t.leader.log.firstIndex()).toBeGreaterThan(behind!.log.lastIndex() + 1);
  return { t, behind: behind! };
}

/** Tells which pieces each node hands out, attempt by attempt, and does something at one of them. */
function watchPieces(nodes: readonly MemoryNode[]): {
  attempts: { from: number; pieces: number[] }[];
  at: (attempt: number, piece: number, run: () => void) => void;
} {
  const attempts: { from: number; pieces: number[] }[] = [];
  const traps = new Map<string, () => void>();
  for (const { stateMachine } of nodes) {
    const real = stateMachine.outgoing.bind(stateMachine);
    stateMachine.outgoing = async (from) => {
      const outgoing = await real(from);
      const watched: OutgoingSnapshot = {
        ...outgoing,
        async *piecesFrom(first) {
          const attempt = { from: first, pieces: [] as number[] };
          attempts.push(attempt);
          let piece = first;
          for await (const bytes of outgoing.piecesFrom(first)) {
            traps.get(`${attempts.length} ${piece}`)?.();
            attempt.pieces.push(piece++);
            yield bytes;
          }
        },
      };
      return watched;
    };
  }
  return { attempts, at: (attempt, piece, run) => traps.set(`${attempt} ${piece}`, run) };
}

/** A receiver that is cut off at the third piece, while the leader goes on writing. */
async function cutOffWhileWriting(writes: number) {
  const { t, behind } = await lagging();
  const { leader } = t;
  const seen = watchPieces(t.nodes);
  seen.at(1, 3, () => t.isolate(behind));
  await behind.start([1, 2, 3], membersAt(1, 2, 3), SMALL);
  await t.until(() => seen.attempts[0]?.pieces.includes(3) === true);
  for (let write = 0; write < writes; write++) await t.propose(leader, `m${write}`);
  return { t, behind, leader, seen };
}

describe("a snapshot that is cut off", () => {
  it("S2: goes on behind the last piece that came in when the connection stands again", async () => {
    const { t, behind, seen } = await cutOffWhileWriting(1);
    t.network.healAll();
    await t.until(() => behind.stateMachine.kv("m0") !== undefined);
    expect(seen.attempts.length).toBeGreaterThan(1);
    expect(seen.attempts[1]!.from).toBe(3);
    expect(behind.stateMachine.kv("k0")?.value).toHaveLength(LIMITS.snapshotChunkBytes);
    expect(behind.fatal).toEqual([]);
  });

  it("S2: goes on when the receiver has started again in between", async () => {
    const { t, behind } = await lagging();
    const seen = watchPieces(t.nodes);
    let stopping: Promise<void> | undefined;
    seen.at(1, 4, () => {
      stopping = behind.peer.close().then(() => behind.node.stop());
    });
    await behind.start([1, 2, 3], membersAt(1, 2, 3), SMALL);
    await t.until(() => stopping !== undefined);
    const stopped = watch(stopping!);
    await t.until(() => stopped.settled);
    await behind.start([1, 2, 3], membersAt(1, 2, 3), SMALL);
    await t.until(() => behind.stateMachine.kv("k39") !== undefined);
    expect(seen.attempts[1]!.from).toBe(4);
  });

  it.each([
    ["begins anew when another leader is at another position", 3, 0],
    ["goes on with what another leader sends of the same position: it is the same content", 0, 3],
  ])("S2: %s", async (_what, writes, first) => {
    const { t, behind } = await lagging();
    const old = t.leader;
    const other = t.nodes.find((node) => node !== old && node !== behind)!;
    const seen = watchPieces(t.nodes);
    seen.at(1, 3, () => t.isolate(behind));
    await behind.start([1, 2, 3], membersAt(1, 2, 3), SMALL);
    await t.until(() => seen.attempts[0]?.pieces.includes(3) === true);
    for (let write = 0; write < writes; write++) await t.propose(old, `m${write}`);
    await t.until(() => other.stateMachine.applied().index === old.stateMachine.applied().index);
    t.network.healAll();
    t.isolate(old);
    await t.until(() => other.role === "leader" && behind.stateMachine.restoredFrom().index > 0);
    expect(seen.attempts[1]!.from).toBe(first);
    expect(behind.stateMachine.kv("k39")).toBeDefined();
    t.network.healAll();
    await t.until(() => old.node.status().commitIndex === other.node.status().commitIndex);
    expect([...old.fatal, ...behind.fatal]).toEqual([]);
  });

  it("S6: the log is kept behind it meanwhile, so that it leads somewhere", async () => {
    const { t, behind, seen } = await cutOffWhileWriting(40);
    t.network.healAll();
    await t.until(() => behind.stateMachine.kv("m39") !== undefined);
    expect(seen.attempts.map(({ from }) => from)).toEqual([0, 3]);
  });

  it("S6: but not for ever: beyond the hold it is put together anew", async () => {
    const { t, behind, leader, seen } = await cutOffWhileWriting(100);
    expect(leader.log.lastIndex() - leader.log.firstIndex()).toBeLessThan(80);
    t.network.healAll();
    await t.until(() => behind.stateMachine.kv("m99") !== undefined);
    expect(seen.attempts.map(({ from }) => from)).toEqual([0, 0]);
  });

  it("stopping the sender does not wait for the receiver's answer", async () => {
    const { t, behind } = await lagging();
    const { leader } = t;
    const { stateMachine } = behind;
    const restore = stateMachine.restore.bind(stateMachine);
    let isReached = false;
    stateMachine.restore = async (...announced) => {
      const sink = await restore(...announced);
      sink.commit = () => {
        isReached = true;
        return new Promise<never>(() => {});
      };
      return sink;
    };
    await behind.start([1, 2, 3], membersAt(1, 2, 3), SMALL);
    await t.until(() => isReached);
    const stopped = watch(leader.node.stop());
    await settle();
    expect(stopped.settled).toBe(true);
  });
});

it("a snapshot that lies ready is removed when it was sent", async () => {
  const { t, behind } = await lagging();
  const { leader } = t;
  const { stateMachine } = leader;
  let discarded = 0;
  const discard = stateMachine.discardOutgoing.bind(stateMachine);
  stateMachine.discardOutgoing = () => {
    discarded++;
    discard();
  };
  await behind.start([1, 2, 3], membersAt(1, 2, 3), SMALL);
  await t.until(() => behind.stateMachine.kv("k39") !== undefined && discarded > 0);
});
