import { DisterError } from "@dister/types";
import type { Caller, CallOptions } from "./caller.ts";
import { networkOutcome } from "./reply.ts";
import { checkedTimeout, type Settings } from "./settings.ts";

export interface SnapshotOptions extends CallOptions {
  /** `linearizable` (default): with everything that was acknowledged before. `local`: what that node has, also without a leader. */
  readonly consistency?: "linearizable" | "local";
}

/** A backup on its way. */
export interface SnapshotDownload {
  /** Log id of the state. */
  readonly logId: number;
  /** The file, piece by piece, once. `timeoutMs` limits the wait for each piece. Ending the loop ends the transfer. */
  readonly pieces: AsyncIterable<Uint8Array>;
}

export async function downloadSnapshot(
  caller: Caller,
  settings: Settings,
  { consistency, ...options }: SnapshotOptions = {},
): Promise<SnapshotDownload> {
  const call = { method: "GET", path: "/cluster/snapshot", query: { consistency } } as const;
  const { url, response } = await caller.open(call, options);
  const timeoutMs = checkedTimeout(options.timeoutMs ?? settings.timeoutMs);
  const logId = Number(response.headers.get("x-dister-logid"));
  return { logId, pieces: piecesOf(response, { url, timeoutMs, signal: options.signal, clock: settings.clock }) };
}

async function* piecesOf(
  response: Response,
  limits: { url: string; timeoutMs: number; signal: AbortSignal | undefined; clock: Settings["clock"] },
): AsyncGenerator<Uint8Array> {
  const { url, timeoutMs, signal, clock } = limits;
  const reader = response.body!.getReader();
  let late = false;
  const abort = (): void => void reader.cancel().catch(() => undefined);
  signal?.addEventListener("abort", abort);
  try {
    for (;;) {
      signal?.throwIfAborted();
      const timer = clock.setTimer(timeoutMs, () => {
        late = true;
        abort();
      });
      const { done, value } = await reader.read().finally(() => timer.cancel());
      signal?.throwIfAborted();
      if (late) throw new DisterError("DISTER_ERR_TIMEOUT", { what: "the next piece of the snapshot", timeoutMs });
      if (done) return;
      yield value;
    }
  } catch (thrown) {
    signal?.throwIfAborted();
    if (thrown instanceof DisterError) throw thrown;
    throw (networkOutcome(url, thrown) as { error: DisterError }).error;
  } finally {
    signal?.removeEventListener("abort", abort);
    abort();
  }
}
