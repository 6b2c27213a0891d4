import { type CoreStatus, RaftNode } from "@dister/raft";
import {
  type Clock,
  type CommandOutcome,
  DisterError,
  hexIdOf,
  type NodeInfo,
  RAFT_ROLE,
  type Rng,
  type Sighting,
  stateVersionOf,
  voterIds,
} from "@dister/types";
import type { ApiNode, Backups, Latencies, Members, Operations, Reads, Writes } from "./api-node.ts";
import { MemberLatencies } from "./balance/member-latencies.ts";
import { ClientDesk } from "./client-desk/client-desk.ts";
import { Discovery } from "./cluster/discovery.ts";
import { Formation } from "./cluster/formation.ts";
import { JsonRpc } from "./cluster/json-rpc.ts";
import { MembershipManager } from "./cluster/membership-manager.ts";
import { OtherClusters } from "./cluster/other-clusters.ts";
import { PeerDirectory } from "./cluster/peer-directory.ts";
import { Successor } from "./cluster/successor.ts";
import { TwinCheck } from "./cluster/twin-check.ts";
import { NO_CLEANUP } from "./cluster/upkeep.ts";
import { Gateway, PROPOSE_METHOD } from "./gateway.ts";
import { HealthMonitor } from "./health/health-monitor.ts";
import { Api } from "./http/api.ts";
import { MemberBackups } from "./member-backups.ts";
import { MemberList } from "./member-list.ts";
import { MemberOperations } from "./member-operations.ts";
import { MemberReads } from "./member-reads.ts";
import { Metrics } from "./metrics/metrics.ts";
import type { NodeOptions } from "./node-options.ts";
import { ClusterNews } from "./operating/cluster-news.ts";
import type { LeaderHistory } from "./operating/leader-history.ts";
import { MeasuredLog } from "./operating/measured-log.ts";
import { MeasuredRpc } from "./operating/measured-rpc.ts";
import { SlownessWatch } from "./operating/slowness-watch.ts";
import { rest } from "./rest.ts";
import type { Membered, NodeComponents, ServedNode } from "./served-node.ts";

/**
 * A node from its first hello to its stop: it looks for the others, belongs to a cluster, and from then on replicates,
 * checks and answers. The API listens from the beginning and says what the node waits for.
 */
export class ClusterNode implements ServedNode, ApiNode {
  readonly components: NodeComponents;
  readonly directory: PeerDirectory;
  readonly otherClusters: OtherClusters;
  readonly #twins: TwinCheck;
  readonly #successor = new Successor();
  readonly discovery: Discovery;
  readonly metrics: Metrics;
  readonly reads: Reads;
  readonly latencies: Latencies;
  readonly backups: Backups;
  readonly writes: Writes;
  readonly members: Members;
  readonly operations: Operations;
  readonly clients: ClientDesk;
  readonly #options: NodeOptions;
  readonly #formation: Formation;
  readonly #api: Api;
  readonly #news: ClusterNews;
  readonly #slowness: SlownessWatch;
  readonly #log: MeasuredLog;
  #membered: Membered | null = null;
  #starting: Promise<void> | null = null;
  #started = false;
  #stopping = false;

