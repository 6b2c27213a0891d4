import { ENTRY_KIND, type LogPosition, NO_LOGGER } from "@dister/types";
import { MemoryLogStore, MemoryStateMachine } from "@dister/types/testing";
import { expect, test } from "vitest";
import { settleStart } from "./start-state.ts";

/** A log of nine entries of term 1, of which damage has left three, and a state that has applied some. */
async function damaged(applied: number) {
  const log = new MemoryLogStore();
  const entries = Array.from({ length: 9 }, (_, at) => {
    return { index: at + 1, term: 1, r: 0, kind: ENTRY_KIND.empty, payload: new Uint8Array(0) };
  });
  await log.append({ entries, hardState: { term: 1, vote: null, commit: 9 } });
  log.damageBehind(3);
  const stateMachine = new MemoryStateMachine(() => ({}) as never);
  if (applied > 0) await stateMachine.apply(entries.slice(0, applied));
  const steps: string[] = [];
  const checkpoint = stateMachine.checkpoint.bind(stateMachine);
  stateMachine.checkpoint = () => {
    steps.push("checkpoint");
    return checkpoint();
  };
  const reset = log.reset.bind(log);
  log.reset = (base: LogPosition) => {
    steps.push(`reset ${base.index}`);
    return reset(base);
  };
  return { log, stateMachine, steps };
}

test("a state ahead of a damaged log is made durable, and only then the log begins behind it; the doubt stays", async () => {
  const { log, stateMachine, steps } = await damaged(6);
  await settleStart(log, stateMachine, NO_LOGGER);
  expect(steps).toEqual(["checkpoint", "reset 6"]);
  expect(log.suspect()).toEqual({ index: 9, term: 1 });
});

test("a state that has all that the damaged log had ends the doubt", async () => {
  const { log, stateMachine } = await damaged(9);
  await settleStart(log, stateMachine, NO_LOGGER);
  expect(log.base().index).toBe(9);
  expect(log.suspect()).toEqual({ index: 0, term: 0 });
});

test("a state behind the damage changes nothing", async () => {
  const { log, stateMachine, steps } = await damaged(2);
  await settleStart(log, stateMachine, NO_LOGGER);
  expect(steps).toEqual([]);
  expect(log.suspect()).toEqual({ index: 9, term: 1 });
});

test("a state ahead of a damaged log that cannot be made durable is refused, and the log is left as it is", async () => {
  const { log, stateMachine, steps } = await damaged(6);
  stateMachine.checkpoint = () => Promise.resolve({ index: 5, term: 1 });
  await expect(settleStart(log, stateMachine, NO_LOGGER)).rejects.toMatchObject({ code: "DISTER_ERR_STORE" });
  expect(steps).toEqual([]);
});

test("a state ahead even of what the damaged log may have had does not belong to it", async () => {
  const { log, stateMachine } = await damaged(0);
  stateMachine.applied = () => ({ index: 10, term: 1 });
  await expect(settleStart(log, stateMachine, NO_LOGGER)).rejects.toMatchObject({ code: "DISTER_ERR_STORE" });
});
