import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { LIMITS, NO_MEMBERSHIP } from "@dister/types";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Database, openForWriting } from "../src/database.ts";
import { stateHash } from "../src/index.ts";
import { commandEntry, open, setEntry, TIME_MS, textOf, transfer } from "./harness.ts";
import { temporaryFolder } from "./temporary-folder.ts";

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

describe("a database in a file", () => {
  test("holds everything when it is opened again, and it is durable", async () => {
    const path = folder.file("state.db");
    const first = await open(path);
    await first.apply([setEntry(1, ["a", "1"]), setEntry(2, ["a", "2"])]);
    await first.close();
    expect(readdirSync(dirname(path))).toEqual(["state.db"]);
    const again = await open(path);
    expect(again.kv("a")).toEqual({ key: "a", value: "2", createIndex: 1, modifyIndex: 2, version: 2 });
    expect(again.outcome("r1")).toEqual({ requestId: "r1", logId: 10_001, changed: 1 });
    expect([again.applied(), again.durable()]).toEqual([
      { index: 2, term: 1 },
      { index: 2, term: 1 },
    ]);
    expect(again.changesSince(10_001, 10)).toEqual({ compacted: true, oldestLogId: 20_002 });
    await again.close();
  });

  test("X11: is readable by its owner only, with its log and what comes in beside it", async () => {
    const path = folder.file("state.db");
    const store = await open(path);
    await store.apply([setEntry(1, ["a", "1"])]);
    await store.outgoing(1);
    const sink = await store.restore({ index: 9, term: 1 }, NO_MEMBERSHIP);
    expect([path, `${path}-wal`, `${path}.incoming-pieces`, `${path}.outgoing`].map(mode)).toEqual([
      "600",
      "600",
      "600",
      "600",
    ]);
    sink.abort();
    await store.close();
    chmodSync(path, 0o644);
    const again = await open(path);
    expect(mode(path)).toBe("600");
    await again.close();
  });

  test("is the old one still when a snapshot is given up, and nothing is left of that", async () => {
    const path = folder.file("state.db");
    const store = await open(path);
    await store.apply([setEntry(1, ["a", "1"])]);
    const sink = await store.restore({ index: 9, term: 1 }, NO_MEMBERSHIP);
    sink.abort();
    await expect(sink.write(new Uint8Array(20))).rejects.toMatchObject({ code: "DISTER_ERR_SNAPSHOT" });
    await store.close();
    expect(readdirSync(folder.path)).toEqual(["state.db"]);
  });

  test("is the restored one when it is opened again, and applying goes on from there", async () => {
    const ahead = await open();
    await ahead.apply(Array.from({ length: 5 }, (_, at) => setEntry(at + 1, [`k${at}`, "1"])));
    const path = folder.file("state.db");
    const store = await open(path);
    await store.apply([setEntry(1, ["old", "1"])]);
    await transfer(ahead, store);
    await store.apply([setEntry(6, ["k5", "1"])]);
    await store.close();
    await ahead.close();
    expect(readdirSync(folder.path)).toEqual(["state.db"]);
    const again = await open(path);
    expect(again.kvPage({ prefix: "", after: "", limit: 10 }).map((record) => record.key)).toEqual(
      [0, 1, 2, 3, 4, 5].map((at) => `k${at}`),
    );
    expect(again.restoredFrom()).toEqual({ index: 5, term: 1 });
    expect(again.applied()).toEqual({ index: 6, term: 1 });
    await again.close();
  });

  test("cannot be made durable while a snapshot is read, and can afterwards", async () => {
    const store = await open(folder.file("state.db"));
    await store.apply([setEntry(1, ["a", "1"])]);
    await store.checkpoint();
    const source = await store.snapshot();
    await store.apply([setEntry(2, ["a", "2"])]);
    expect(await store.checkpoint()).toEqual({ index: 1, term: 1 });
    expect(store.durable()).toEqual({ index: 1, term: 1 });
    // Read to its end is enough: whoever sends it may close it much later.
    for await (const chunk of source.chunks) expect(chunk.length).toBeGreaterThan(0);
    expect(await store.checkpoint()).toEqual({ index: 2, term: 1 });
    source.close();
    await store.close();
  });
});