  constructor(parts: NodeComponents, options: NodeOptions) {
    this.metrics = new Metrics({
      status: () => this.status,
      notReady: () => this.notReady,
      keyCount: () => parts.state.kvCount(),
      peersUp: () => this.#peersUp(),
      host: parts.host,
      services: () => parts.state.services(),
      checks: () => this.#membered?.health.figures() ?? null,
      latenciesMs: (service) => this.#membered?.health.latenciesOf(service) ?? [],
    });
    const components = {
      ...parts,
      rpc: new MeasuredRpc(parts.rpc, (method, outcome) => this.metrics.call(method, outcome)),
    };
    this.components = components;
    this.#options = options;
    const { self, clock, transport, identity, rpc, network, rng, logger } = components;
    this.otherClusters = new OtherClusters({ self, clock, logger });
    this.directory = new PeerDirectory({ self: self.id, transport, others: this.otherClusters, clock });
    this.#twins = new TwinCheck({ self, directory: this.directory, rpc }, (error) => options.onFatal(error));
    const { directory } = this;
    this.discovery = new Discovery(
      { self, directory, rpc, network, clock, logger },
      { peers: options.peers, scan: options.scan ?? false },
    );
    this.#formation = new Formation(
      { identity, self, directory, discovery: this.discovery, rpc, clock, rng, logger },
      { minNode: options.minNode, formed: () => this.#enterCluster() },
    );
    this.#slowness = new SlownessWatch({ clock, logger });
    this.#log = new MeasuredLog(parts.log, clock, (write) => {
      this.metrics.stored(write.durationMs / 1_000);
      this.#slowness.stored(write);
    });
    const { metrics } = this;
    this.#news = new ClusterNews({ self: self.id, clock, logger, json: new JsonRpc(rpc), metrics });
    this.reads = new MemberReads(this);
    this.latencies = new MemberLatencies(this);
    this.backups = new MemberBackups(this);
    this.writes = { write: (command, requestId) => this.membered.gateway.write(command, requestId) };
    this.members = new MemberList(this);
    this.operations = new MemberOperations(this);
    this.clients = new ClientDesk(this);
    this.#api = new Api(this, options.api, logger);
    new JsonRpc(rpc).serve<null, NodeInfo>("node.info", () => self.info());
    rpc.serve(PROPOSE_METHOD, (_from, body) => this.membered.gateway.proposeForPeer(body));
    self.attach(components.log, components.state);
  }

  /**
   * Starts: listens, and goes on where the data folder left off.
   * @returns the address of the API, for example `http://127.0.0.1:4168`.
   */
  async start(): Promise<string> {
    const url = await this.#api.listen();
    this.discovery.start();
    this.#formation.start();
    if (this.components.identity.current.clusterId !== "") this.#enterCluster();
    this.#slowness.start(this.#log);
    await this.#starting;
    this.#started = true;
    return url;
  }

  /** What a cluster member has. @throws DisterError `DISTER_ERR_NOT_FORMED` saying what the node waits for. */
  get membered(): Membered {
    const membered = this.#membered;
    if (membered === null) {
      throw new DisterError("DISTER_ERR_NOT_FORMED", { reason: this.#formation.waitingFor || "starting" });
    }
    return membered;
  }

  get rng(): Rng {
    return this.components.rng;
  }

  get clock(): Clock {
    return this.components.clock;
  }

  /** Raft's view, or null while the node belongs to no cluster. */
  get status(): CoreStatus | null {
    return this.#membered?.raft.status() ?? null;
  }

  /** Why the node is not ready to serve, undefined when it is. */
  get notReady(): string | undefined {
    if (this.#stopping) return "stopping";
    if (this.#membered === null) return this.#formation.waitingFor || "starting";
    if (this.#membered.membership.isRemoved) return "removed from the cluster";
    return this.#membered.raft.leader === null ? "no leader" : undefined;
  }

  get history(): LeaderHistory {
    return this.#news.history;
  }

  get formation(): Formation {
    return this.#formation;
  }

  /** A node of the group was heard; the transport's owner tells it, and where that was. */
  heard(info: NodeInfo, sighting?: Sighting): void {
    this.#successor.heard(info);
    this.directory.heard(info, sighting);
  }

  #enterCluster(): void {
    if (this.#stopping) return;
    if (this.#starting !== null) return;
    this.#starting = this.#startRaft();
    this.#starting.catch((error: unknown) => {
      // While the node starts, whoever starts it is told; afterwards nobody waits for it.
      if (this.#started) this.#options.onFatal(error);
    });
  }

  async #startRaft(): Promise<void> {
    const { identity, self, state, transport, rpc, clock, rng, logger } = this.components;
    const raft = await RaftNode.start<CommandOutcome>(
      { log: this.#log, stateMachine: state, transport, clock, rng, logger },
      {
        id: self.id,
        foundingMembership: identity.foundingMembership,
        ...(this.#options.raft === undefined ? {} : { raft: this.#options.raft }),
        onStatus: (status) => this.#onStatus(status),
        observer: this.#news.observer,
        onFatal: (error) => this.#options.onFatal(error),
      },
    );
    const session = `${self.id}.${hexIdOf(rng.bytes(8))}`;
    const isUp = (peer: string): boolean => transport.isUp(peer);
    const gateway = new Gateway({ raft, state, rpc, clock, isUp, self: self.id, session }, this.#options.gateway);
    const membership = new MembershipManager(
      { raft, self, directory: this.directory, transport, rpc, twins: this.#twins, clock, logger },
      { cleanup: this.#options.cleanup ?? NO_CLEANUP },
    );
    const health = new HealthMonitor(
      { self: self.id, raft, state, gateway, json: new JsonRpc(rpc), clock, rng, logger },
      this.#options.checks,
    );
    self.setRaftRole(() => this.#membered?.raft.status().raftRole ?? RAFT_ROLE.follower);
    this.#membered = { raft, gateway, membership, health };
    membership.start();
    health.start();
  }

  #onStatus(status: CoreStatus): void {
    const { self } = this.components;
    const inForce = stateVersionOf(status.membership);
    if (inForce > self.stateVersion) {
      const reason = `this software understands ${self.stateVersion}: install that of the other members`;
      this.#options.onFatal(new DisterError("DISTER_ERR_STATE_VERSION", { inForce, reason }));
      return;
    }
    const { role, term, leader, reason } = status;
    this.components.logger.debug("raft status", { role, term, leader, reason });
    this.#news.statusChanged(status);
    this.#membered?.membership.statusChanged(status);
    this.#membered?.health.statusChanged();
  }

  #peersUp(): number {
    const { self, transport } = this.components;
    const members = this.status?.membership.members ?? [];
    return members.filter(({ id }) => id !== self.id && transport.isUp(id)).length;
  }

  /** Begins to hand leadership over. @throws DisterError when this node does not lead, or `to` cannot. */
  transferLeadership(to?: string): string {
    return this.membered.raft.transferLeadership(to);
  }

  /**
   * Stops gracefully: a leader hands over first, requests that are under way are answered, then nothing more is taken.
   * @param handOverMs - how long to wait for a successor, at most.
   */
  async stop(handOverMs = 2_000): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    await this.#handOver(handOverMs);
    await this.#api.close();
    this.discovery.stop();
    this.#formation.stop();
    await this.#starting?.catch(() => undefined); // A Raft node that is just coming up must not outlive this one.
    this.clients.changes.wake();
    this.#membered?.health.stop();
    this.#membered?.membership.stop();
    await this.#membered?.raft.stop();
    this.#news.stop();
    this.#slowness.stop();
    this.metrics.stop();
  }

  async #handOver(waitMs: number): Promise<void> {
    const raft = this.#membered?.raft;
    if (raft === undefined) return;
    const { clock, logger, transport, self } = this.components;
    const voters = voterIds(raft.status().membership);
    if (!voters.some((id) => id !== self.id && transport.isUp(id))) return; // Nobody is there to take over.
    const deadlineMs = clock.nowMs() + waitMs;
    while (raft.status().role === "leader" && clock.nowMs() < deadlineMs) {
      try {
        const status = raft.status();
        if (!status.transferring) raft.transferLeadership(this.#successor.of(status, (id) => transport.isUp(id)));
      } catch (error) {
        logger.debug("nobody to hand leadership to", { error });
        return;
      }
      await rest(clock, 10);
    }
    // The successor is known here before the last requests are forwarded to it.
    while (raft.leader === null && clock.nowMs() < deadlineMs) {
      await rest(clock, 10);
    }
  }
}
