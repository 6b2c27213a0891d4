import type { Clock, Service } from "@dister/types";

/** Milliseconds by position; undefined where nothing is known. */
export type LatenciesMs = readonly (number | undefined)[];

/** The call that asks a node for the latencies that it knows. */
export const LATENCIES_METHOD = "balance.latencies";
/** Whoever does not answer within this is not waited for. */
export const LATENCIES_ASK_MS = 300;

export interface LatenciesCall {
  readonly name: string;
  readonly definedIndex: number;
}
export interface LatenciesReply {
  /** By position, null where nothing is known; empty when the node knows another definition, or none. */
  readonly latenciesMs: readonly (number | null)[];
}

/** The answer of a node that knows no latency, or not this service. */
export const NOTHING_KNOWN: LatenciesReply = { latenciesMs: [] };

/** Answers of another node are used so long. */
const KEPT_MS = 1_000;

interface Kept {
  readonly definedIndex: number;
  readonly askedMs: number;
  readonly latencies: Promise<LatenciesMs>;
}

/**
 * Latencies that whoever checks has measured, asked for at most once a second and service. The same list comes again until
 * then, so that a balancer need not be made anew for each request.
 */
export class AskedLatencies {
  readonly #clock: Clock;
  readonly #ask: (call: LatenciesCall) => Promise<LatenciesReply>;
  /** In the order of asking. */
  readonly #kept = new Map<string, Kept>();

  constructor(clock: Clock, ask: (call: LatenciesCall) => Promise<LatenciesReply>) {
    this.#clock = clock;
    this.#ask = ask;
  }

  /** Never rejects: without an answer nothing is known, and weights alone decide. */
  of({ name, definedIndex }: Service): Promise<LatenciesMs> {
    const nowMs = this.#clock.nowMs();
    for (const [old, { askedMs }] of this.#kept) {
      if (nowMs - askedMs < KEPT_MS) break;
      this.#kept.delete(old);
    }
    const kept = this.#kept.get(name);
    if (kept?.definedIndex === definedIndex) return kept.latencies;
    const latencies = this.#asked({ name, definedIndex });
    this.#kept.delete(name);
    this.#kept.set(name, { definedIndex, askedMs: nowMs, latencies });
    return latencies;
  }

  async #asked(call: LatenciesCall): Promise<LatenciesMs> {
    try {
      const { latenciesMs } = await this.#ask(call);
      return latenciesMs.map((latencyMs) => (isLatency(latencyMs) ? latencyMs : undefined));
    } catch {
      return [];
    }
  }
}

/** Another version of the software may answer something else. */
function isLatency(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

/** The answer for another node: positions mean nothing to one that knows another definition. */
export function latenciesReply(service: Service, call: LatenciesCall, known: LatenciesMs): LatenciesReply {
  if (service.definedIndex !== call.definedIndex) return NOTHING_KNOWN;
  return { latenciesMs: known.map((latencyMs) => latencyMs ?? null) };
}
