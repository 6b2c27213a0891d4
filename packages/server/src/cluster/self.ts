import {
  entryLogId,
  type LogStore,
  type NodeInfo,
  type Ports,
  RAFT_ROLE,
  type RaftRole,
  type Role,
  STATUS,
  type StateReader,
} from "@dister/types";
import type { IdentityFile } from "./identity.ts";

/** What this node says of itself, made anew whenever it is asked. */
export class Self {
  readonly #identity: IdentityFile;
  readonly #fixed: { name: string; ip: string; role: Role; version: string };
  readonly #ports: Ports;
  #sources: { log: LogStore; state: StateReader } | null = null;
  #raftRole: () => RaftRole = () => RAFT_ROLE.follower;

  constructor(parts: {
    identity: IdentityFile;
    name: string;
    ip: string;
    role: Role;
    version: string;
    ports: Ports;
  }) {
    this.#identity = parts.identity;
    this.#fixed = { name: parts.name, ip: parts.ip, role: parts.role, version: parts.version };
    this.#ports = parts.ports;
  }

  attach(log: LogStore, state: StateReader): void {
    this.#sources = { log, state };
  }

  setRaftRole(raftRole: () => RaftRole): void {
    this.#raftRole = raftRole;
  }

  get id(): string {
    return this.#identity.current.nodeId;
  }

  get role(): Role {
    return this.#fixed.role;
  }

  info(): NodeInfo {
    const { nodeId, group, clusterId } = this.#identity.current;
    const { name, ip, role, version } = this.#fixed;
    return {
      name,
      group,
      id: nodeId,
      ip,
      status: STATUS.alive,
      role,
      raft: this.#raftRole(),
      logid: this.#lastLogId(),
      serviceid: this.#sources?.state.serviceLogId() ?? 0,
      version,
      ports: this.#ports,
      cluster: clusterId,
    };
  }

  #lastLogId(): number {
    const log = this.#sources?.log;
    if (log === undefined) return 0;
    const last = log.lastIndex();
    if (last < log.firstIndex()) return this.#sources!.state.appliedLogId();
    return entryLogId(log.read(last, last, 1)[0]!);
  }
}
