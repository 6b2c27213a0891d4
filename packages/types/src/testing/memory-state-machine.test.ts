import { describe, expect, test } from "vitest";
import type { StampedCommand } from "../command.ts";
import { type CommandEncoder, EntryMaker, someMembership } from "../conformance/state-entries.ts";
import { stateMachineConformance } from "../conformance/state-machine.ts";
import { stateReaderConformance } from "../conformance/state-reader.ts";
import { DisterError } from "../errors.ts";
import { MemoryStateMachine } from "./memory-state-machine.ts";

const encode: CommandEncoder = (stamped) => new TextEncoder().encode(JSON.stringify(stamped));

function decode(payload: Uint8Array): StampedCommand {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload)) as StampedCommand;
  } catch (cause) {
    throw new DisterError("DISTER_ERR_COMMAND", { reason: "not JSON" }, { cause });
  }
}

const create = async () => {
  const subject = new MemoryStateMachine(decode);
  return { subject, cleanup: () => subject.close() };
};

describe("MemoryStateMachine as a state machine", () => {
  stateMachineConformance({ test, create, encode });
});

describe("MemoryStateMachine as a reader", () => {
  stateReaderConformance({ test, create, encode });
});

describe("MemoryStateMachine.crash", () => {
  test("brings back what the last checkpoint covers, and nothing later", async () => {
    const machine = new MemoryStateMachine(decode);
    const make = new EntryMaker(encode);
    await machine.apply([make.set(["a", "1"])]);
    await machine.checkpoint();
    const lost = [make.set(["a", "2"]), make.membership(someMembership(1))];
    await machine.apply(lost);
    machine.crash();
    expect(machine.applied()).toEqual({ index: 1, term: 1 });
    expect(machine.kv("a")?.value).toBe("1");
    expect(machine.membership()).toBeUndefined();
    await machine.apply(lost);
    expect(machine.kv("a")?.value).toBe("2");
  });

  test("keeps a restored snapshot, which is durable once it is in use", async () => {
    const machine = new MemoryStateMachine(decode);
    await machine.apply([new EntryMaker(encode).set(["a", "1"])]);
    const source = await machine.snapshot();
    const other = new MemoryStateMachine(decode);
    const sink = await other.restore(source.position, source.membership);
    for await (const piece of source.chunks) await sink.write(piece);
    await sink.commit();
    other.crash();
    expect(other.kv("a")?.value).toBe("1");
    expect(other.restoredFrom()).toEqual({ index: 1, term: 1 });
  });
});
