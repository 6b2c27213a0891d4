export { BACKUP } from "./backup.ts";
export type { BalanceCandidate, BalanceExplanation, BalancePolicy } from "./balance.ts";
export type { InstanceChecks, ObserverChecks, ServiceChecks } from "./checks.ts";
export type {
  Command,
  CommandOutcome,
  InstanceDeleteCommand,
  InstanceModeCommand,
  InstanceName,
  InstanceSetCommand,
  KvDeleteCommand,
  KvSetCommand,
  ModeChange,
  ServiceCommand,
  ServiceDeleteCommand,
  ServiceSetCommand,
  ServiceStatusCommand,
  StampedCommand,
  StatusChange,
} from "./command.ts";
export type { Clock, Timer } from "./contracts/clock.ts";
export type { FileHandle, FileSystem } from "./contracts/file-system.ts";
export type { LogCheck, LogRecovery, LogStore, LogWrite } from "./contracts/log-store.ts";
export { type LogFields, type Logger, NO_LOGGER } from "./contracts/logger.ts";
export type { PeerRpc, RpcHandler } from "./contracts/peer-rpc.ts";
export type { Rng } from "./contracts/rng.ts";
export type {
  OutgoingSnapshot,
  SnapshotContent,
  SnapshotSink,
  SnapshotSource,
  StateMachine,
} from "./contracts/state-machine.ts";
export type { ChangeEvent, Changes, KvRecord, StateReader } from "./contracts/state-reader.ts";
export type { PiecesFrom, Transport, TransportReceiver } from "./contracts/transport.ts";
export {
  DisterError,
  ERRORS,
  type ErrorCode,
  type ErrorDetails,
  type ErrorKind,
  invariant,
  isDisterError,
} from "./errors.ts";
export { groupUri } from "./group-uri.ts";
export {
  type ClusterId,
  hexIdOf,
  isHexId,
  LOG_ID_RANDOM_SIZE,
  type LogId,
  logIdIndex,
  logIdOf,
  type NodeId,
} from "./ids.ts";
export { instanceAddress, instanceIds, writtenAddress } from "./instance-id.ts";
export { LIMITS } from "./limits.ts";
export {
  ENTRY_KIND,
  type EntryKind,
  entryLogId,
  HARD_STATE_START,
  type HardState,
  LOG_START,
  type LogEntry,
  type LogPosition,
} from "./log-entry.ts";
export {
  decodeMembership,
  encodeMembership,
  type Member,
  type Membership,
  membershipOf,
  NO_MEMBERSHIP,
  type PeerAddress,
  stateVersionOf,
  voterIds,
  withMembers,
} from "./membership.ts";
export { MSG_HEAD, type Msg } from "./msg.ts";
export {
  DEFAULT_PORTS,
  type NodeInfo,
  type Ports,
  RAFT_ROLE,
  type RaftRole,
  ROLE,
  type Role,
  raftRoleName,
  roleName,
  type Sighting,
  STATUS,
  type Status,
} from "./node-info.ts";
export type {
  AppendReply,
  AppendRequest,
  CompareReply,
  CompareRequest,
  Envelope,
  Heartbeat,
  HeartbeatReply,
  RaftMessage,
  RaftMessageType,
  ReadIndexReply,
  ReadIndexRequest,
  SnapshotHeader,
  SnapshotOffer,
  SnapshotReply,
  StandRequest,
  SuspectReply,
  TimeoutNow,
  VoteReply,
  VoteRequest,
} from "./raft-message.ts";
export { REDACTED } from "./redacted.ts";
export type { ReplyMarks, WatchersTold } from "./reply.ts";
export {
  INSTANCE_MODES,
  INSTANCE_STATE_FIELDS,
  type InstanceConfig,
  type InstanceMode,
  type InstanceState,
  isProtectionOver,
  isServed,
  nodeIdentity,
  PROTECTED_INSTANCES_MIN,
  type Protection,
  protectionOf,
  redactNode,
  SECRET_NODE_FIELDS,
  type Service,
  type ServiceConfig,
  type ServiceInstance,
  type ServiceNode,
  type ServiceType,
  type ShownInstance,
  type ShownService,
  secretAudience,
  showInstance,
  showService,
  stateOf,
} from "./service.ts";
export { CHECK_HEADERS_MAX, parseCheckHeaders, parseExpectedStatus } from "./web-check.ts";
