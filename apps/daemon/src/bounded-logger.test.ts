import type { LogFields, Logger } from "@dister/types";
import { ManualClock } from "@dister/types/testing";
import { beforeEach, expect, it } from "vitest";
import { boundedLogger } from "./bounded-logger.ts";

let clock: ManualClock;
let lines: [string, LogFields | undefined][];
let logger: Logger;

beforeEach(() => {
  clock = new ManualClock();
  lines = [];
  const line = (message: string, fields?: LogFields): void => void lines.push([message, fields]);
  const sink: Logger = { debug: line, info: line, warn: line, error: line, child: () => sink };
  logger = boundedLogger(sink, clock);
});

it("passes lines on as they are while there are few", () => {
  for (let i = 0; i < 19; i++) logger.warn("peer down", { i });
  expect(lines).toEqual(Array.from({ length: 19 }, (_, i) => ["peer down", { i }]));
});

it("leaves out equal lines beyond twenty in ten seconds, and says so before and afterwards", () => {
  for (let i = 0; i < 1_000; i++) {
    logger.error("a port reports an error", { i });
    clock.advance(5);
  }
  expect(lines).toHaveLength(20);
  expect(lines[19]?.[1]).toEqual({ i: 19, equalLinesLeftOutForMs: 9_905 });
  clock.advance(5_000);
  logger.error("a port reports an error", { i: 1_000 });
  expect(lines[20]?.[1]).toEqual({ i: 1_000, equalLinesLeftOut: 980 });
});

it("counts each message alone, and those of all children together", () => {
  const [a, b] = [logger.child({ part: "a" }), logger.child({ part: "b" })];
  for (let i = 0; i < 15; i++) {
    a.info("one");
    b.info("one");
    logger.info("two");
  }
  expect(lines.filter(([message]) => message === "one")).toHaveLength(20);
  expect(lines.filter(([message]) => message === "two")).toHaveLength(15);
});

it("never leaves out a line for debugging", () => {
  for (let i = 0; i < 1_000; i++) logger.debug("detail");
  expect(lines).toHaveLength(1_000);
});
