import { type ErrorCode, isDisterError } from "@dister/types";
import type { Machine } from "../world/machine.ts";
import type { Process } from "../world/process.ts";
import type { World } from "../world/world.ts";

/** How a call to one node ended. */
export type CallResult<T> =
  | { readonly outcome: "ok"; readonly value: T }
  /** Surely not done; `leader` is whom the node takes for it. */
  | { readonly outcome: "refused"; readonly code: ErrorCode | "unreachable"; readonly leader?: string }
  | { readonly outcome: "unknown" };

/** Codes of a proposal that did not get into a log, or was overwritten there. */
const SURELY_NOT_DONE: readonly ErrorCode[] = [
  "DISTER_ERR_NOT_LEADER",
  "DISTER_ERR_NO_LEADER",
  "DISTER_ERR_TRANSFERRING",
  "DISTER_ERR_BUSY",
  "DISTER_ERR_TOO_LARGE",
  "DISTER_ERR_DROPPED",
];

export interface CallOptions {
  readonly timeoutMs: number;
  readonly delayMs: number;
}

/** Does something at a node, as a client that is connected to it: it may be down, die meanwhile, or take too long. */
export function call<T>(
  world: World,
  machine: Machine,
  work: (process: Process) => Promise<T>,
  { timeoutMs, delayMs }: CallOptions,
): Promise<CallResult<T>> {
  return new Promise((resolve) => {
    let isOver = false;
    const end = (result: CallResult<T>): void => {
      if (isOver) return;
      isOver = true;
      world.after(delayMs, `answer of ${machine.name}`, () => resolve(result));
    };
    world.after(delayMs, `call of ${machine.name}`, () => {
      const { process } = machine;
      if (process === null || process.raft === null) return end({ outcome: "refused", code: "unreachable" });
      process.whenEnded(() => end({ outcome: "unknown" }));
      process.run(() => {
        work(process).then(
          (value) => end({ outcome: "ok", value }),
          (error: unknown) => end(refusal(world, error)),
        );
      });
    });
    world.after(timeoutMs, `patience with ${machine.name}`, () => {
      if (isOver) return;
      isOver = true;
      resolve({ outcome: "unknown" });
    });
  });
}

function refusal<T>(world: World, error: unknown): CallResult<T> {
  if (!isDisterError(error)) {
    world.fail(error as Error);
    return { outcome: "unknown" };
  }
  if (!SURELY_NOT_DONE.includes(error.code)) return { outcome: "unknown" };
  const { leader } = error.details;
  return { outcome: "refused", code: error.code, ...(typeof leader === "string" ? { leader } : {}) };
}
