import { runSeed } from "./run.ts";
const [from, count] = [Number(process.argv[2] ?? 1), Number(process.argv[3] ?? 1)];
const t0 = performance.now();
let simulated = 0, bad = 0, events = 0, ops = 0;
const cov: Record<string, number> = {};
for (let seed = from; seed < from + count; seed++) {
  const t = performance.now();
  const r = await runSeed(seed, { trace: process.argv[4] === "trace" });
  simulated += r.simulatedMs; events += r.events; ops += r.operations;
  for (const [k, v] of Object.entries(r.coverage.toJSON())) cov[k] = (cov[k] ?? 0) + v;
  if (process.argv[4] === "trace") console.log(r.trace);
  if (r.violation) { bad++; console.log(seed, (performance.now() - t).toFixed(0), r.violation.rule, r.violation.message.slice(0, 600)); }
}
console.log({ ms: (performance.now() - t0) / count, simulated: simulated / 1000, bad, events: events / count, ops: ops / count });
console.log(cov);
