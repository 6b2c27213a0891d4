export { COMPACTION_DEFAULTS, type CompactionOptions } from "./compactor.ts";
export { type CoreStart, type CoreStatus, type PeerProgress, RaftCore } from "./core/core.ts";
export { RAFT_DEFAULTS, type RaftOptions, raftOptions } from "./core/options.ts";
export type { LogReader } from "./core/raft-log.ts";
export type { ReadState, Ready, Write } from "./core/ready.ts";
export type { ChangeReason, CoreRole } from "./core/state.ts";
export type { Applied } from "./proposals.ts";
export { type RaftComponents, RaftNode, type RaftNodeOptions } from "./raft-node.ts";
export { SCRUB_DEFAULTS, type ScrubOptions } from "./scrubber.ts";
