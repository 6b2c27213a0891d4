import { type Clock, DisterError } from "@dister/types";
import { systemClock } from "@dister/types/system";
import type { NameLookup } from "./address-guard.ts";

/** What one probe found. */
export interface ProbeResult {
  readonly ok: boolean;
  /** Milliseconds from the call to the result, with fractions. */
  readonly latencyMs: number;
  /**
   * Why, in one line of at most {@link OUTPUT_CHARS_MAX} characters: `status 503`, `connect ECONNREFUSED`,
   * `timed out after 200 ms`. Never holds anything that the target sent except a status code, nor the address asked.
   */
  readonly output: string;
}

/** A probe of one target that is ready to run, as often as wanted. Rejects for wrong settings only. */
export type Probe = (signal?: AbortSignal) => Promise<ProbeResult>;

/** What every probe is told. */
export interface ProbeOptions {
  /** Limit of the whole probe, names and TLS included: milliseconds from 1 to 2,147,483,647. */
  readonly timeoutMs: number;
  /** Ends the probe early, as a failure `aborted`. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Says which addresses may be connected to, in place of {@link allowAddress}. It is asked with the very address that
   * a connection would go to, after names are resolved.
   */
  readonly allow?: ((address: string) => boolean) | undefined;
}

/** What a probe gets from outside; what is left out is the real thing. */
export interface ProbeComponents {
  readonly clock?: Clock;
  readonly lookup?: NameLookup;
}

/** Length of the longest output. */
export const OUTPUT_CHARS_MAX = 120;

const TIMER_MS_MAX = 2_147_483_647;

/** Ends a probe; the first call counts, later ones do nothing. */
export type Finish = (ok: boolean, output: string) => void;

/**
 * Runs a probe within its limits: the promise always ends by `timeoutMs`, at once on abort, and never rejects for what
 * the target does.
 * @param begin - starts the work and returns how to drop it; that is called exactly once, whatever the end was.
 * @throws DisterError `DISTER_ERR_INVALID` for a `timeoutMs` out of range.
 */
export async function runProbe(
  options: ProbeOptions,
  components: ProbeComponents,
  begin: (finish: Finish) => () => void,
): Promise<ProbeResult> {
  const { timeoutMs, signal } = options;
  if (!(timeoutMs >= 1 && timeoutMs <= TIMER_MS_MAX)) {
    const allowed = `milliseconds from 1 to ${TIMER_MS_MAX}`;
    throw new DisterError("DISTER_ERR_INVALID", { field: "timeoutMs", got: String(timeoutMs), allowed });
  }
  const clock = components.clock ?? systemClock;
  const begunMs = clock.nowMs();
  let drop = (): void => {};
  const { promise, resolve } = Promise.withResolvers<ProbeResult>();
  const finish: Finish = (ok, output) => resolve({ ok, latencyMs: clock.nowMs() - begunMs, output: oneLine(output) });
  const abort = (): void => finish(false, "aborted");

  if (signal?.aborted === true) return { ok: false, latencyMs: 0, output: "aborted" };
  signal?.addEventListener("abort", abort);
  const timer = clock.setTimer(timeoutMs, () => finish(false, `timed out after ${timeoutMs} ms`));
  try {
    drop = begin(finish);
  } catch (error) {
    finish(false, reasonOf(error));
  }
  const result = await promise;
  timer.cancel();
  signal?.removeEventListener("abort", abort);
  drop();
  return result;
}

/** Says why something failed by its code alone: messages of errors hold addresses and what the target sent. */
export function reasonOf(error: unknown): string {
  // Several addresses of one name that all failed come as one error; the first says enough.
  const first: unknown = error instanceof AggregateError ? (error.errors[0] ?? error) : error;
  const { code, syscall } = first as { code?: unknown; syscall?: unknown };
  if (typeof code !== "string") return "failed";
  return typeof syscall === "string" ? `${syscall} ${code}` : code;
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, " ").slice(0, OUTPUT_CHARS_MAX);
}
