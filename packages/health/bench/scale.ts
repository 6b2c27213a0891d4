/**
 * Ten thousand targets on one loopback server, each checked every two seconds, in one process: are checks late, and does
 * the event loop stay free? The server lives in a process of its own, so that its work is not counted.
 *
 * `pnpm bench` in packages/health; `TARGETS`, `INTERVAL_MS` and `SECONDS` change the load.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { cpus } from "node:os";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { NO_LOGGER, STATUS } from "@dister/types";
import { systemClock, systemRng } from "@dister/types/system";
import { CheckScheduler, tcpProbe } from "../src/index.ts";

const targetCount = Number(process.env["TARGETS"] ?? 10_000);
const intervalMs = Number(process.env["INTERVAL_MS"] ?? 2_000);
const seconds = Number(process.env["SECONDS"] ?? 20);

if (process.send === undefined) await measure();
else serve();

/** Takes connections and says nothing, in the child process. */
function serve(): void {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.resume();
  });
  server.listen({ host: "127.0.0.1", port: 0, backlog: 4_096 }, () => {
    process.send?.((server.address() as { port: number }).port);
  });
  process.on("disconnect", () => process.exit());
}

async function measure(): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), { execArgv: process.execArgv });
  const [port] = (await once(child, "message")) as [number];
  let [failed, slowest] = [0, 0];
  const scheduler = new CheckScheduler({
    clock: systemClock,
    rng: systemRng,
    logger: NO_LOGGER,
    prober: async ({ timeoutMs }, signal) => {
      const result = await tcpProbe({ host: "127.0.0.1", port, timeoutMs, signal });
      if (!result.ok) failed += 1;
      slowest = Math.max(slowest, result.latencyMs);
      return result;
    },
    onChange: () => {},
  });
  scheduler.update(
    Array.from({ length: targetCount }, (_, n) => ({
      key: `target-${n}`,
      definedIndex: 1,
      intervalMs,
      timeoutMs: intervalMs,
      rise: 1,
      fall: 2,
      status: STATUS.alive,
    })),
  );
  await sleep(intervalMs + 3_000); // All have begun, and the code is warm.
  const before = scheduler.lateness();
  const cpuBefore = process.cpuUsage();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await sleep(seconds * 1_000);
  delay.disable();
  const cpu = process.cpuUsage(cpuBefore);
  const { checks, late, worstMs } = scheduler.lateness();
  scheduler.stop();
  child.disconnect();
  const ms = (nanoseconds: number): string => `${(nanoseconds / 1e6).toFixed(1)} ms`;
  const rows = {
    targets: targetCount,
    "interval, ms": intervalMs,
    "checks in a second": Math.round((checks - before.checks) / seconds),
    "late by more than 20 % of the interval": late - before.late,
    "latest of all since the start": `${worstMs.toFixed(1)} ms`,
    "failed checks": failed,
    "slowest check": `${slowest.toFixed(1)} ms`,
    "event loop delay, p50 / p99 / max": `${ms(delay.percentile(50))} / ${ms(delay.percentile(99))} / ${ms(delay.max)}`,
    "of one CPU": `${Math.round((cpu.user + cpu.system) / seconds / 10_000)} %`,
    "resident memory": `${Math.round(process.memoryUsage.rss() / 2 ** 20)} MiB`,
    CPU: `${cpus().length} x ${cpus()[0]?.model ?? "unknown"}`,
  };
  for (const [name, value] of Object.entries(rows)) console.log(`${name.padEnd(40)} ${value}`);
}
