import type { ProbeResult } from "@dister/health";
import type { Service } from "@dister/types";

/** Milliseconds by position; undefined where nothing is known. */
export type LatenciesMs = readonly (number | undefined)[];

/** Share of the newest check in the average: one slow check does not turn a node into a slow one, five do. */
const NEWEST_SHARE = 0.3;

interface Measured {
  /** The definition that was checked; another one may be another machine. */
  readonly definedIndex: number;
  readonly latencyMs: number;
}

/** How long the checks of this node took: a moving average of those that succeeded. */
export class CheckLatencies {
  readonly #measured = new Map<string, Measured>();

  /** A check has ended. What failed says nothing about how quick the node is. */
  note(key: string, definedIndex: number, { ok, latencyMs }: ProbeResult): void {
    if (!ok) return;
    const before = this.#measured.get(key);
    const average =
      before?.definedIndex === definedIndex
        ? before.latencyMs + NEWEST_SHARE * (latencyMs - before.latencyMs)
        : latencyMs;
    this.#measured.set(key, { definedIndex, latencyMs: average });
  }

  of(service: Service): LatenciesMs {
    return service.node.map((_node, position) => {
      const measured = this.#measured.get(checkKey(service.name, position));
      return measured?.definedIndex === service.definedIndex ? measured.latencyMs : undefined;
    });
  }

  /** Forgets all but these. */
  keep(keys: ReadonlySet<string>): void {
    for (const key of this.#measured.keys()) if (!keys.has(key)) this.#measured.delete(key);
  }
}

/** What a check is known by. */
export function checkKey(service: string, position: number): string {
  return `${service}/${position}`;
}
