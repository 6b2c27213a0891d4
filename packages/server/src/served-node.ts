import type { CoreStatus, RaftNode } from "@dister/raft";
import type {
  Clock,
  CommandOutcome,
  Logger,
  LogStore,
  NodeId,
  PeerRpc,
  Rng,
  StateMachine,
  StateReader,
  Transport,
} from "@dister/types";
import type { ClientDesk } from "./client-desk/client-desk.ts";
import type { Discovery } from "./cluster/discovery.ts";
import type { Formation } from "./cluster/formation.ts";
import type { HostNetwork } from "./cluster/host-network.ts";
import type { IdentityFile } from "./cluster/identity.ts";
import type { MembershipManager } from "./cluster/membership-manager.ts";
import type { OtherClusters } from "./cluster/other-clusters.ts";
import type { PeerDirectory } from "./cluster/peer-directory.ts";
import type { Self } from "./cluster/self.ts";
import type { Gateway } from "./gateway.ts";
import type { HealthMonitor } from "./health/health-monitor.ts";
import type { Metrics } from "./metrics/metrics.ts";
import type { HostFigures } from "./operating/host-figures.ts";
import type { LeaderHistory } from "./operating/leader-history.ts";

/** The concrete parts of a node, handed in by whoever composes it. They stay open when the node has stopped. */
export interface NodeComponents {
  readonly identity: IdentityFile;
  readonly self: Self;
  readonly log: LogStore;
  readonly state: StateMachine<CommandOutcome> & StateReader;
  readonly transport: Transport;
  readonly rpc: PeerRpc;
  readonly network: HostNetwork;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  /** Figures of the machine, for the status and the metrics; without them those are left out. */
  readonly host?: HostFigures | undefined;
}

/** What a node has once it belongs to a cluster. */
export interface Membered {
  readonly raft: RaftNode<CommandOutcome>;
  readonly gateway: Gateway;
  readonly membership: MembershipManager;
  readonly health: HealthMonitor;
}

/** A member, or one on its way to be one, as the parts behind its API see it. */
export interface ServedNode {
  readonly components: NodeComponents;
  readonly directory: PeerDirectory;
  readonly otherClusters: OtherClusters;
  readonly discovery: Discovery;
  readonly formation: Formation;
  readonly metrics: Metrics;
  /** Who led, as far as this node has seen since its start. */
  readonly history: LeaderHistory;
  /** Who answers client nodes. */
  readonly clients: ClientDesk;
  /** What a cluster member has. @throws DisterError `DISTER_ERR_NOT_FORMED` saying what the node waits for. */
  readonly membered: Membered;
  /** Raft's view, or null while the node belongs to no cluster. */
  readonly status: CoreStatus | null;
  /** Why the node is not ready to serve, undefined when it is. */
  readonly notReady: string | undefined;
  /** Begins to hand leadership over. @throws DisterError when this node does not lead, or `to` cannot. */
  transferLeadership(to?: NodeId): NodeId;
}
