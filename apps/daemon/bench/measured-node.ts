// A node in a process of its own that measures itself: how late its event loop is, its memory and its CPU time.
// Started with fork() by bench-node.ts; the configuration comes as JSON.
import { monitorEventLoopDelay } from "node:perf_hooks";
import { createNode } from "@dister/daemon";

/** What a node measured since it was last told to begin. */
export interface NodeMeasures {
  /** Delay of the event loop in milliseconds, looked at every millisecond. */
  readonly loopP99Ms: number;
  readonly loopMaxMs: number;
  readonly rssMbAtBegin: number;
  readonly rssMbMax: number;
  readonly cpuSeconds: number;
}

const MIB = 1024 * 1024;
const levels = ["warn", "error"] as const;
const toParent = (line: unknown): void => void process.send?.(line);
const logger = {
  debug: () => {},
  info: (message: string, fields?: object) => toParent({ log: "info", message, fields }),
  ...Object.fromEntries(
    levels.map((level) => [level, (message: string, fields?: object) => toParent({ log: level, message, fields })]),
  ),
  child: () => logger,
} as never;

const config = JSON.parse(process.argv[2]!);
const { url } = await createNode({ config, logger });

const loop = monitorEventLoopDelay({ resolution: 1 });
let begun = { cpu: process.cpuUsage(), rss: 0 };
let rssMax = 0;
setInterval(() => {
  rssMax = Math.max(rssMax, process.memoryUsage.rss());
}, 20).unref();

process.on("message", (order: "begin" | "report") => {
  if (order === "begin") {
    loop.enable();
    loop.reset();
    rssMax = process.memoryUsage.rss();
    begun = { cpu: process.cpuUsage(), rss: rssMax };
    return toParent({ begun: true });
  }
  const { user, system } = process.cpuUsage(begun.cpu);
  const measures: NodeMeasures = {
    loopP99Ms: loop.percentile(99) / 1e6,
    loopMaxMs: loop.max / 1e6,
    rssMbAtBegin: begun.rss / MIB,
    rssMbMax: rssMax / MIB,
    cpuSeconds: (user + system) / 1e6,
  };
  toParent({ measures });
});
process.on("disconnect", () => process.exit());
toParent({ url });
