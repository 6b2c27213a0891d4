import {
  type ClusterId,
  entryLogId,
  hexIdOf,
  type LogStore,
  type NodeInfo,
  type Ports,
  RAFT_ROLE,
  type RaftRole,
  type Rng,
  type Role,
  STATUS,
  type StateReader,
} from "@dister/types";
import type { IdentityFile } from "./identity.ts";

/** What this node says of itself, made anew whenever it is asked. */
export class Self {
  readonly #identity: IdentityFile;
  readonly #fixed: Pick<NodeInfo, "name" | "ip" | "role" | "version" | "stateVersion" | "boot">;
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
    /** Newest state version that this software understands. */
    stateVersion: number;
    rng: Rng;
  }) {
    const { identity, name, ip, role, version, ports, stateVersion, rng } = parts;
    this.#identity = identity;
    this.#fixed = { name, ip, role, version, stateVersion, boot: hexIdOf(rng.bytes(8)) };
    this.#ports = ports;
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

  /** Cluster that the node belongs to, empty for none. */
  get cluster(): ClusterId {
    return this.#identity.current.clusterId;
  }

  get role(): Role {
    return this.#fixed.role;
  }

  get stateVersion(): number {
    return this.#fixed.stateVersion;
  }

  info(): NodeInfo {
    const { nodeId, group, clusterId } = this.#identity.current;
    return {
      ...this.#fixed,
      group,
      id: nodeId,
      status: STATUS.alive,
      raft: this.#raftRole(),
      logid: this.#lastLogId(),
      serviceid: this.#sources?.state.serviceLogId() ?? 0,
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
