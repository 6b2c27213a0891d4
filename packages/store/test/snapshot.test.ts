import { LIMITS, NO_MEMBERSHIP } from "@dister/types";
import { afterEach, describe, expect, test } from "vitest";
import { stateHash } from "../src/index.ts";
import { commandEntry, drain, membershipEntry, open, setEntry, TIME_MS, textOf, transfer } from "./harness.ts";

// Written by hand from docs/formats/snapshot.md, where the same bytes stand: one key, one request, no service.
const GOLDEN = [
  "0000006f 00000000 fadd14f6",
  "01 00000024  01 01 01 954e 00 80d8c1a28c34  14 7b2276223a312c226d656d62657273223a5b5d7d  01 00 01",
  "02 00000007  01 61  01 31  01 01 01",
  "04 0000000d  954e  02 7231  80d8c1a28c34  01 00",
  "05 00000023  01 00 01  b13ca2a34a104276ae1354f8af5600c6f160799928725f6277c64be9561aee40",
]
  .join("")
  .replaceAll(" ", "");

const closing: (() => Promise<void>)[] = [];
async function opened() {
  const store = await open();
  closing.push(() => store.close());
  return store;
}
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const golden = () => commandEntry(1, { type: "kvSet", pairs: [["a", "1"]] }, { requestId: "r1", r: 5 });

describe("golden bytes of a snapshot", () => {
  test("are what a store with one key gives", async () => {
    const store = await opened();
    await store.apply([golden()]);
    const chunks = await drain(await store.snapshot());
    expect(chunks.map((chunk) => chunk.toString("hex"))).toEqual([GOLDEN]);
  });

  test("are what a store can be restored from", async () => {
    const store = await opened();
    const sink = await store.restore({ index: 1, term: 1 }, NO_MEMBERSHIP);
    await sink.write(Buffer.from(GOLDEN, "hex"));
    await sink.commit();
    expect(store.kv("a")).toEqual({ key: "a", value: "1", createIndex: 1, modifyIndex: 1, version: 1 });
    expect(store.outcome("r1")).toEqual({ requestId: "r1", logId: 10_005, changed: 1 });
    expect(store.appliedLogId()).toBe(10_005);
    expect(store.restoredFrom()).toEqual({ index: 1, term: 1 });
  });

  test("with any one byte changed are refused, and nothing is restored", async () => {
    const store = await opened();
    const bytes = Buffer.from(GOLDEN, "hex");
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at]! ^= 0x40;
      const sink = await store.restore({ index: 1, term: 1 }, NO_MEMBERSHIP);
      const restored = sink.write(damaged).then(() => sink.commit());
      await expect(restored, `byte ${at}`).rejects.toMatchObject({ code: "DISTER_ERR_SNAPSHOT" });
    }
    expect(store.applied()).toEqual({ index: 0, term: 0 });
    expect(store.kvCount()).toBe(0);
  });
});

describe("a large snapshot", () => {
  test("comes in full chunks but for the last, and a value larger than a chunk is split", async () => {
    const store = await opened();
    await store.apply([setEntry(1, ["large", textOf(1, LIMITS.valueBytesMax)], ["small", "1"])]);
    const chunks = await drain(await store.snapshot());
    expect(chunks).toHaveLength(5);
    expect(chunks.slice(0, -1).every((chunk) => chunk.length === LIMITS.snapshotChunkBytes)).toBe(true);
    const other = await opened();
    await transfer(store, other);
    expect(other.kv("large")?.value).toBe(textOf(1, LIMITS.valueBytesMax));
  });

  test("lets the event loop run between its chunks", async () => {
    const store = await opened();
    await store.apply([setEntry(1, ...Array.from({ length: 6 }, (_, at) => [`k${at}`, textOf(at, 2 ** 18)] as const))]);
    let turns = 0;
    const count = () => {
      turns++;
      again = setImmediate(count);
    };
    let again = setImmediate(count);
    const source = await store.snapshot();
    let chunks = 0;
    for await (const chunk of source.chunks) chunks += chunk.length > 0 ? 1 : 0;
    source.close();
    clearImmediate(again);
    expect(chunks).toBeGreaterThan(5);
    expect(turns).toBeGreaterThanOrEqual(chunks - 2);
  });
});

describe("restoring", () => {
  test("tells that everything changed, once, when the new state can be read", async () => {
    const source = await opened();
    await source.apply([setEntry(1, ["a", "1"]), setEntry(2, ["b", "1"])]);
    const store = await opened();
    const told: unknown[] = [];
    store.onChange((event) => told.push(event));
    store.onReset((logId) => told.push(["reset", logId, store.kv("b")?.value]));
    await transfer(source, store);
    expect(told).toEqual([["reset", source.appliedLogId(), "1"]]);
    expect(store.changesSince(0, 10)).toEqual({ compacted: true, oldestLogId: source.appliedLogId() });
  });

  test("ends the snapshots that are being read, with an error for the reader", async () => {
    const store = await opened();
    await store.apply([setEntry(1, ["a", textOf(1, LIMITS.valueBytesMax)])]);
    const source = await store.snapshot();
    const newer = await opened();
    await newer.apply([setEntry(1, ["a", "1"]), setEntry(2, ["b", "1"])]);
    const reading = (async () => {
      let swapped = false;
      for await (const chunk of source.chunks) {
        expect(chunk.length).toBeGreaterThan(0);
        if (!swapped) await transfer(newer, store);
        swapped = true;
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: "DISTER_ERR_SNAPSHOT" });
    source.close();
    expect(store.kv("a")?.value).toBe("1");
  });

  test("a membership travels with the state", async () => {
    const store = await opened();
    const member = { id: "0000000000000001", name: "n", role: 0, voter: true } as const;
    const address = { host: "h", ports: { raft: 1, repl: 2, api: 3 } };
    await store.apply([membershipEntry(1, { members: [{ ...member, address }] })]);
    const other = await opened();
    await transfer(store, other);
    expect(other.membership()).toEqual({ members: [{ ...member, address }] });
    expect(await stateHash(other)).toBe(await stateHash(store));
  });

  test("forgotten and remembered requests are the same on the restored node, also later", async () => {
    const entries = [0, 1, 2].map((at) =>
      commandEntry(at + 1, { type: "kvDelete", keys: [] }, { timeMs: TIME_MS + at * (LIMITS.requestIdKeptMs / 2 + 1) }),
    );
    const store = await opened();
    await store.apply(entries);
    expect(store.outcome("r1")).toBeUndefined();
    const other = await opened();
    await transfer(store, other);
    expect(other.outcome("r1")).toBeUndefined();
    expect(other.outcome("r2")).toEqual(store.outcome("r2"));
    const later = commandEntry(4, { type: "kvDelete", keys: [] }, { timeMs: TIME_MS + 2 * LIMITS.requestIdKeptMs });
    await store.apply([later]);
    await other.apply([later]);
    expect(other.outcome("r2")).toBeUndefined();
    expect(await stateHash(other)).toBe(await stateHash(store));
  });
});

test("the hash of a state differs with anything in it, and with its position", async () => {
  const [a, b, c] = [await opened(), await opened(), await opened()];
  await a.apply([setEntry(1, ["a", "1"])]);
  await b.apply([setEntry(1, ["a", "2"])]);
  await c.apply([setEntry(1, ["a", "1"]), commandEntry(2, { type: "kvDelete", keys: [] }, { requestId: "r1" })]);
  const hashes = await Promise.all([a, b, c].map((store) => stateHash(store)));
  expect(new Set(hashes).size).toBe(3);
});
