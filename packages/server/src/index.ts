export type {
  Answer,
  ApiNode,
  Consistency,
  Health,
  KvPage,
  KvPageQuery,
  Members,
  Operations,
  Reads,
  ShownNode,
  Writes,
} from "./api-node.ts";
export { type ClientComponents, ClientNode, type ClientNodeOptions } from "./client-node/client-node.ts";
export { Discovery } from "./cluster/discovery.ts";
export { Formation } from "./cluster/formation.ts";
export type { HostNetwork, InterfaceAddress } from "./cluster/host-network.ts";
export { type FoundingProposal, type Identity, IdentityFile } from "./cluster/identity.ts";
export { OtherClusters } from "./cluster/other-clusters.ts";
export { type HelloAddress, parsePeerAddress } from "./cluster/peer-address.ts";
export { type KnownPeer, PeerDirectory } from "./cluster/peer-directory.ts";
export { Self } from "./cluster/self.ts";
export { type CleanupPolicy, NO_CLEANUP } from "./cluster/upkeep.ts";
export { ClusterNode } from "./cluster-node.ts";
export { Gateway, type GatewayOptions } from "./gateway.ts";
export type { ApiOptions } from "./http/api.ts";
export type { NodeOptions } from "./node-options.ts";
export type { DiskUse, HostFigures } from "./operating/host-figures.ts";
export type { Membered, NodeComponents, ServedNode } from "./served-node.ts";
