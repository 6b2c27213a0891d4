import { MemoryStateMachine } from "@dister/types/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeCommand, stateHash } from "../src/index.ts";
import { open, transfer } from "./harness.ts";
import { batchesOf, step } from "./history.ts";

const REQUESTS = ["r1", "r2", "r3", "r4", "constructor", "__proto__", "toString"];

async function everythingOf(subject: MemoryStateMachine | Awaited<ReturnType<typeof open>>) {
  const page = (prefix: string, after: string) => subject.kvPage({ prefix, after, limit: 5 });
  return {
    applied: subject.applied(),
    logIds: [subject.appliedLogId(), subject.serviceLogId()],
    membership: subject.membership(),
    count: subject.kvCount(),
    pages: [page("", ""), page("", "a/b"), page("a/", ""), page("a/\u{10FFFF}", ""), page("_", "é")],
    services: subject.services(),
    outcomes: REQUESTS.map((id) => subject.outcome(id)),
  };
}

test("C5: the store does what the plain state machine does, however entries are batched and nodes are restored", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 40, size: "max" }),
      fc.nat(39),
      async (steps, restoredAt) => {
        const [store, single, plain] = [await open(), await open(), new MemoryStateMachine(decodeCommand)];
        const heard: unknown[][] = [[], [], []];
        store.onChange((event) => heard[0]!.push(event));
        plain.onChange((event) => heard[1]!.push(event));
        let late: typeof store | undefined;
        let missed = 0;
        for (const batch of await batchesOf(steps)) {
          const outcomes = await store.apply(batch);
          expect(outcomes).toEqual(await plain.apply(batch));
          for (const entry of batch) await single.apply([entry]);
          await late?.apply(batch);
          expect(await everythingOf(store)).toEqual(await everythingOf(plain));
          expect(await stateHash(single)).toBe(await stateHash(store));
          if (late === undefined && store.applied().index > restoredAt) {
            late = await open();
            await transfer(store, late);
            late.onChange((event) => heard[2]!.push(event));
            missed = heard[0]!.length;
          }
        }
        expect(heard[0]).toEqual(heard[1]);
        if (late !== undefined) {
          expect(await everythingOf(late)).toEqual(await everythingOf(plain));
          expect(await stateHash(late)).toBe(await stateHash(store));
          // The same events in the same order, though its services came to it in another order.
          expect(heard[2]).toEqual(heard[0]!.slice(missed));
        }
        for (const one of [store, single, late]) await one?.close();
      },
    ),
    { numRuns: 40 },
  );
});