describe("P5: opening refuses", () => {
  const refused = (path: string, reason: RegExp) =>
    expect(open(path)).rejects.toMatchObject({ code: "DISTER_ERR_STORE", message: expect.stringMatching(reason) });

  /** A database of ours that was closed, changed by `change`. */
  async function changed(change: (db: Database) => void): Promise<string> {
    const path = folder.file("changed.db");
    const store = await open(path);
    await store.apply(Array.from({ length: 50 }, (_, at) => setEntry(at + 1, [`k${at}`, textOf(at, 500)])));
    await store.close();
    const db = openForWriting(path, 2 ** 20);
    change(db);
    db.close();
    return path;
  }

  test("a database of a newer format, and does not touch it", async () => {
    const path = await changed((db) => db.pragma("user_version = 2"));
    const before = readFileSync(path);
    await refused(path, /format 2, this version of the software knows format 1/);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test("a database of somebody else, and does not touch it", async () => {
    const path = folder.file("foreign.db");
    writeFileSync(path, "");
    const db = openForWriting(path, 2 ** 20);
    db.exec("CREATE TABLE theirs (a)");
    db.close();
    const before = readFileSync(path);
    await refused(path, /not a database of dister/);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test("a file that is no database, and a folder that does not exist", async () => {
    const path = folder.file("text.db");
    writeFileSync(path, "this is not a database, however long it may be".repeat(100));
    await refused(path, /not a database/);
    await expect(open(folder.file("missing/state.db"))).rejects.toMatchObject({ code: "DISTER_ERR_DISK" });
    mkdirSync(folder.file("folder.db"));
    await expect(open(folder.file("folder.db"))).rejects.toMatchObject({ code: /DISTER_ERR_(STORE|DISK)/ });
  });

  test("a database with a zeroed page, wherever it is", async () => {
    const path = await changed(() => {});
    const bytes = readFileSync(path);
    for (let page = 1; page < bytes.length / 4096; page++) {
      const damaged = folder.file(`damaged-${page}.db`);
      copyFileSync(path, damaged);
      writeFileSync(damaged, Buffer.from(bytes).fill(0, page * 4096, (page + 1) * 4096));
      await refused(damaged, /./);
    }
  });

  test("a database whose structure contradicts itself, though every row can be read", async () => {
    const path = await changed(() => {});
    const bytes = readFileSync(path);
    // The header counts free pages that the file does not have.
    bytes.writeUInt32BE(5, 36);
    writeFileSync(path, bytes);
    await refused(path, /damaged/);
  });

  const service = (name: string, definition: string, state: string) =>
    `INSERT INTO service VALUES ('${name}', '${definition}', 1); INSERT INTO service_state VALUES ('${name}', '${state}', 1)`;
  const states = [
    ...["{", "{}", "null", "[]", "[0]", "[0,[1,0,0,0],[1,0,0,0]]", "[-1,[1,0,0,0]]", "[1.5,[1,0,0,0]]"],
    // Draining and in maintenance at once, a bit that is not known, numbers missing, too many, or none.
    ...["[0,[1,24,0,0]]", "[0,[1,32,0,0]]", "[0,[1,0,0]]", "[0,[1,0,0,0,0]]", "[0,[1,0,0,null]]", `[0,"1000"]`],
  ];

  test("rows that are not what was written", async () => {
    const rows = [
      service("s", "{}", "[0]"),
      service("t", `{"name":"s","type":"tcp","node":[]}`, "[0]"),
      `INSERT INTO service VALUES ('s', '{"name":"s","type":"tcp","node":[]}', 1)`,
      "INSERT INTO service_state VALUES ('s', '[0]', 1)",
      ...states.map((state) => service("s", `{"name":"s","type":"tcp","node":[{"id":"a","status":0}]}`, state)),
      "INSERT INTO membership VALUES (1, '{}')",
      "INSERT INTO request VALUES (999999, 'r1', 1, 1, NULL)",
      "INSERT INTO request VALUES (999999, 'x', 1, 1, '{')",
    ];
    for (const row of rows) await refused(await changedAnew(row), /it holds/);

    async function changedAnew(sql: string): Promise<string> {
      folder.remove();
      folder = temporaryFolder();
      return changed((db) => db.exec(sql));
    }
  });
});

describe("P5: a failure while applying", () => {
  test("undoes the whole batch, ends applying, and leaves what was committed readable", async () => {
    const path = folder.file("state.db");
    const store = await open(path);
    await store.apply([setEntry(1, ["a", "1"])]);
    // Another process that writes, against all promises, is the simplest way to make SQLite fail.
    const other = openForWriting(path, 2 ** 20);
    other.exec("BEGIN IMMEDIATE");
    const batch = [setEntry(2, ["a", "2"]), setEntry(3, ["b", "1"])];
    await expect(store.apply(batch)).rejects.toMatchObject({ code: "DISTER_ERR_STORE" });
    other.exec("ROLLBACK");
    other.close();
    await expect(store.apply(batch)).rejects.toMatchObject({ code: "DISTER_ERR_STOPPED" });
    await expect(store.checkpoint()).rejects.toMatchObject({ code: "DISTER_ERR_STOPPED" });
    expect(store.kv("a")?.value).toBe("1");
    expect(store.kvCount()).toBe(1);
    expect(store.applied().index).toBe(1);
    await store.close();
    const again = await open(path);
    await again.apply(batch);
    expect(again.kv("a")?.value).toBe("2");
    await again.close();
  });

  test("in the middle of a batch takes back what the entries before it did, in memory too", async () => {
    const store = await open(folder.file("state.db"));
    await store.apply([setEntry(1, ["a", "1"])]);
    const heard: unknown[] = [];
    store.onChange((event) => heard.push(event));
    const broken = { ...setEntry(4, ["c", "1"]), payload: Uint8Array.of(9) };
    await expect(store.apply([setEntry(2, ["a", "2"]), setEntry(3, ["b", "1"]), broken])).rejects.toMatchObject({
      code: "DISTER_ERR_COMMAND",
    });
    expect(store.kvCount()).toBe(1);
    expect(store.kv("a")?.version).toBe(1);
    expect(store.outcome("r2")).toBeUndefined();
    expect(store.appliedLogId()).toBe(10_001);
    expect(heard).toEqual([]);
    await store.close();
  });
});

test("after close nothing can be read from the database any more", async () => {
  const store = await open();
  await store.close();
  expect(() => store.kv("a")).toThrow(expect.objectContaining({ code: "DISTER_ERR_STOPPED" }));
  expect(() => store.kvPage({ prefix: "", after: "", limit: 1 })).toThrow(
    expect.objectContaining({ code: "DISTER_ERR_STOPPED" }),
  );
});

test("half of a surrogate pair is no key, and not the one that stands for it", async () => {
  const store = await open();
  await store.apply([setEntry(1, ["\uFFFD", "1"])]);
  expect(store.kv("\uD800")).toBeUndefined();
  expect(store.kvPage({ prefix: "\uD800", after: "", limit: 1 })).toEqual([]);
  await store.close();
});

test("requests are forgotten by count too, the oldest first, and stay forgotten when opened again", async () => {
  const path = folder.file("state.db");
  const store = await open(path);
  const count = LIMITS.requestIdsKeptMax + 3;
  for (let from = 1; from <= count; from += 4_000) {
    const length = Math.min(4_000, count - from + 1);
    await store.apply(Array.from({ length }, (_, at) => setEntry(from + at)));
  }
  const known = (of: typeof store) => [1, 3, 4, count].map((at) => of.outcome(`r${at}`) !== undefined);
  expect(known(store)).toEqual([false, false, true, true]);
  await store.close();
  const again = await open(path);
  expect(known(again)).toEqual([false, false, true, true]);
  await again.close();
});

test("C3: a request id that was forgotten and used again is the newer one, on a node that was opened again too", async () => {
  const path = folder.file("state.db");
  const [store, steady] = [await open(path), await open()];
  const nothing = { type: "kvDelete", keys: [] } as const;
  const at = (index: number, requestId: string, minutes: number) =>
    commandEntry(index, nothing, { requestId, timeMs: TIME_MS + minutes * 60_000 });
  const entries = [at(1, "again", 0), at(2, "kept", 10), at(3, "kept", 16), at(4, "again", 1), at(5, "other", 26)];
  await store.apply(entries);
  await steady.apply(entries);
  expect(steady.outcome("again")?.logId).toBe(40_004);
  expect(steady.outcome("kept")).toBeUndefined();
  await store.close();
  const again = await open(path);
  for (const id of ["again", "kept", "other"]) expect(again.outcome(id)).toEqual(steady.outcome(id));
  expect(await stateHash(again)).toBe(await stateHash(steady));
  await again.close();
  await steady.close();
});
