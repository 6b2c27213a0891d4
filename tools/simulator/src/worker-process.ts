import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { WorkerReport } from "./worker.ts";

/** Takes each report of a worker as it comes; resolves with the exit code, null after a signal, once there is no more. */
export async function reportsOf(
  child: ChildProcess & { readonly stdout: Readable },
  take: (report: WorkerReport) => void,
): Promise<number | null> {
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  for await (const line of createInterface({ input: child.stdout })) take(JSON.parse(line) as WorkerReport);
  return ended;
}
