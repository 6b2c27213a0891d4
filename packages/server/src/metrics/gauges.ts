import type { CoreStatus, PeerProgress } from "@dister/raft";
import { Gauge, type Registry } from "prom-client";
import type { DiskUse, HostFigures } from "../operating/host-figures.ts";

/** Where the figures come from that are read when somebody asks. */
export interface MetricsSource {
  status(): CoreStatus | null;
  notReady(): string | undefined;
  keyCount(): number;
  /** How many other members are connected. */
  peersUp(): number;
  readonly host: HostFigures | undefined;
}

type Read = () => number | Promise<number>;

/** Adds a gauge that is read at each scrape. */
function gauge(registry: Registry, name: string, help: string, read: Read): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    async collect() {
      this.set(await read());
    },
  });
}

/** Gauges of Raft's own view. */
export function raftGauges(registry: Registry, source: MetricsSource): void {
  const ofStatus = (name: string, help: string, read: (status: CoreStatus) => number): void =>
    gauge(registry, name, help, () => {
      const status = source.status();
      return status === null ? 0 : read(status);
    });
  ofStatus("dister_raft_term", "Current term.", ({ term }) => term);
  ofStatus("dister_raft_is_leader", "1 while this node leads.", ({ role }) => (role === "leader" ? 1 : 0));
  ofStatus("dister_raft_has_leader", "1 while this node knows a leader.", ({ leader }) => (leader === null ? 0 : 1));
  ofStatus("dister_raft_commit_index", "Highest index known to be committed.", ({ commitIndex }) => commitIndex);
  ofStatus("dister_raft_applied_index", "Highest index applied.", ({ appliedIndex }) => appliedIndex);
  ofStatus("dister_raft_last_index", "Last index of the log.", ({ lastIndex }) => lastIndex);
  ofStatus("dister_raft_first_index", "First index that the log still has.", ({ firstIndex }) => firstIndex);
  ofStatus("dister_raft_members", "Members of the cluster.", ({ membership }) => membership.members.length);
  ofStatus("dister_raft_suspect", "1 while this node's log is damaged and made whole.", ({ suspect }) =>
    suspect ? 1 : 0,
  );
  ofStatus(
    "dister_raft_peers_suspect",
    "Members whose logs are damaged or have lost entries, on the leader.",
    ({ progress }) => progress.filter(({ suspect, lostData }) => suspect || lostData).length,
  );
  ofStatus(
    "dister_raft_leader_silent_seconds",
    "Time since the leader was heard; 0 on the leader and without one.",
    ({ leaderSilentMs }) => (leaderSilentMs ?? 0) / 1_000,
  );
}

/** Gauges with one series per peer, on the leader alone: as many as there are members, and none of those that left. */
export function peerGauges(registry: Registry, source: MetricsSource): void {
  const perPeer = (
    name: string,
    help: string,
    read: (peer: PeerProgress, status: CoreStatus) => number,
  ): Gauge<"peer"> =>
    new Gauge({
      name,
      help,
      labelNames: ["peer"],
      registers: [registry],
      collect() {
        this.reset();
        const status = source.status();
        for (const peer of status?.progress ?? []) this.set({ peer: peer.id }, read(peer, status!));
      },
    });
  perPeer("dister_raft_peer_lag_entries", "Entries that a peer has not stored yet, on the leader.", (peer, status) =>
    Math.max(0, status.lastIndex - peer.match),
  );
  perPeer(
    "dister_raft_peer_silent_seconds",
    "Time since a peer was heard, on the leader.",
    ({ silentMs }) => silentMs / 1_000,
  );
}

/** Gauges of the process, the disk and the connections. */
export function hostGauges(registry: Registry, source: MetricsSource): void {
  gauge(registry, "dister_ready", "1 while this node serves.", () => (source.notReady() === undefined ? 1 : 0));
  gauge(registry, "dister_kv_keys", "Keys in the applied state.", () => source.keyCount());
  gauge(registry, "dister_peers_up", "Other members that are connected.", () => source.peersUp());
  gauge(registry, "dister_process_resident_bytes", "Resident memory of the process.", () => process.memoryUsage.rss());
  const { host } = source;
  if (host === undefined) return;
  gauge(registry, "dister_peer_connections", "Open connections to and from other nodes.", () => host.connections());
  // One look at the disk for the three of them: a scrape reads them in this order, one right behind the other.
  let use: Promise<DiskUse> | null = null;
  const ofDisk = (name: string, help: string, read: (use: DiskUse) => number): void =>
    gauge(registry, name, help, async () => {
      use ??= host.disk().finally(() => {
        use = null;
      });
      // A disk that cannot be asked must not cost the other metrics.
      return use.then(read, () => Number.NaN);
    });
  ofDisk("dister_disk_log_bytes", "Disk space of the log.", ({ logBytes }) => logBytes);
  ofDisk("dister_disk_state_bytes", "Disk space of the database.", ({ stateBytes }) => stateBytes);
  ofDisk("dister_disk_free_bytes", "Free space of the data folder's file system.", ({ freeBytes }) => freeBytes);
}
