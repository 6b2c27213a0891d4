import { NamespaceNetwork } from "./namespaces.ts";
import type { NetworkKind, NetworkParts, PeerNetwork } from "./peer-network.ts";
import { ProxyNetwork } from "./proxy-network.ts";

/** Makes the network of a cluster. @throws when the machine cannot have it. */
export function openNetwork(kind: NetworkKind, parts: NetworkParts): Promise<PeerNetwork> {
  return kind === "proxy" ? ProxyNetwork.open(parts) : NamespaceNetwork.open(parts);
}
