/** Conformance suites: what every implementation of a contract must do, for any test runner. */

export { type FileSystemSubject, fileSystemConformance } from "./file-system.ts";
export { type LogStoreSuite, logStoreConformance } from "./log-store.ts";
export { type PeerLab, type PeerNode, peerRpcConformance } from "./peer-rpc.ts";
export type { ReadableStateMachine, StateReaderSuite } from "./reader-suite.ts";
export type { CommandEncoder, StateMachineSuite } from "./state-entries.ts";
export { stateMachineConformance } from "./state-machine.ts";
export { stateReaderConformance } from "./state-reader.ts";
export type { Check, Suite, Trial } from "./suite.ts";
export { type TransportLab, type TransportNode, transportConformance } from "./transport.ts";
