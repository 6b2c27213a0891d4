import { ENTRY_KIND, type LogEntry } from "@dister/types";
import { logStoreConformance } from "@dister/types/conformance";
import { ManualClock, MemoryLogStore } from "@dister/types/testing";
import { expect, it, test } from "vitest";
import { MeasuredLog, type StoredWrite } from "./measured-log.ts";

logStoreConformance({
  test,
  create: async () => {
    const log = new MemoryLogStore();
    return { subject: new MeasuredLog(log, new ManualClock(), () => {}), cleanup: async () => {} };
  },
});

const entry = (index: number): LogEntry => {
  return { index, term: 1, r: 0, kind: ENTRY_KIND.command, payload: new Uint8Array(1) };
};

it("measures a write until it is durable, and tells meanwhile for how long the oldest has waited", async () => {
  const clock = new ManualClock();
  const log = new MemoryLogStore();
  const stored: StoredWrite[] = [];
  let finish: () => void = () => {};
  log.append = () =>
    new Promise((resolve) => {
      finish = resolve;
    });
  const measured = new MeasuredLog(log, clock, (write) => stored.push(write));
  expect(measured.waitingMs).toBe(0);
  const write = measured.append({ entries: [entry(1), entry(2)] });
  clock.advance(40);
  expect([measured.waitingMs, stored]).toEqual([40, []]);
  finish();
  await write;
  expect([measured.waitingMs, stored]).toEqual([0, [{ durationMs: 40, entryCount: 2 }]]);
});

it("passes a failure on, counts it as no write, and does not wait for it any more", async () => {
  const log = new MemoryLogStore();
  log.append = () => Promise.reject(new Error("the disk is gone"));
  const stored: StoredWrite[] = [];
  const measured = new MeasuredLog(log, new ManualClock(), (write) => stored.push(write));
  await expect(measured.append({ entries: [] })).rejects.toThrow("the disk is gone");
  expect([measured.waitingMs, stored]).toEqual([0, []]);
});
