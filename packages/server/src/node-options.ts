import type { RaftOptions } from "@dister/raft";
import type { HelloAddress } from "./cluster/peer-address.ts";
import type { CleanupPolicy } from "./cluster/upkeep.ts";
import type { GatewayOptions } from "./gateway.ts";
import type { HealthOptions } from "./health/health-monitor.ts";
import type { ApiOptions } from "./http/api.ts";

/** Tuning of a node; the defaults are those of a node that configures nothing. */
export interface NodeOptions {
  /** Servers that must have found each other before a cluster is founded; 1: standalone. */
  readonly minNode: number;
  /** Addresses to say hello to. */
  readonly peers: readonly HelloAddress[];
  /** Looks for others on the local network while the node belongs to no cluster; no unless set. */
  readonly scan?: boolean;
  readonly api: ApiOptions;
  readonly raft?: Partial<RaftOptions>;
  /** Removing members that are gone; never unless set. */
  readonly cleanup?: CleanupPolicy;
  /** How instances of services are checked. */
  readonly checks?: Partial<HealthOptions>;
  readonly gateway?: Partial<GatewayOptions>;
  /** Disk, database or an assertion failed: the node has stopped itself, the process should end. */
  readonly onFatal: (error: unknown) => void;
}
