import { closeSync, ftruncateSync, openSync, readdirSync, writeSync } from "node:fs";
import { LIMITS, type OutgoingSnapshot } from "@dister/types";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Store } from "../src/index.ts";
import { open, setEntry, textOf, transfer } from "./harness.ts";
import { temporaryFolder } from "./temporary-folder.ts";

let folder: ReturnType<typeof temporaryFolder>;
const stores: Store[] = [];
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  folder.remove();
});

const BLOCK = LIMITS.snapshotChunkBytes;

async function opened(name: string): Promise<Store> {
  const store = await open(folder.file(name));
  stores.push(store);
  return store;
}

/** A store with a snapshot of six pieces, and those pieces. */
async function source(): Promise<{ store: Store; ready: OutgoingSnapshot; pieces: Uint8Array[] }> {
  const store = await opened("source.db");
  const large = Array.from({ length: 5 }, (_, at) => setEntry(at + 1, [`k${at}`, textOf(at, BLOCK)]));
  await store.apply(large);
  const ready = await store.outgoing(1);
  return { store, ready, pieces: await read(ready, 0) };
}

async function read(ready: OutgoingSnapshot, first: number): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  for await (const piece of ready.piecesFrom(first)) pieces.push(piece);
  return pieces;
}

const restore = (store: Store, { position, membership, content }: OutgoingSnapshot) =>
  store.restore(position, membership, content);

/** Receives the first pieces and ends there, as a process does. */
async function receiveSome(ready: OutgoingSnapshot, pieces: readonly Uint8Array[]): Promise<void> {
  const store = await open(folder.file("state.db"));
  const sink = await restore(store, ready);
  for (const piece of pieces) await sink.write(piece);
  await store.close();
}

function damage(name: string, at: number, bytes: Uint8Array): void {
  const fd = openSync(folder.file(name), "r+");
  writeSync(fd, bytes, 0, bytes.length, at);
  closeSync(fd);
}

describe("a reception that ended with its process", () => {
  test("S2: goes on behind the last piece, and the state is the sender's", async () => {
    const { ready, pieces } = await source();
    await receiveSome(ready, pieces.slice(0, 4));
    const store = await opened("state.db");
    const sink = await restore(store, ready);
    expect(sink.pieceCount).toBe(4);
    for (const piece of pieces.slice(4)) await sink.write(piece);
    await sink.commit();
    expect(store.kv("k4")?.value).toBe(textOf(4, BLOCK));
    expect(store.applied()).toEqual(ready.position);
    expect(readdirSync(folder.path).filter((name) => name.startsWith("state.db.")).length).toBe(0);
  });

  const damages: [what: string, pieces: number, harm: () => void][] = [
    [
      "a flipped bit in its second piece",
      1,
      () => damage("state.db.incoming-pieces", 2 * BLOCK + 500, Buffer.of(0xff)),
    ],
    ["a hole where its third piece was", 2, () => damage("state.db.incoming-pieces", 3 * BLOCK, new Uint8Array(BLOCK))],
    [
      "a fourth piece that was cut by a power loss",
      3,
      () => {
        const fd = openSync(folder.file("state.db.incoming-pieces"), "r+");
        ftruncateSync(fd, 4 * BLOCK + 77);
        closeSync(fd);
      },
    ],
    ["a damaged head", 0, () => damage("state.db.incoming-pieces", 20, Buffer.from("zz"))],
    ["a head of another file", 0, () => damage("state.db.incoming-pieces", 0, Buffer.from("SQLi"))],
  ];
  test.each(damages)("S2: with %s goes on behind what is sound before it", async (_what, sound, harm) => {
    const { ready, pieces } = await source();
    await receiveSome(ready, pieces.slice(0, 4));
    harm();
    const store = await opened("state.db");
    const sink = await restore(store, ready);
    expect(sink.pieceCount).toBe(sound);
    for (const piece of pieces.slice(sound)) await sink.write(piece);
    await sink.commit();
    expect(store.kv("k4")?.value).toBe(textOf(4, BLOCK));
  });

  test("S2: is removed when another snapshot comes, and when the state has come that far without it", async () => {
    const { ready, pieces } = await source();
    await receiveSome(ready, pieces.slice(0, 4));
    const store = await opened("state.db");
    const sink = await store.restore({ ...ready.position, index: 99 }, ready.membership, ready.content);
    expect(sink.pieceCount).toBe(0);
    sink.abort();
    expect(readdirSync(folder.path)).not.toContain("state.db.incoming-pieces");
    const again = await restore(store, ready);
    await again.write(pieces[0]!);
    again.suspend();
    await store.apply(Array.from({ length: 6 }, (_, at) => setEntry(at + 1, [`k${at}`, "by the log"])));
    await store.checkpoint();
    expect(readdirSync(folder.path)).not.toContain("state.db.incoming-pieces");
  });

  test("S2: is removed at the start when the state is beyond it", async () => {
    const { ready, pieces } = await source();
    await receiveSome(ready, pieces.slice(0, 4));
    const store = await open(folder.file("state.db"));
    await store.apply(Array.from({ length: 5 }, (_, at) => setEntry(at + 1, [`k${at}`, "by the log"])));
    await store.close();
    await opened("state.db");
    expect(readdirSync(folder.path)).not.toContain("state.db.incoming-pieces");
  });
});

