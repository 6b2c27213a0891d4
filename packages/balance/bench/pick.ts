import { systemRng } from "@dister/types/system";
import {
  type Balancer,
  type Candidate,
  choosePriority,
  createBalancer,
  POLICIES,
  PriorityPicker,
  SmoothRoundRobin,
} from "../src/index.ts";

/**
 * Picks per second among ten instances, beside a plain pick: one random number and one access to an array. The absolute
 * rates move from machine to machine; the ratio, taken in turns in one run, is what counts. The process ends with 1 when a
 * policy is below the promised rate, or allocates.
 */
const ROUNDS = 7;
const PICKS = 2_000_000;
const RATE_MIN = 5_000_000;
/** `Math.random` returns its number in an object of 16 bytes unless the engine sees through it; no other is that small. */
const BYTES_MAX = 17;

interface Instance extends Candidate {
  readonly name: string;
}
const candidates: Instance[] = Array.from({ length: 10 }, (_, position) => ({
  name: `10.0.0.${position}:8080`,
  weight: 100 + position * 10,
  alive: true,
  latencyMs: 5 + position,
}));
const keys = Array.from({ length: 1_024 }, (_, nth) => `session-${nth}`);
const idOf = ({ name }: Instance): string => name;

const picker = new PriorityPicker({ rng: systemRng }, candidates);
const robin = new SmoothRoundRobin<Instance>({ keyOf: idOf });
robin.update(candidates);
const warming = createBalancer<Instance>(
  { rng: systemRng, nowMs: () => performance.now() },
  { policy: "priority", idOf, slowStart: { durationMs: 1e12 } },
  candidates.map((candidate) => ({ ...candidate, healthySinceMs: 0 })),
);

let sink = 0;
const plain = (count: number): void => {
  let sum = 0;
  for (let n = 0; n < count; n++) sum += candidates[Math.floor(Math.random() * candidates.length)]!.weight;
  sink += sum;
};
function loopOver(balancer: Pick<Balancer<Instance>, "pick">): (count: number) => void {
  return (count) => {
    let sum = 0;
    for (let n = 0; n < count; n++) sum += balancer.pick(keys[n & 1_023])!.weight;
    sink += sum;
  };
}

const promised = new Map<string, (count: number) => void>([
  ...POLICIES.map((policy): [string, (count: number) => void] => [
    policy,
    loopOver(createBalancer({ rng: systemRng }, { policy, idOf }, candidates)),
  ]),
  ["priority in slow start", loopOver(warming)],
]);
const subjects = new Map<string, (count: number) => void>([
  ["plain array pick", plain],
  ...promised,
  ["PriorityPicker", loopOver(picker)],
  ["choosePriority", loopOver({ pick: () => choosePriority(candidates, systemRng) })],
  ["SmoothRoundRobin", loopOver(robin)],
]);

function nanosOf(run: (count: number) => void): number {
  const begin = performance.now();
  run(PICKS);
  return ((performance.now() - begin) * 1e6) / PICKS;
}
function bytesOf(run: (count: number) => void): number {
  const before = process.memoryUsage().heapUsed;
  // Few enough that the young generation is not collected in between, were each to allocate the smallest object.
  run(20_000);
  return (process.memoryUsage().heapUsed - before) / 20_000;
}
function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

const nanos = new Map([...subjects.keys()].map((name) => [name, [] as number[]]));
const bytes = new Map([...subjects.keys()].map((name) => [name, [] as number[]]));
for (let round = 0; round <= ROUNDS; round++) {
  for (const [name, run] of subjects) {
    const taken = nanosOf(run);
    // The first round warms up and is not counted.
    if (round > 0) nanos.get(name)!.push(taken);
    if (round > 0) bytes.get(name)!.push(bytesOf(run));
  }
}

const base = median(nanos.get("plain array pick")!);
console.log(`ten instances, ${ROUNDS} interleaved rounds of ${PICKS} picks, median`);
for (const [name, values] of nanos) {
  const mine = median(values);
  const rate = 1e9 / mine;
  const allocated = Math.max(0, median(bytes.get(name)!));
  const slow = promised.has(name) && rate < RATE_MIN;
  const wasteful = promised.has(name) && allocated > BYTES_MAX;
  const verdict = `${slow ? `  below ${RATE_MIN / 1e6} million/s` : ""}${wasteful ? "  allocates" : ""}`;
  const figures = `${(rate / 1e6).toFixed(1).padStart(7)} million/s  ${(mine / base).toFixed(2).padStart(6)} x plain`;
  console.log(`${name.padEnd(22)} ${figures}  ${allocated.toFixed(2).padStart(6)} bytes/pick${verdict}`);
  if (slow || wasteful) process.exitCode = 1;
}
if (!Number.isFinite(sink)) throw new Error("nothing was picked");
