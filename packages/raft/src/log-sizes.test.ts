import { ENTRY_KIND, type LogEntry } from "@dister/types";
import { expect, test } from "vitest";
import { LogSizes } from "./log-sizes.ts";

const MIB = 1024 * 1024;
const entry = (index: number, bytes: number): LogEntry => {
  return { index, term: 1, r: 0, kind: ENTRY_KIND.command, payload: new Uint8Array(bytes) };
};
const entries = (from: number, to: number, bytes: number): LogEntry[] =>
  Array.from({ length: to - from + 1 }, (_, at) => entry(from + at, bytes));

test("knows to a MiB how much lies behind an index, and where the last so many bytes begin", () => {
  const sizes = new LogSizes();
  for (let at = 1; at <= 100; at++) sizes.add(entries(10 * at - 9, 10 * at, MIB / 4));
  expect(sizes.bytesBehind(0)).toBe(249 * MIB);
  expect(sizes.bytesBehind(500)).toBe(125 * MIB);
  expect(sizes.bytesBehind(1_000)).toBe(0);
  expect(sizes.startOfLast(10 * MIB, 1_000)).toBe(960);
  expect(sizes.startOfLast(10 * MIB, 500)).toBe(460);
  expect(sizes.startOfLast(1_000 * MIB, 1_000)).toBe(0);
});

test("what came before it began counts as nothing, and large entries are no exception", () => {
  const sizes = new LogSizes();
  sizes.add([entry(5_000, 7 * MIB), entry(5_001, 0), entry(5_002, 7 * MIB)]);
  expect(sizes.bytesBehind(4_000)).toBe(7 * MIB);
  expect(sizes.startOfLast(7 * MIB, 5_002)).toBe(5_000);
  expect(sizes.startOfLast(15 * MIB, 5_002)).toBe(0);
});

test("forgets what will not be asked for any more, and nothing else", () => {
  const sizes = new LogSizes();
  sizes.add(entries(1, 400, MIB));
  const [behind, start] = [sizes.bytesBehind(300), sizes.startOfLast(20 * MIB, 400)];
  sizes.forget(290);
  expect([sizes.bytesBehind(300), sizes.startOfLast(20 * MIB, 400)]).toEqual([behind, start]);
});
