import { mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { Api } from "./api.ts";
import type { Chance } from "./chance.ts";
import { ClusterNode, type UnexpectedExit } from "./cluster-node.ts";
import { Links } from "./network/link.ts";
import { PeerProxy } from "./network/proxy.ts";
import { holds } from "./rest.ts";
import { type DiskKind, SmallDisk } from "./small-disk.ts";

const PORTS = { raft: 4166, repl: 4167, api: 4168 };
/** How long a healed cluster may take until every node serves. */
const RECOVERY_MS = 60_000;

/** Addresses of a cluster on loopback: 127.<a>.<b>.1 is what the others are told of node 1, 127.<a>.<b>.101 where it listens. */
interface Subnet {
  readonly advertised: (position: number) => string;
  readonly real: (position: number) => string;
}

/** A cluster of real processes, its disks and the network between them. */
export class Cluster {
  readonly nodes: readonly ClusterNode[];
  readonly links = new Links();
  readonly proxy: PeerProxy;
  readonly api: Api;
  readonly diskKind: DiskKind;
  readonly unexpectedExits: UnexpectedExit[] = [];

  private constructor(options: { folder: string; size: number; diskKind: DiskKind; chance: Chance; subnet: Subnet }) {
    const { folder, size, diskKind, chance, subnet } = options;
    this.diskKind = diskKind;
    const positions = Array.from({ length: size }, (_, position) => position);
    this.nodes = positions.map((position) => {
      const name = `node${position + 1}`;
      const disk = new SmallDisk(diskKind, join(folder, "disks", name));
      const peers = positions.filter((other) => other !== position).map((other) => subnet.advertised(other));
      const args = [
        `--Name=${name}`,
        `--SavePath=${disk.path}`,
        `--MinNode=${size}`,
        `--Peers=${peers.map((host) => `${host}:${PORTS.raft}`).join(",")}`,
        `--Ip=${subnet.advertised(position)}`,
        `--Listen=${subnet.real(position)}`,
        `--ApiHost=${subnet.real(position)}`,
        `--RaftPort=${PORTS.raft}`,
        `--ReplPort=${PORTS.repl}`,
        `--ApiPort=${PORTS.api}`,
      ];
      const onUnexpected = (exit: UnexpectedExit): void => {
        this.unexpectedExits.push(exit);
      };
      return new ClusterNode({ position, name, disk, folder, args, onUnexpected });
    });
    this.proxy = new PeerProxy({
      links: this.links,
      chance: chance.fork("links"),
      pids: () => this.nodes.map(({ daemon }) => daemon?.pid),
    });
    this.api = new Api(positions.map((position) => `http://${subnet.real(position)}:${PORTS.api}`));
  }

  /** Founds a cluster; resolves when every node serves. */
  static async start(options: { folder: string; size: number; diskKind: DiskKind; chance: Chance }): Promise<Cluster> {
    mkdirSync(options.folder, { recursive: true });
    const subnet = await freeSubnet(options.size);
    const cluster = new Cluster({ ...options, subnet });
    try {
      for (const { disk } of cluster.nodes) disk.mount();
      const routes = cluster.nodes.map(({ position }) => ({
        node: position,
        advertised: subnet.advertised(position),
        real: subnet.real(position),
      }));
      await cluster.proxy.listen(routes, [PORTS.raft, PORTS.repl]);
      const failed = new AbortController();
      for (const node of cluster.nodes) void node.start().ended.then(() => failed.abort());
      if (!(await cluster.recovered(failed.signal))) {
        throw new Error(`a new cluster did not form; its logs are in ${options.folder}`);
      }
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
    const statuses = await Promise.all(this.nodes.map((node) => this.#raft(node)));
    let newest: { node: ClusterNode; term: number } | undefined;
    for (const [position, raft] of statuses.entries()) {
      if (raft?.role !== "leader" || raft.term <= (newest?.term ?? -1)) continue;
      newest = { node: this.nodes[position]!, term: raft.term };
    }
    return newest?.node;
  }

  async #raft(node: ClusterNode): Promise<{ role: string; term: number } | null> {
    if (node.daemon === undefined) return null;
    const { data } = await this.api.call(node.position, { method: "GET", path: "/cluster/status", timeoutMs: 300 });
    return (data as { raft: { role: string; term: number } | null } | null)?.raft ?? null;
  }

  /** Ends every fault of the network and every pause, and starts what is not running. */
  heal(): void {
    this.links.clear();
    for (const node of this.nodes) {
      node.disk.free();
      node.start().signal("SIGCONT");
    }
  }

  /** Waits until every node says that it is ready, at one and the same time. */
  recovered(signal?: AbortSignal): Promise<boolean> {
    return holds(
      async () => {
        const health = { method: "GET", path: "/health", timeoutMs: 1_000 } as const;
        const answers = await Promise.all(this.nodes.map(({ position }) => this.api.call(position, health)));
        return answers.every(({ outcome }) => outcome === "ok");
      },
      RECOVERY_MS,
      signal,
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.end("SIGKILL")));
    await this.proxy.close();
    this.api.close();
    for (const { disk } of this.nodes) disk.unmount();
  }
}

/** Looks for addresses that no other run uses; loopback has sixteen million of them. */
async function freeSubnet(size: number): Promise<Subnet> {
  for (let tries = 0; tries < 50; tries++) {
    const [a, b] = [1 + Math.floor(Math.random() * 250), Math.floor(Math.random() * 250)];
    const subnet: Subnet = {
      advertised: (position) => `127.${a}.${b}.${position + 1}`,
      real: (position) => `127.${a}.${b}.${position + 101}`,
    };
    const hosts = Array.from({ length: size }, (_, i) => [subnet.advertised(i), subnet.real(i)]).flat();
    const free = await Promise.all(hosts.flatMap((host) => Object.values(PORTS).map((port) => isFree(host, port))));
    if (free.every(Boolean)) return subnet;
  }
  throw new Error("no free addresses on loopback: this needs all of 127.0.0.0/8, as Linux has it");
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}
