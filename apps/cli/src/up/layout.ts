import { join, resolve } from "node:path";

/** One node of a cluster on this machine. */
export interface NodePlan {
  readonly name: string;
  /** Where its data lies; absolute. */
  readonly folder: string;
  readonly logFolder: string;
  readonly ports: { readonly raft: number; readonly repl: number; readonly api: number };
  /** Address of its API, without a slash at the end. */
  readonly url: string;
  /** Flags of `disterd`. */
  readonly args: readonly string[];
}

export interface LayoutOptions {
  readonly nodes: number;
  readonly data: string;
  readonly basePort: number;
  readonly host: string;
}

/** From one node's first port to the next one's. */
const PORT_STEP = 10;

/** Ports that the last node uses, at the most. */
export function highestPort({ nodes, basePort }: LayoutOptions): number {
  return basePort + PORT_STEP * (nodes - 1) + 2;
}

/** Node i of n, from 1: ports base + 10 (i - 1) and the next two, a folder of its own, everybody's address. */
export function layoutOf(options: LayoutOptions): NodePlan[] {
  const { nodes, host } = options;
  const bracketed = host.includes(":") ? `[${host}]` : host;
  const first = (position: number): number => options.basePort + PORT_STEP * position;
  const peers = Array.from({ length: nodes }, (_, position) => `${bracketed}:${first(position)}`).join(",");
  return Array.from({ length: nodes }, (_, position) => {
    const name = `node${position + 1}`;
    const folder = resolve(join(options.data, name));
    const logFolder = join(folder, "log");
    const raft = first(position);
    const ports = { raft, repl: raft + 1, api: raft + 2 };
    const args = [
      `--Name=${name}`,
      "--Group=default.group.dister",
      `--SavePath=${folder}`,
      `--LogPath=${logFolder}`,
      `--MinNode=${nodes}`,
      `--Peers=${peers}`,
      `--Ip=${host}`,
      `--Listen=${host}`,
      `--ApiHost=${host}`,
      `--RaftPort=${ports.raft}`,
      `--ReplPort=${ports.repl}`,
      `--ApiPort=${ports.api}`,
    ];
    return { name, folder, logFolder, ports, url: `http://${bracketed}:${ports.api}`, args };
  });
}
