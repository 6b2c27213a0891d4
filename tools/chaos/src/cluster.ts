import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Api } from "./api.ts";
import type { Chance } from "./chance.ts";
import { ClusterNode, type UnexpectedExit } from "./cluster-node.ts";
import { Links } from "./network/link.ts";
import { openNetwork } from "./network/open-network.ts";
import { type NetworkKind, type PeerNetwork, PORTS } from "./network/peer-network.ts";
import { holds } from "./rest.ts";
import { type DiskKind, SmallDisk } from "./small-disk.ts";

/** How long a healed cluster may take until every node serves. Seconds, but for a machine with many other things to do. */
const RECOVERY_MS = 120_000;

/** A node that does not say at once that it leads is not worth waiting for. */
const LEADER_MS = 300;
const WHOLE_MS = 1_000;

/** What a node says of its part in Raft. */
interface RaftStatus {
  readonly role: string;
  readonly term: number;
  /** Entries that it may have acknowledged were damaged, and it has not got them back yet. */
  readonly suspect: boolean;
}

/** What a cluster is made of. */
export interface ClusterOptions {
  readonly folder: string;
  readonly size: number;
  readonly diskKind: DiskKind;
  readonly networkKind: NetworkKind;
  /**
   * How the nodes find each other: `peers` unless set. With `scan` they are told no address at all, neither the others' nor
   * their own, and listen on all they have.
   */
  readonly finding?: "peers" | "scan";
  readonly chance: Chance;
}

/** A cluster of real processes, its disks and the network between them. */
export class Cluster {
  readonly nodes: readonly ClusterNode[];
  readonly links: Links;
  readonly network: PeerNetwork;
  readonly api: Api;
  readonly diskKind: DiskKind;
  readonly unexpectedExits: UnexpectedExit[] = [];

  private constructor(options: ClusterOptions, made: { links: Links; network: PeerNetwork; nodes: ClusterNode[] }) {
    const { size, folder, diskKind, finding = "peers" } = options;
    this.links = made.links;
    this.network = made.network;
    this.nodes = made.nodes;
    this.diskKind = diskKind;
    const onUnexpected = (exit: UnexpectedExit): void => {
      this.unexpectedExits.push(exit);
    };
    for (let position = 0; position < size; position++) {
      const name = `node${position + 1}`;
      const disk = new SmallDisk(diskKind, join(folder, "disks", name));
      const args = argsOf({ position, name, size, savePath: disk.path, network: made.network, finding });
      const commandBefore = made.network.commandBefore(position);
      made.nodes.push(new ClusterNode({ position, name, disk, folder, args, commandBefore, onUnexpected }));
    }
    this.api = new Api(this.nodes.map(({ position }) => `http://${made.network.real(position)}:${PORTS.api}`));
  }

  /** Founds a cluster; resolves when every node serves. */
  static async start(options: ClusterOptions): Promise<Cluster> {
    const { folder, size, chance } = options;
    mkdirSync(folder, { recursive: true });
    const links = new Links();
    const nodes: ClusterNode[] = [];
    const ids = (): (string | undefined)[] => nodes.map(({ id }) => id);
    const network = await openNetwork(options.networkKind, { size, links, chance, ids });
    const cluster = new Cluster(options, { links, network, nodes });
    try {
      for (const { disk } of nodes) disk.mount();
      for (const node of nodes) node.start();
      if (!(await cluster.recovered())) throw new Error(`a new cluster did not form; its logs are in ${folder}`);
    } catch (error) {
      await cluster.close();
      throw error;
    }
    return cluster;
  }

  get size(): number {
    return this.nodes.length;
  }

  /** How many nodes may be missing while the others still decide. */
  get minority(): number {
    return Math.floor((this.size - 1) / 2);
  }

  /** The node that leads in the newest term that anybody knows of, as the nodes say that answer at once. */
  async leader(): Promise<ClusterNode | undefined> {
    const statuses = await Promise.all(this.nodes.map((node) => this.#raft(node, LEADER_MS)));
    let newest: { node: ClusterNode; term: number } | undefined;
    for (const [position, raft] of statuses.entries()) {
      if (raft?.role !== "leader" || raft.term <= (newest?.term ?? -1)) continue;
      newest = { node: this.nodes[position]!, term: raft.term };
    }
    return newest?.node;
  }

  async #raft(node: ClusterNode, timeoutMs: number): Promise<RaftStatus | null> {
    if (node.daemon === undefined) return null;
    const { data } = await this.api.call(node.position, { method: "GET", path: "/cluster/status", timeoutMs });
    return (data as { raft: RaftStatus | null } | null)?.raft ?? null;
  }

  /** Does a node serve, with nothing missing in its log that it may have acknowledged? */
  async isWhole(node: ClusterNode): Promise<boolean> {
    const health = await this.api.call(node.position, { method: "GET", path: "/health", timeoutMs: WHOLE_MS });
    return health.outcome === "ok" && (await this.#raft(node, WHOLE_MS))?.suspect === false;
  }

  /** Ends every fault of the network and every pause, and starts what is not running. */
  heal(): void {
    this.links.clear();
    for (const node of this.nodes) {
      node.disk.free();
      node.start().signal("SIGCONT");
    }
  }

  /** Waits until every node serves and is whole, at one and the same time. Nobody starts one that ends meanwhile. */
  async recovered(): Promise<boolean> {
    const ended = new AbortController();
    return holds(
      async () => {
        if (this.nodes.some(({ daemon }) => daemon === undefined)) ended.abort();
        const answers = await Promise.all(this.nodes.map((node) => this.isWhole(node)));
        return answers.every(Boolean);
      },
      RECOVERY_MS,
      ended.signal,
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.end("SIGKILL")));
    await this.network.close();
    this.api.close();
    for (const { disk } of this.nodes) disk.unmount();
  }
}

function argsOf(options: {
  position: number;
  name: string;
  size: number;
  savePath: string;
  network: PeerNetwork;
  finding: "peers" | "scan";
}): string[] {
  const { position, name, size, savePath, network, finding } = options;
  const others = Array.from({ length: size }, (_, other) => other).filter((other) => other !== position);
  return [
    `--Name=${name}`,
    `--SavePath=${savePath}`,
    `--MinNode=${size}`,
    ...(finding === "scan"
      ? ["--Scan=true", "--ApiHost=0.0.0.0"]
      : [
          `--Peers=${others.map((other) => `${network.advertised(other)}:${PORTS.raft}`).join(",")}`,
          `--Ip=${network.advertised(position)}`,
          `--Listen=${network.real(position)}`,
          `--ApiHost=${network.real(position)}`,
        ]),
    `--RaftPort=${PORTS.raft}`,
    `--ReplPort=${PORTS.repl}`,
    `--ApiPort=${PORTS.api}`,
  ];
}
