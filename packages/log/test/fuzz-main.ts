import { type FuzzResult, fuzz } from "./fuzz-run.ts";

// node --conditions=@dister/source packages/log/test/fuzz-main.ts FIRST_SEED SEEDS PLACES [PROBLEMS_MAX]
const [first = 1, seeds = 1_000, places = 20, problemsMax = 3] = process.argv.slice(2).map(Number);
const result: FuzzResult = { outcomes: new Map(), problems: [] };
const startedMs = performance.now();
let seed = first;
for (; seed < first + seeds && result.problems.length < problemsMax; seed++) await fuzz([seed], places, result);
const seconds = (performance.now() - startedMs) / 1_000;
for (const { seed: at, place, text } of result.problems) console.log(`seed ${at}, place ${place}: ${text}\n`);
const runs = (seed - first) * (places + 1);
console.log(`${runs} runs of ${seed - first} histories, ${Math.round(runs / seconds)} runs a second`);
for (const [outcome, count] of [...result.outcomes].sort(([a], [b]) => (a < b ? -1 : 1)))
  console.log(`${outcome}: ${count}`);
