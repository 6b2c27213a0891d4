import { DisterError, type LogCheck, NO_LOGGER } from "@dister/types";
import { ManualClock, MemoryLogStore, MemoryStateMachine } from "@dister/types/testing";
import { expect, test } from "vitest";
import { Scrubber } from "./scrubber.ts";

/** A log of forty entries in files of ten, of which some may be damaged. */
class OldFiles extends MemoryLogStore {
  readonly asked: number[] = [];
  readonly reads: number[] = [];
  readonly cuts: number[] = [];
  damagedFrom = 0;

  override lastIndex(): number {
    return 40;
  }

  override verify(from: number): LogCheck {
    const first = Math.max(1, from);
    this.asked.push(first);
    const next = first + 10;
    if (first === this.damagedFrom) return { damaged: true, from: first, to: next - 1, reason: "a bit" };
    return { damaged: false, next };
  }

  override read(from: number): never {
    this.reads.push(from);
    throw new DisterError("DISTER_ERR_LOG_CORRUPT", { file: "f", offset: 0, reason: "a bit" });
  }

  override compact(index: number): Promise<void> {
    this.cuts.push(index);
    this.damagedFrom = 0;
    return Promise.resolve();
  }
}

function scrubbing(durable: number) {
  const [clock, log, failures] = [new ManualClock(), new OldFiles(), [] as unknown[]];
  const stateMachine = new MemoryStateMachine(() => ({}) as never);
  stateMachine.checkpoint = () => Promise.resolve({ index: durable, term: 1 });
  const options = { scrubBytes: 100, scrubPauseMs: 10 };
  const fail = (error: unknown): void => void failures.push(error);
  const scrubber = new Scrubber({ log, stateMachine, clock, logger: NO_LOGGER, options, fail });
  scrubber.start();
  return { clock, log, failures, scrubber, stateMachine };
}

test("goes through the whole log piece by piece, with a pause, and begins again", () => {
  const { clock, log } = scrubbing(0);
  clock.advance(9);
  expect(log.asked).toEqual([]);
  clock.advance(60);
  expect(log.asked).toEqual([1, 11, 21, 31, 1, 11]);
});

test("removes a damaged file when all of it is applied and durable, and goes on", async () => {
  const { clock, log, failures } = scrubbing(20);
  log.damagedFrom = 11;
  clock.advance(20);
  await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
  expect(log.cuts).toEqual([20]);
  clock.advance(10);
  expect(log.asked).toEqual([1, 11, 11]);
  expect(failures).toEqual([]);
});

test("stops the node when some of a damaged file is needed, after the log store has taken note of it", async () => {
  const { clock, log, failures } = scrubbing(19);
  log.damagedFrom = 11;
  clock.advance(20);
  await new Promise((resolve) => setImmediate(resolve));
  expect(failures).toMatchObject([{ code: "DISTER_ERR_LOG_CORRUPT" }]);
  expect(log.reads).toEqual([11]);
  expect(log.cuts).toEqual([]);
  clock.advance(100);
  expect(log.asked).toHaveLength(2);
});

test("waits while only a snapshot that is read keeps the applied state from being durable", async () => {
  const { clock, log, failures, stateMachine } = scrubbing(19);
  stateMachine.applied = () => ({ index: 40, term: 1 });
  log.damagedFrom = 11;
  clock.advance(20);
  await new Promise((resolve) => setImmediate(resolve));
  expect([failures, log.cuts]).toEqual([[], []]);
  stateMachine.checkpoint = () => Promise.resolve({ index: 40, term: 1 });
  clock.advance(10);
  await new Promise((resolve) => setImmediate(resolve));
  expect([failures, log.cuts]).toEqual([[], [20]]);
});

test("does nothing any more once it is stopped", async () => {
  const { clock, log, scrubber } = scrubbing(20);
  clock.advance(10);
  await scrubber.stop();
  clock.advance(100);
  expect(log.asked).toEqual([1]);
});
