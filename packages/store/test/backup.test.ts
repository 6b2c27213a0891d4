import { setImmediate as nextTurn } from "node:timers/promises";
import { type InstanceConfig, type Membership, membershipOf } from "@dister/types";
import { afterEach, describe, expect, test } from "vitest";
import { backupStream, inspectBackup, restoreBackup, type Store, stateHash } from "../src/index.ts";
import { commandEntry, membershipEntry, open, setEntry, TIME_MS, textOf } from "./harness.ts";

const opened: Store[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
});

async function store(): Promise<Store> {
  const made = await open();
  opened.push(made);
  return made;
}

const MEMBERS: Membership = membershipOf([
  {
    ...{ id: "00000000000000A1", name: "one", role: 0, voter: true },
    address: { host: "10.0.0.1", ports: { raft: 1, repl: 2, api: 3 } },
  },
]);

const NODE: InstanceConfig = {
  ...{ id: "i", host: "h", port: "1", priority: "100", interval: "2000", timeout: "2000", rise: "1", fall: "2" },
  status: 0,
};

/** Some keys, two services, a membership, and everything that is remembered of requests. */
async function filled(keys = 20, valueBytes = 100): Promise<Store> {
  const filledStore = await store();
  await filledStore.apply([
    membershipEntry(1, MEMBERS),
    commandEntry(2, {
      type: "serviceSet",
      services: ["a", "b"].map((name) => ({ name, type: "tcp", node: [NODE] })),
    }),
  ]);
  for (let i = 0; i < keys; i++) await filledStore.apply([setEntry(3 + i, [`key${i}`, textOf(i, valueBytes)])]);
  return filledStore;
}

function factsOf(of: Store) {
  return {
    ...{ group: "g", cluster: "00000000000000CC", node: "00000000000000A1", version: "1.2.3", timeMs: TIME_MS },
    ...{ logid: of.appliedLogId(), keys: of.kvCount(), services: of.services().length },
  };
}

async function backupOf(of: Store): Promise<Buffer> {
  const source = await of.snapshot();
  const parts: Uint8Array[] = [];
  for await (const part of backupStream(source, factsOf(of))) parts.push(part);
  return Buffer.concat(parts);
}

async function* pieces(bytes: Uint8Array, size = bytes.length): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const reasonOf = async (bytes: Uint8Array, size?: number): Promise<string> => {
  try {
    await inspectBackup(pieces(bytes, size));
    return "sound";
  } catch (error) {
    expect(error).toMatchObject({ code: "DISTER_ERR_SNAPSHOT" });
    return (error as Error).message;
  }
};

describe("a backup", () => {
  test("gives the same state back, with histories, services and request ids, and says what it holds", async () => {
    const from = await filled();
    const bytes = await backupOf(from);
    const to = await store();
    const sound = await restoreBackup(pieces(bytes), to);
    expect(await stateHash(to)).toBe(await stateHash(from));
    expect(to.restoredFrom()).toEqual(from.applied());
    expect(to.outcome("r5")).toEqual(from.outcome("r5"));
    expect(sound).toMatchObject({ bytes: bytes.length, head: { ...factsOf(from), index: 22, term: 1 } });
    expect(sound.sha256).toBe(bytes.subarray(-32).toString("hex"));
    expect(await inspectBackup(pieces(bytes))).toEqual(sound);
  });

  test("is read the same however its bytes are cut", async () => {
    const bytes = await backupOf(await filled(3));
    for (const size of [1, 2, 3, 7, 64, 1_000]) expect(await reasonOf(bytes, size)).toBe("sound");
  });

  test("is the same, byte by byte, for the same state and facts", async () => {
    const from = await filled();
    expect((await backupOf(from)).equals(await backupOf(from))).toBe(true);
  });

  test("of an empty state is whole as well", async () => {
    const bytes = await backupOf(await store());
    const to = await store();
    await restoreBackup(pieces(bytes), to);
    expect(to.kvCount()).toBe(0);
  });

  test("reads nothing ahead of who takes it, and holds one moment while the state goes on", async () => {
    const from = await filled(40, 60_000);
    const source = await from.snapshot();
    let made = 0;
    const counted = {
      ...source,
      close: () => source.close(),
      chunks: (async function* () {
        for await (const chunk of source.chunks) {
          made++;
          yield chunk;
        }
      })(),
    };
    const stream = backupStream(counted, factsOf(from));
    const parts: Uint8Array[] = [];
    for (let i = 0; i < 3; i++) parts.push((await stream.next()).value!);
    for (let i = 0; i < 50; i++) await nextTurn();
    expect(made).toBe(1);
    await from.apply([setEntry(43, ["late", "comer"])]);
    for await (const part of stream) parts.push(part);
    const to = await store();
    await restoreBackup(pieces(Buffer.concat(parts)), to);
    expect(to.applied().index).toBe(42);
    expect(to.kv("late")).toBeUndefined();
  });

  test("lets go of the snapshot when whoever reads it goes away", async () => {
    const source = await (await filled(40, 60_000)).snapshot();
    let closed = 0;
    const watched = {
      ...source,
      close: () => {
        closed++;
        source.close();
      },
    };
    for await (const _ of backupStream(watched, factsOf(opened[0]!))) break;
    expect(closed).toBe(1);
  });
});