describe("an outgoing snapshot", () => {
  test("is there again after a restart, and only while the state has come to it", async () => {
    const { store, ready, pieces } = await source();
    await store.close();
    const again = await opened("source.db");
    await again.apply([setEntry(6, ["later", "1"])]);
    const found = await again.outgoing(ready.position.index);
    expect([found.position, found.content]).toEqual([ready.position, ready.content]);
    expect(await read(found, 3)).toEqual(pieces.slice(3));
    expect((await again.outgoing(6)).position.index).toBe(6);
  });

  test("that is damaged is told as damaged, and the next one is put together anew", async () => {
    const { store, ready, pieces } = await source();
    damage("source.db.outgoing", 3 * BLOCK + 100, Buffer.from("damage"));
    const got: Uint8Array[] = [];
    const reading = (async () => {
      for await (const piece of ready.piecesFrom(0)) got.push(piece);
    })();
    await expect(reading).rejects.toMatchObject({ code: "DISTER_ERR_SNAPSHOT" });
    expect(got).toEqual(pieces.slice(0, 2));
    const anew = await store.outgoing(1);
    expect(await read(anew, 0)).toEqual(pieces);
  });

  test("holds up neither checkpoints nor the write-ahead log while it is sent", async () => {
    const { store, ready } = await source();
    const reading = ready.piecesFrom(0)[Symbol.asyncIterator]();
    await reading.next();
    await store.apply([setEntry(6, ["later", "1"])]);
    expect((await store.checkpoint()).index).toBe(6);
  });

  test("is gone when the state is replaced: its log is gone as well", async () => {
    const { ready } = await source();
    const [first] = stores;
    const ahead = await opened("ahead.db");
    await ahead.apply(Array.from({ length: 9 }, (_, at) => setEntry(at + 1, [`a${at}`, "1"])));
    await transfer(ahead, first!);
    await expect(read(ready, 0)).rejects.toMatchObject({ code: "DISTER_ERR_SNAPSHOT" });
    expect(readdirSync(folder.path)).not.toContain("source.db.outgoing");
  });
});

test("S6: rows are read and put in over many turns of the event loop", async () => {
  const store = await opened("many.db");
  const pairs = Array.from({ length: 5_000 }, (_, at) => [`key${at}`, "v"] as const);
  await store.apply([setEntry(1, ...pairs)]);
  let turns = 0;
  const count = (): void => {
    turns++;
    again = setImmediate(count);
  };
  let again = setImmediate(count);
  const ready = await store.outgoing(1);
  const reading = turns;
  const other = await opened("other.db");
  const sink = await restore(other, ready);
  for (const piece of await read(ready, 0)) await sink.write(piece);
  turns = 0;
  await sink.commit();
  clearImmediate(again);
  // A hundred rows are one turn.
  expect(Math.min(reading, turns)).toBeGreaterThanOrEqual(49);
});
