import { systemRng } from "@dister/types/system";
import { choosePriority, PriorityPicker, SmoothRoundRobin } from "../src/index.ts";

/**
 * Picks per second among ten instances, beside the random number that a weighted pick cannot do without. The absolute
 * rates move from machine to machine; the ratio to the random number, taken in turns in one run, is what counts.
 */
const ROUNDS = 7;
const PICKS = 5_000_000;

const candidates = Array.from({ length: 10 }, (_, position) => ({
  name: `instance ${position}`,
  weight: 100 + position * 10,
  alive: true,
}));
const picker = new PriorityPicker({ rng: systemRng }, candidates);
const robin = new SmoothRoundRobin<(typeof candidates)[number]>({ keyOf: (candidate) => candidate.name });
robin.update(candidates);

let sink = 0;
const subjects: Record<string, (count: number) => void> = {
  "Math.random": (count) => {
    for (let n = 0; n < count; n++) sink += Math.random();
  },
  "PriorityPicker.pick": (count) => {
    for (let n = 0; n < count; n++) sink += picker.pick()!.weight;
  },
  choosePriority: (count) => {
    for (let n = 0; n < count; n++) sink += choosePriority(candidates, systemRng)!.weight;
  },
  "SmoothRoundRobin.pick": (count) => {
    for (let n = 0; n < count; n++) sink += robin.pick()!.weight;
  },
};

function nanosOf(run: (count: number) => void): number {
  const begin = performance.now();
  run(PICKS);
  return ((performance.now() - begin) * 1e6) / PICKS;
}
function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

const nanos = new Map(Object.keys(subjects).map((name) => [name, [] as number[]]));
for (let round = 0; round <= ROUNDS; round++) {
  for (const [name, run] of Object.entries(subjects)) {
    const taken = nanosOf(run);
    // The first round warms up and is not counted.
    if (round > 0) nanos.get(name)!.push(taken);
  }
}

const base = median(nanos.get("Math.random")!);
console.log(`ten instances, ${ROUNDS} interleaved rounds of ${PICKS} picks, median`);
for (const [name, values] of nanos) {
  const mine = median(values);
  const rate = (1_000 / mine).toFixed(1).padStart(7);
  console.log(`${name.padEnd(22)} ${rate} million/s  ${(mine / base).toFixed(2).padStart(6)} x Math.random`);
}
if (!Number.isFinite(sink)) throw new Error("nothing was picked");
