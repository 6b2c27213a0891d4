import {
  type Command,
  INSTANCE_MODES,
  type InstanceConfig,
  LIMITS,
  type LogEntry,
  REDACTED,
  type ServiceConfig,
  type StateReader,
} from "@dister/types";
import { MemoryStateMachine } from "@dister/types/testing";
import fc from "fast-check";
import { decodeCommand } from "../src/index.ts";
import { commandEntry, membershipEntry, TIME_MS } from "./harness.ts";

// Few names, so that commands meet each other often; awkward ones, so that order and prefixes are tried.
const key = fc.constantFrom(
  ...["a", "a/b", "a/\u{10FFFF}", "a0", "é", "\uFFFF", "\u{1F600}", "__proto__", "constructor", "\0"],
);
export const SERVICE_NAMES = ["web", "db", "__proto__", "\u{1F600}", "\uFFFF"] as const;
const name = fc.oneof({ weight: 5, arbitrary: fc.constant("web") }, fc.constantFrom(...SERVICE_NAMES));
const IDS = ["1", "2", "3", "4", "5", "__proto__"];
const id = fc.constantFrom(...IDS);
const CHECKS = { interval: "2000", timeout: "2000", rise: "1", fall: "2" };
const value = fc.constantFrom("", "1", "zwei", "\u{1F600}");

/** Definitions that are the same, differ in how they are checked, or in what they are; some with secrets. */
const instance = fc
  .record(
    {
      id,
      ...{
        interval: fc.constant("2000"),
        timeout: fc.constant("2000"),
        rise: fc.constant("1"),
        fall: fc.constant("2"),
      },
      status: fc.constantFrom(0 as const, 1 as const),
      host: fc.oneof({ weight: 5, arbitrary: fc.constant("h") }, fc.constant("g")),
      priority: fc.constantFrom("1", "2"),
      start: fc.constantFrom("passing", "critical"),
      pass: fc.constantFrom("p", "q", REDACTED),
      tags: fc.constantFrom<string[]>(["a"], ["a", "b"]),
      meta: fc.constantFrom<Record<string, string>>({ a: "x" }, { b: "c" }),
    },
    { requiredKeys: ["id", "status", "host", "interval", "timeout", "rise", "fall"], noNullPrototype: true },
  )
  .map((fields) => fields as InstanceConfig);
const instances = fc.uniqueArray(instance, { maxLength: 6, selector: (one) => one.id });
const protect = fc.constantFrom(
  ...["off" as const, {}, { percent: "29" }, { percent: "1", limit: "1000" }, { window: "1000", limit: "30000" }],
);
const varied = fc
  .record(
    {
      name,
      type: fc.oneof({ weight: 5, arbitrary: fc.constant("tcp" as const) }, fc.constant("redis" as const)),
      protect,
      slowstart: fc.constantFrom("0", "1000"),
      node: instances,
    },
    { requiredKeys: ["name", "type", "node"], noNullPrototype: true },
  )
  .map((fields) => fields as ServiceConfig);
/** One that is large enough to be protected, and the same each time but for who belongs to it. */
const usual = fc.record({ ids: fc.subarray(IDS, { minLength: 3 }), protect }).map(
  ({ ids, protect: settings }): ServiceConfig => ({
    ...{ name: "web", type: "tcp", protect: settings },
    node: ids.map((id) => ({ id, host: "h", ...CHECKS, priority: "1", status: 0 })),
  }),
);
const service = fc.oneof(varied, { weight: 3, arbitrary: usual });

/** What checks found out: of the definition that is in force, or of another one. */
const finding = fc.record({
  service: name,
  ids: fc.subarray(IDS, { minLength: 1 }),
  status: fc.oneof({ weight: 9, arbitrary: fc.constantFrom(0 as const, 1 as const) }, fc.constant(null)),
  isStale: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.constant(true)),
});
type Finding = typeof finding extends fc.Arbitrary<infer T> ? T : never;
type Described = Exclude<Command, { type: "serviceStatus" }> | { type: "serviceStatus"; findings: Finding[] };

const few = <T>(one: fc.Arbitrary<T>, maxLength: number) => fc.array(one, { maxLength });
const weighted = (weight: number, arbitrary: fc.Arbitrary<Described>) => ({ weight, arbitrary });
const command = fc.oneof(
  weighted(
    2,
    few(fc.tuple(key, value), 4).map((pairs) => ({ type: "kvSet", pairs })),
  ),
  weighted(
    1,
    few(key, 4).map((keys) => ({ type: "kvDelete", keys })),
  ),
  weighted(
    4,
    few(service, 3).map((services) => ({ type: "serviceSet", services })),
  ),
  weighted(
    1,
    few(name, 2).map((names) => ({ type: "serviceDelete", names })),
  ),
  weighted(
    20,
    few(finding, 2).map((findings) => ({ type: "serviceStatus", findings })),
  ),
  weighted(
    3,
    few(service, 2).map((services) => ({ type: "instanceSet", services })),
  ),
  weighted(
    2,
    few(fc.record({ service: name, id }), 3).map((gone) => ({ type: "instanceDelete", instances: gone })),
  ),
  weighted(
    3,
    few(fc.record({ service: name, id, mode: fc.constantFrom(...INSTANCE_MODES) }), 2).map((changes) => ({
      type: "instanceMode",
      changes,
    })),
  ),
);

/** One entry of a history. */
export const step = fc.record({
  command: fc.option(command, { freq: 12 }),
  requestId: fc.oneof(
    { weight: 4, arbitrary: fc.constant(null) },
    fc.constantFrom("r1", "r2", "r3", "r4", "constructor", "__proto__"),
  ),
  // Time that stands, goes on, jumps past windows, limits and the memory of requests, and goes back.
  timeMs: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(0, 1, 1_000, 5_000) },
    fc.constantFrom(30_000, 60_001, 300_001, LIMITS.requestIdKeptMs, LIMITS.requestIdKeptMs + 1, -5_000),
  ),
  endsBatch: fc.boolean(),
});
export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** The steps as entries from index 1 on, cut into batches. */
export async function batchesOf(steps: readonly Step[]): Promise<LogEntry[][]> {
  const batches: LogEntry[][] = [[membershipEntry(1, { members: [] })]];
  // What was found out names the definition that is in force then, so somebody has to go ahead.
  const scout = new MemoryStateMachine(decodeCommand);
  await scout.apply(batches[0]!);
  let timeMs = TIME_MS;
  for (const [at, given] of steps.entries()) {
    timeMs += given.timeMs;
    const requestId = given.requestId ?? `step${at}`;
    const entry =
      given.command === null
        ? membershipEntry(at + 2, { members: [] })
        : commandEntry(at + 2, resolved(given.command, scout), { requestId, timeMs });
    await scout.apply([entry]);
    batches.at(-1)!.push(entry);
    if (given.endsBatch) batches.push([]);
  }
  return batches.filter((batch) => batch.length > 0);
}

function resolved(described: Described, state: StateReader): Command {
  if (described.type !== "serviceStatus") return described;
  const changes = described.findings.flatMap(({ service: of, ids, status, isStale }) =>
    ids.map((its) => {
      const known = state.service(of)?.node.find((one) => one.id === its);
      return { service: of, id: its, status, definedIndex: (known?.definedIndex ?? 1) + (isStale ? 1 : 0) };
    }),
  );
  return { type: "serviceStatus", changes };
}