describe("what is no sound backup is refused in one sentence, and the state in use stays whole:", () => {
  async function refused(bytes: Uint8Array, reason: RegExp): Promise<void> {
    expect(await reasonOf(bytes)).toMatch(reason);
    const target = await store();
    await target.apply([setEntry(1, ["mine", "1"])]);
    await expect(restoreBackup(pieces(bytes), target)).rejects.toMatchObject({ code: "DISTER_ERR_SNAPSHOT" });
    expect(target.kv("mine")?.value).toBe("1");
    await target.apply([setEntry(2, ["mine", "2"])]);
  }

  test("nothing at all, another file, text, half a magic", async () => {
    await refused(Buffer.alloc(0), /it is empty/);
    await refused(Buffer.from("SQLite format 3\0"), /no backup of dister/);
    await refused(Buffer.from("DISTERB"), /it is cut: it ends at byte 7/);
    await refused(Buffer.alloc(100_000), /no backup of dister/);
  });

  test("a newer format", async () => {
    const bytes = await backupOf(await filled(1));
    bytes.writeUInt32BE(2, 8);
    await refused(bytes, /format 2, this version of the software reads format 1/);
  });

  test("cut at every byte of a small one", async () => {
    const bytes = await backupOf(await filled(1, 10));
    for (let length = 1; length < bytes.length; length++) {
      expect(await reasonOf(bytes.subarray(0, length))).toContain(`it is cut: it ends at byte ${length},`);
    }
  });

  test("cut at every 1,000th byte of one with many chunks", async () => {
    const bytes = await backupOf(await filled(15, 60_000));
    expect(bytes.length).toBeGreaterThan(900_000);
    for (let length = 1_000; length < bytes.length; length += 1_000) {
      expect(await reasonOf(bytes.subarray(0, length))).toContain(`it is cut: it ends at byte ${length},`);
    }
  });

  test("one bit turned, at every byte of a small one", async () => {
    const bytes = await backupOf(await filled(1, 10));
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at]! ^= 0x10;
      expect([at, await reasonOf(damaged)]).not.toEqual([at, "sound"]);
    }
  });

  test("one bit turned in a chunk, naming the chunk's place", async () => {
    const bytes = await backupOf(await filled(15, 60_000));
    const second = bytes.indexOf(Buffer.from("key14"));
    const damaged = Buffer.from(bytes);
    damaged[second]! ^= 1;
    await refused(damaged, /it is damaged at byte \d+: a chunk that is damaged/);
    const at = Number(/at byte (\d+)/.exec(await reasonOf(damaged))![1]);
    expect(second - at).toBeGreaterThan(0);
    expect(second - at).toBeLessThan(262_144);
  });

  test("one bit turned in the checksum over everything, a chunk missing, bytes behind the end", async () => {
    const bytes = await backupOf(await filled(15, 60_000));
    const wrong = Buffer.from(bytes);
    wrong[wrong.length - 1]! ^= 1;
    await refused(wrong, /the checksum over everything is another/);
    const first = 20 + bytes.readUInt32BE(12);
    const behind = first + 4 + bytes.readUInt32BE(first);
    await refused(Buffer.concat([bytes.subarray(0, first), bytes.subarray(behind)]), /chunk 1 where chunk 0 is due/);
    await refused(Buffer.concat([bytes, Buffer.of(0)]), /bytes behind its end/);
    await refused(Buffer.concat([bytes, bytes]), /bytes behind its end/);
  });

  test("a head that counts other keys than there are", async () => {
    const from = await filled(3);
    const source = await from.snapshot();
    const parts: Uint8Array[] = [];
    for await (const part of backupStream(source, { ...factsOf(from), keys: 4 })) parts.push(part);
    expect(await reasonOf(Buffer.concat(parts))).toMatch(/its head counts other keys/);
  });
});

test("bytes by hand: the head and the end of docs/formats/backup.md", async () => {
  const chunk = Buffer.from("chunk");
  const source = {
    position: { index: 1, term: 1 },
    membership: { members: [] },
    chunks: (async function* () {
      yield chunk;
    })(),
    close: () => {},
  };
  const facts = {
    ...{ group: "g", cluster: "00000000000000CC", node: "00000000000000A1", version: "0.1.0", timeMs: TIME_MS },
    ...{ logid: 10_005, keys: 1, services: 0 },
  };
  const parts: Uint8Array[] = [];
  for await (const part of backupStream(source, facts)) parts.push(part);
  const text =
    '{"group":"g","cluster":"00000000000000CC","node":"00000000000000A1","version":"0.1.0","timeMs":1790000000000,' +
    '"logid":10005,"keys":1,"services":0,"index":1,"term":1,"membership":{"members":[]}}';
  const expected = [
    "4449535445524 24b 00000001 000000c0",
    Buffer.from(text).toString("hex"),
    "b7a4bbf9",
    "00000005 6368756e6b",
    "00000000 00000001 000000000000010d",
    "a2768c687dae287342cf14e8f3c5351bfea7f14bc9047ac60d43b1beac46696f",
  ];
  expect(Buffer.concat(parts).toString("hex")).toBe(expected.join("").replaceAll(" ", ""));
});
