import type { Chance } from "../chance.ts";
import type { Direction, Links } from "./link.ts";

/** How nodes reach each other: through a proxy on loopback, or each in a network namespace with real packets. */
export type NetworkKind = "proxy" | "namespaces";

/** The ports of every node. */
export const PORTS = Object.freeze({ raft: 4166, repl: 4167, api: 4168 });

/** The network between the nodes of one cluster. It obeys `Links`. */
export interface PeerNetwork {
  /** Can it delay, and end connections? Otherwise it can only cut. */
  readonly isProxy: boolean;
  /** Address that a node tells the others. */
  advertised(position: number): string;
  /** Address at which a node listens, also for its API. */
  real(position: number): string;
  /** What stands before the command that starts a node. */
  commandBefore(position: number): readonly string[];
  /** Ends connections at once, as a middle box does that has forgotten them. @returns how many there were. */
  reset(directions: readonly Direction[]): number;
  close(): Promise<void>;
}

/** What a network is made for. */
export interface NetworkParts {
  readonly size: number;
  readonly links: Links;
  readonly chance: Chance;
  /** Id of each node, undefined before its first start. */
  readonly ids: () => readonly (string | undefined)[];
}
