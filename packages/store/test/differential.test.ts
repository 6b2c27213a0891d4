import { type Command, LIMITS, type LogEntry, type ServiceConfig } from "@dister/types";
import { MemoryStateMachine } from "@dister/types/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeCommand, stateHash } from "../src/index.ts";
import { commandEntry, membershipEntry, open, TIME_MS, transfer } from "./harness.ts";

// Few names, so that commands meet each other often; awkward ones, so that order and prefixes are tried.
const key = fc.constantFrom(
  "a",
  "a/b",
  "a/\u{10FFFF}",
  "a0",
  "é",
  "\uFFFF",
  "\u{1F600}",
  "__proto__",
  "constructor",
  "\0",
);
const name = fc.constantFrom("web", "db", "__proto__", "toString");
const value = fc.constantFrom("", "1", "zwei", "\u{1F600}");
const node = fc
  .record({ port: fc.constantFrom("1", "2"), priority: fc.constantFrom("1", "2"), status: fc.constantFrom(0, 1) })
  .map((fields) => (fields.port === "1" ? { host: "h", ...fields } : { ...fields, host: "h" }));
const service = fc.record({ name, type: fc.constantFrom("tcp", "web"), node: fc.array(node, { maxLength: 4 }) });
const change = fc.record({
  service: name,
  definedIndex: fc.integer({ min: 1, max: 30 }),
  node: fc.nat(4),
  status: fc.constantFrom(0 as const, 1 as const),
});
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.array(fc.tuple(key, value), { maxLength: 4 }).map((pairs) => ({ type: "kvSet" as const, pairs })),
  },
  { weight: 2, arbitrary: fc.array(key, { maxLength: 4 }).map((keys) => ({ type: "kvDelete" as const, keys })) },
  {
    weight: 2,
    arbitrary: fc
      .array(service, { maxLength: 3 })
      .map((services) => ({ type: "serviceSet" as const, services: services as ServiceConfig[] })),
  },
  {
    weight: 1,
    arbitrary: fc.array(name, { maxLength: 2 }).map((names) => ({ type: "serviceDelete" as const, names })),
  },
  {
    weight: 3,
    arbitrary: fc.array(change, { maxLength: 8 }).map((changes) => ({ type: "serviceStatus" as const, changes })),
  },
);
const step = fc.record({
  command: fc.option(command, { freq: 10 }),
  requestId: fc.constantFrom("r1", "r2", "r3", "r4", "constructor", "__proto__"),
  // Time that stands, goes on, jumps past the memory of requests, and goes back.
  timeMs: fc.constantFrom(0, 1, 1_000, LIMITS.requestIdKeptMs, LIMITS.requestIdKeptMs + 1, -5_000),
  endsBatch: fc.boolean(),
});

/** Cuts steps into batches of entries. */
function batchesOf(steps: readonly (typeof step extends fc.Arbitrary<infer T> ? T : never)[]): LogEntry[][] {
  const batches: LogEntry[][] = [[membershipEntry(1, { members: [] })]];
  let timeMs = TIME_MS;
  steps.forEach((given, at) => {
    timeMs += given.timeMs;
    const { requestId } = given;
    const entry =
      given.command === null
        ? membershipEntry(at + 2, { members: [] })
        : commandEntry(at + 2, given.command, { requestId, timeMs });
    batches.at(-1)!.push(entry);
    if (given.endsBatch) batches.push([]);
  });
  return batches.filter((batch) => batch.length > 0);
}

async function everythingOf(subject: MemoryStateMachine | Awaited<ReturnType<typeof open>>) {
  const page = (prefix: string, after: string) => subject.kvPage({ prefix, after, limit: 5 });
  return {
    applied: subject.applied(),
    logIds: [subject.appliedLogId(), subject.serviceLogId()],
    membership: subject.membership(),
    count: subject.kvCount(),
    pages: [page("", ""), page("", "a/b"), page("a/", ""), page("a/\u{10FFFF}", ""), page("_", "é")],
    services: subject.services(),
    outcomes: ["r1", "r2", "r3", "r4", "constructor", "__proto__", "toString"].map((id) => subject.outcome(id)),
  };
}

test("C5: the store does what the plain state machine does, however entries are batched and nodes are restored", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), fc.nat(29), async (steps, restoredAt) => {
      const [store, single, plain] = [await open(), await open(), new MemoryStateMachine(decodeCommand)];
      const heard: unknown[][] = [[], []];
      store.onChange((event) => heard[0]!.push(event));
      plain.onChange((event) => heard[1]!.push(event));
      let late: typeof store | undefined;
      for (const batch of batchesOf(steps)) {
        const outcomes = await store.apply(batch);
        expect(outcomes).toEqual(await plain.apply(batch));
        for (const entry of batch) await single.apply([entry]);
        await late?.apply(batch);
        expect(await everythingOf(store)).toEqual(await everythingOf(plain));
        expect(await stateHash(single)).toBe(await stateHash(store));
        if (late === undefined && store.applied().index > restoredAt) {
          late = await open();
          await transfer(store, late);
        }
      }
      expect(heard[0]).toEqual(heard[1]);
      if (late !== undefined) {
        expect(await everythingOf(late)).toEqual(await everythingOf(plain));
        expect(await stateHash(late)).toBe(await stateHash(store));
      }
      for (const one of [store, single, late]) await one?.close();
    }),
    { numRuns: 100 },
  );
});
