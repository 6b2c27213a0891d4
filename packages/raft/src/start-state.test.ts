import { ENTRY_KIND, type LogEntry, type LogPosition, NO_LOGGER } from "@dister/types";
import { MemoryLogStore, MemoryStateMachine } from "@dister/types/testing";
import { expect, test } from "vitest";
import { settleStart } from "./start-state.ts";

/** A log with an entry of each of these terms, from index 1 on. */
function entriesOf(...terms: number[]): LogEntry[] {
  return terms.map((term, at) => ({ index: at + 1, term, r: 0, kind: ENTRY_KIND.empty, payload: new Uint8Array(0) }));
}

const NINE = entriesOf(1, 1, 1, 1, 1, 1, 1, 1, 1);

/** A log of nine entries of term 1, of which damage has left some, three unless told, and a state that has applied some. */
async function damaged(applied: number, left = 3) {
  const log = new MemoryLogStore();
  await log.append({ entries: NINE, hardState: { term: 1, vote: null, commit: 9 } });
  log.damageBehind(left);
  const stateMachine = new MemoryStateMachine(() => ({}) as never);
  if (applied > 0) await stateMachine.apply(NINE.slice(0, applied));
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

test("a state that has all that the damaged log had ends the doubt also where every entry is left", async () => {
  // The damage lay in a hard state behind the entries.
  const { log, stateMachine, steps } = await damaged(9, 9);
  await settleStart(log, stateMachine, NO_LOGGER);
  expect(steps).toEqual(["checkpoint"]);
  expect(log.suspect()).toEqual({ index: 0, term: 0 });
  expect(log.firstIndex()).toBe(1);
});

test("and where the start before ended between the two steps", async () => {
  const { log, stateMachine } = await damaged(9);
  const trust = log.trust.bind(log);
  log.trust = () => Promise.reject(new Error("the power is gone"));
  await expect(settleStart(log, stateMachine, NO_LOGGER)).rejects.toThrow("the power is gone");
  expect(log.suspect()).toEqual({ index: 9, term: 1 });
  log.trust = trust;
  await settleStart(log, stateMachine, NO_LOGGER);
  expect(log.suspect()).toEqual({ index: 0, term: 0 });
});

test("and where a snapshot has put it there", async () => {
  const { log, stateMachine, steps } = await damaged(9);
  stateMachine.restoredFrom = () => ({ index: 9, term: 1 });
  await settleStart(log, stateMachine, NO_LOGGER);
  expect(steps).toEqual(["reset 9", "checkpoint"]);
  expect(log.suspect()).toEqual({ index: 0, term: 0 });
});

test("but not while it cannot be made durable", async () => {
  const { log, stateMachine } = await damaged(9, 9);
  stateMachine.checkpoint = () => Promise.resolve({ index: 8, term: 1 });
  await settleStart(log, stateMachine, NO_LOGGER);
  expect(log.suspect()).toEqual({ index: 9, term: 1 });
});

test.each([1, 3])(
  "a damaged log that holds overwritten entries of term %i at a state of term 2 begins behind it",
  async (term) => {
    const log = new MemoryLogStore();
    const left = entriesOf(1, term, term, term, term);
    await log.append({ entries: left, hardState: { term: 4, vote: null, commit: 1 } });
    log.damageBehind(5);
    const stateMachine = new MemoryStateMachine(() => ({}) as never);
    await stateMachine.apply(entriesOf(1, 2, 2));
    await settleStart(log, stateMachine, NO_LOGGER);
    expect([log.base(), log.lastIndex()]).toEqual([{ index: 3, term: 2 }, 3]);
    expect(log.suspect()).toEqual({ index: 5, term: 4 });
  },
);

test("a state that was set back to a snapshot before the log is refused, and the log is left as it is", async () => {
  const log = new MemoryLogStore();
  await log.append({ entries: NINE, hardState: { term: 1, vote: null, commit: 9 } });
  await log.compact(6);
  const stateMachine = new MemoryStateMachine(() => ({}) as never);
  await stateMachine.apply(NINE.slice(0, 3));
  stateMachine.restoredFrom = () => ({ index: 3, term: 1 });
  await expect(settleStart(log, stateMachine, NO_LOGGER)).rejects.toMatchObject({ code: "DISTER_ERR_STORE" });
  expect([log.base().index, log.lastIndex()]).toEqual([6, 9]);
});
