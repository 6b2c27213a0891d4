import type { ShownInstance } from "./service.ts";

export type { BalancePolicy } from "./schemas/api.ts";

/** What became of one instance of a service in a choice. */
export interface BalanceCandidate {
  /** The instance's id. */
  readonly id: string;
  /** Host name or address, null when the node has none. */
  readonly host: string | null;
  readonly port: string | null;
  /** The node's `priority`. */
  readonly weight: number;
  /** The weight that it took part with; 0 when it was left out. */
  readonly effectiveWeight: number;
  /** Why it took no part, for example `critical` or `weight 0`; null when it did. */
  readonly leftOut: string | null;
  /** 1 when it was chosen first, 2 when second …; null when it was not. */
  readonly chosen: number | null;
  /** All of this in one clause. */
  readonly says: string;
}

/** A choice among the nodes of a service, and its reasons: the reply of `GET /balance?explain=1`. */
export interface BalanceExplanation {
  readonly policy: string;
  /** Those chosen, in this order, passwords not shown; empty when nobody could be. */
  readonly chosen: readonly ShownInstance[];
  /** Every node, in the order of the service. */
  readonly candidates: readonly BalanceCandidate[];
  /** Sum of the effective weights. */
  readonly totalWeight: number;
  /** One sentence for each of `chosen`; one that says so when there are none. */
  readonly draws: readonly string[];
}
