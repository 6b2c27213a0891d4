/** Conformance suites: what every implementation of a contract must do, for any test runner. */

export { type PeerLab, type PeerNode, peerRpcConformance } from "./peer-rpc.ts";
export type { Check, Suite, Trial } from "./suite.ts";
export { type TransportLab, type TransportNode, transportConformance } from "./transport.ts";
