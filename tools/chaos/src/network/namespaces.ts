import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { readlinkSync } from "node:fs";
import { holds } from "../rest.ts";
import { isInSandbox } from "../sandbox.ts";
import type { Links } from "./link.ts";
import type { NetworkParts, PeerNetwork } from "./peer-network.ts";

const BRIDGE = "chaos0";
const SUBNET = "10.66.0";
/** Nobody has it: what is sent there is lost without a word, as on a wire that was cut. */
const NOWHERE = "02:66:00:00:ff:ff";
const MADE_MS = 5_000;

/**
 * Every node in a network namespace of its own, on a bridge in the namespace of the run. A directed link is cut by a wrong
 * hardware address for the receiver: real packets are lost, TCP retransmits, and connections stay half open.
 */
export class NamespaceNetwork implements PeerNetwork {
  readonly isProxy = false;
  readonly #links: Links;
  /** Processes that do nothing but keep a namespace. */
  readonly #keepers: readonly ChildProcess[];
  readonly #addresses: string[];
  readonly #cut = new Set<string>();
  readonly #forget: () => void;

  private constructor(links: Links, keepers: readonly ChildProcess[]) {
    this.#links = links;
    this.#keepers = keepers;
    this.#addresses = keepers.map((_, position) => `${SUBNET}.${position + 1}`);
    this.#forget = links.onChange(() => this.#follow());
  }

  static async open({ size, links }: NetworkParts): Promise<NamespaceNetwork> {
    if (!isInSandbox()) throw new Error("this machine allows no namespaces: use --network proxy");
    const keepers = Array.from({ length: size }, () => spawn("unshare", ["--net", "sleep", "infinity"]));
    const own = readlinkSync("/proc/self/ns/net");
    const made = (): boolean => keepers.every(({ pid }) => readlinkSync(`/proc/${pid}/ns/net`) !== own);
    if (!(await holds(made, MADE_MS))) throw new Error("no network namespaces can be made here: use --network proxy");
    ip([
      "link set lo up",
      `link add ${BRIDGE} type bridge`,
      `addr add ${SUBNET}.254/24 dev ${BRIDGE}`,
      `link set ${BRIDGE} up`,
      ...keepers.flatMap(({ pid }, i) => [
        `link add port${i} type veth peer name eth0 netns ${pid}`,
        `link set port${i} master ${BRIDGE} up`,
      ]),
    ]);
    const network = new NamespaceNetwork(links, keepers);
    for (const position of keepers.keys()) {
      network.#ipOf(position, [
        "link set lo up",
        `link set eth0 address ${hardwareOf(position)}`,
        `addr add ${network.real(position)}/24 dev eth0`,
        "link set eth0 up",
        ...[...keepers.keys()]
          .filter((other) => other !== position)
          .map((other) => neighbour(network.real(other), hardwareOf(other))),
      ]);
    }
    return network;
  }

  advertised(position: number): string {
    return this.#addresses[position]!;
  }

  real(position: number): string {
    return this.#addresses[position]!;
  }

  /** Takes a node's address away and gives it another of the same network, as a new lease does. Its links are whole. */
  readdress(position: number, lastByte: number): void {
    const old = this.#addresses[position]!;
    const host = `${SUBNET}.${lastByte}`;
    this.#addresses[position] = host;
    this.#ipOf(position, [`addr del ${old}/24 dev eth0`, `addr add ${host}/24 dev eth0`]);
    for (const other of this.#keepers.keys()) {
      if (other === position) continue;
      this.#ipOf(other, [`neigh del ${old} dev eth0`, neighbour(host, hardwareOf(position))]);
      // With the address went what the kernel knew of its neighbours.
      this.#ipOf(position, [neighbour(this.real(other), hardwareOf(other))]);
    }
  }

  commandBefore(position: number): readonly string[] {
    return ["nsenter", `--net=/proc/${this.#keepers[position]!.pid}/ns/net`, "--"];
  }

  reset(): number {
    return 0;
  }

  close(): Promise<void> {
    this.#forget();
    for (const keeper of this.#keepers) keeper.kill("SIGKILL");
    ip([`link del ${BRIDGE}`]);
    return Promise.resolve();
  }

  /** Brings the namespaces to what the links are now. */
  #follow(): void {
    for (const from of this.#keepers.keys()) {
      const lines: string[] = [];
      for (const to of this.#keepers.keys()) {
        const name = `${from} ${to}`;
        const isCut = from !== to && this.#links.state({ from, to }).cut;
        if (isCut === this.#cut.has(name)) continue;
        if (isCut) this.#cut.add(name);
        else this.#cut.delete(name);
        lines.push(neighbour(this.real(to), isCut ? NOWHERE : hardwareOf(to)));
      }
      if (lines.length > 0) this.#ipOf(from, lines);
    }
  }

  #ipOf(position: number, lines: readonly string[]): void {
    ip(lines, this.commandBefore(position));
  }
}

function hardwareOf(position: number): string {
  return `02:66:00:00:00:${String(position + 1).padStart(2, "0")}`;
}

function neighbour(address: string, hardware: string): string {
  return `neigh replace ${address} lladdr ${hardware} dev eth0 nud permanent`;
}

function ip(lines: readonly string[], before: readonly string[] = []): void {
  const [command, ...args] = [...before, "ip", "-batch", "-"];
  execFileSync(command!, args, { input: `${lines.join("\n")}\n`, stdio: ["pipe", "ignore", "pipe"] });
}
