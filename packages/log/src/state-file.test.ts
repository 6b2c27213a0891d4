import { isDisterError, NO_LOGGER } from "@dister/types";
import { MemoryFileSystem } from "@dister/types/testing";
import { beforeEach, describe, expect, test } from "vitest";
import type { LogContext } from "./log-context.ts";
import { LOG_DEFAULTS } from "./options.ts";
import { StateFile } from "./state-file.ts";
import { plainValues, type StateValues } from "./state-slot.ts";

const PATH = "/log/state";
const values = (term: number, suspectIndex = 0): StateValues => {
  return { ...plainValues({ term, vote: null, commit: 0 }), suspect: { index: suspectIndex, term: 0 } };
};

let fileSystem: MemoryFileSystem;

beforeEach(() => {
  fileSystem = new MemoryFileSystem();
  fileSystem.makeDirectory("/log");
  fileSystem.syncDirectory("/");
});

function open(nodeId = "00000000000000AB"): StateFile {
  const identity = { group: "test", nodeId, clusterId: "" };
  const context: LogContext = { fileSystem, logger: NO_LOGGER, directory: "/log", identity, tuning: LOG_DEFAULTS };
  return new StateFile(context);
}

/** The sequences of the two slots, which lie 4096 bytes apart. */
function sequences(): number[] {
  const bytes = Buffer.from(fileSystem.contents(PATH));
  return [0, 4096].map((offset) => Number(bytes.readBigUInt64BE(offset + 8)));
}

describe("the file of the state", () => {
  test("is not there at first, and is whole and durable when it was stored", () => {
    const state = open();
    expect([state.exists, state.isWhole, state.values]).toEqual([false, false, undefined]);
    state.storeNow(values(1));
    fileSystem.crash();
    const again = open();
    expect([again.exists, again.isWhole, again.values]).toEqual([true, true, values(1)]);
    expect(fileSystem.list("/log")).toEqual(["state"]);
  });

  test("is written slot by slot: what a crash cuts leaves the one before", async () => {
    const state = open();
    state.storeNow(values(1));
    expect(sequences()).toEqual([1, 2]);
    state.write(values(2));
    await state.datasync();
    expect(sequences()).toEqual([3, 2]);
    state.write(values(3));
    expect(sequences()).toEqual([3, 4]);
    fileSystem.crash();
    const again = open();
    expect([again.isWhole, again.values]).toEqual([true, values(2)]);
    again.write(values(4));
    await again.datasync();
    expect(sequences()).toEqual([3, 4]);
    expect(open().values).toEqual(values(4));
  });

  test("holds in both slots what was stored at once, so that either may be lost", () => {
    for (const offset of [0, 4096]) {
      const state = open();
      state.storeNow(values(1));
      state.storeNow(values(2, 40));
      fileSystem.damage(PATH, offset + 30, Uint8Array.of(77));
      const again = open();
      expect([again.isWhole, again.values]).toEqual([false, values(2, 40)]);
      again.storeNow(values(3, 40));
      expect([again.isWhole, open().isWhole, open().values]).toEqual([true, true, values(3, 40)]);
      fileSystem.remove(PATH);
    }
  });

  test("storing at once first brings down a slot that is on its way", async () => {
    const state = open();
    state.storeNow(values(1));
    state.write(values(2));
    const synced = state.datasync();
    fileSystem.haltAfter(1);
    expect(() => state.storeNow(values(3))).toThrow();
    fileSystem.crash();
    expect(open().values).toEqual(values(2));
    void synced;
  });

  test("is not whole when its slots do not follow each other", async () => {
    const state = open();
    state.storeNow(values(1));
    const old = fileSystem.contents(PATH).slice(0, 100);
    for (const term of [2, 3]) {
      state.write(values(term));
      await state.datasync();
    }
    fileSystem.damage(PATH, 0, old);
    expect(sequences()).toEqual([1, 4]);
    expect([open().isWhole, open().values]).toEqual([false, values(3)]);
  });

  test("is replaced by a new one when nothing of it can be read", () => {
    open().storeNow(values(5));
    fileSystem.damage(PATH, 0, new Uint8Array(4196));
    const state = open();
    expect([state.exists, state.isWhole, state.values]).toEqual([true, false, undefined]);
    state.storeNow(values(6));
    fileSystem.crash();
    expect([open().isWhole, open().values]).toEqual([true, values(6)]);
  });

  test("of another node is refused", () => {
    open().storeNow(values(1));
    let refusal: unknown;
    try {
      open("00000000000000AC");
    } catch (error) {
      refusal = error;
    }
    expect(isDisterError(refusal, "DISTER_ERR_IDENTITY")).toBe(true);
  });

  test("leaves no file open when it is closed, refused, or could not be made", () => {
    const state = open();
    state.storeNow(values(1));
    state.close();
    expect(() => open("00000000000000AC")).toThrow();
    fileSystem.remove(PATH);
    fileSystem.inject({ operation: "write", nth: 2, error: "ENOSPC" });
    expect(() => open().storeNow(values(1))).toThrow();
    expect(fileSystem.handlesOpen).toBe(0);
  });
});
