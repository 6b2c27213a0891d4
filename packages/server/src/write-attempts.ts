import { type Clock, type CommandOutcome, DisterError, isDisterError } from "@dister/types";
import { rest } from "./rest.ts";

/** Between two attempts of a request that nobody could take. */
export const RETRY_MS = 15;

/** Errors after which the request is surely not done, so that it may be tried again as it is. */
const NOT_DONE = new Set([
  "DISTER_ERR_NOT_LEADER",
  "DISTER_ERR_NO_LEADER",
  "DISTER_ERR_NO_SERVER",
  "DISTER_ERR_TRANSFERRING",
  "DISTER_ERR_DROPPED",
  "DISTER_ERR_NOT_FORMED",
]);

/**
 * Repeats a write under its request id, which the state machine applies once only, until its outcome is known or
 * `holdMs` are over.
 * @param parts.attempt - one attempt; undefined when the write was taken but its outcome is not known here yet.
 * @param parts.known - the outcome, if it came to be known otherwise; asked once an attempt may have come to something.
 * @throws DisterError surely not done: every code but `DISTER_ERR_UNKNOWN_OUTCOME`.
 */
export async function untilOutcome(parts: {
  clock: Clock;
  holdMs: number;
  requestId: string;
  attempt: (deadlineMs: number) => Promise<CommandOutcome | undefined>;
  known: () => CommandOutcome | undefined;
}): Promise<CommandOutcome> {
  const { clock, requestId } = parts;
  const deadlineMs = clock.nowMs() + parts.holdMs;
  let maybeDone = false;
  for (;;) {
    const known = maybeDone ? parts.known() : undefined;
    if (known !== undefined) return settle(known);
    try {
      const outcome = await parts.attempt(deadlineMs);
      if (outcome !== undefined) return settle(outcome);
      maybeDone = true;
    } catch (error) {
      const verdict = verdictOf(error);
      // An earlier attempt may still come to something: then no error of a later one is the whole truth.
      if (verdict === "final") throw maybeDone ? unknownOutcome(requestId, error) : error;
      maybeDone ||= verdict === "unknown";
      if (clock.nowMs() >= deadlineMs && !maybeDone) throw error;
    }
    if (clock.nowMs() >= deadlineMs) throw unknownOutcome(requestId);
    await rest(clock, RETRY_MS);
  }
}

/** What an error says of the attempt: surely not done, unknown, or not worth another attempt. */
export function verdictOf(error: unknown): "notDone" | "unknown" | "final" {
  if (!isDisterError(error)) return "final";
  if (NOT_DONE.has(error.code)) return "notDone";
  if (error.code === "DISTER_ERR_PEER_UNREACHABLE") return error.details["sent"] === false ? "notDone" : "unknown";
  return error.code === "DISTER_ERR_UNKNOWN_OUTCOME" || error.code === "DISTER_ERR_TIMEOUT" ? "unknown" : "final";
}

export function unknownOutcome(requestId: string, cause?: unknown): DisterError {
  return new DisterError("DISTER_ERR_UNKNOWN_OUTCOME", { requestId }, { cause });
}

function settle(outcome: CommandOutcome): CommandOutcome {
  const { error } = outcome;
  if (error !== undefined) throw new DisterError(error.code, {}, { message: error.message });
  return outcome;
}
