import type { RaftMessage } from "@dister/types";
import { ManualClock, MemoryNetwork, SeededRng } from "@dister/types/testing";
import { MemoryNode, membersAt, set, until, watch } from "./memory-node.ts";

/** Nodes over parts in memory, one clock, one network. */
export class Trial {
  readonly clock = new ManualClock();
  readonly network = new MemoryNetwork({ clock: this.clock, rng: new SeededRng(1) });
  readonly nodes: MemoryNode[] = [];

  async start(count: number, options: Parameters<MemoryNode["start"]>[2] = {}): Promise<void> {
    const numbers = Array.from({ length: count }, (_, i) => i + 1);
    for (const number of numbers) this.nodes.push(new MemoryNode(number, this));
    for (const node of this.nodes) await node.start(numbers, membersAt(...numbers), options);
  }

  get leader(): MemoryNode {
    const [leader] = this.nodes.filter((node) => node.role === "leader");
    if (leader === undefined) throw new Error("no leader");
    return leader;
  }

  get followers(): MemoryNode[] {
    return this.nodes.filter((node) => node !== this.leader);
  }

  until(holds: () => boolean): Promise<void> {
    return until(this.clock, holds);
  }

  async lead(): Promise<MemoryNode> {
    const leads = (node: MemoryNode): boolean => node.role === "leader" && node.node.status().commitIndex > 0;
    await this.until(() => this.nodes.filter(leads).length === 1);
    return this.leader;
  }

  async propose(node: MemoryNode, key: string): Promise<number> {
    const seen = watch(node.node.propose(set(key, "v")));
    await this.until(() => seen.settled);
    if (seen.value === undefined) throw new Error(`not proposed: ${JSON.stringify(seen.error)}`);
    return seen.value.index;
  }

  isolate(node: MemoryNode): void {
    for (const other of this.nodes) {
      this.network.cut(node.id, other.id);
      this.network.cut(other.id, node.id);
    }
  }
}

/** A cluster of nodes 1 to `count` that has a leader. */
export async function trial(count: number, options: Parameters<MemoryNode["start"]>[2] = {}): Promise<Trial> {
  const made = new Trial();
  await made.start(count, options);
  await made.lead();
  return made;
}

/** Hands a message to a node as its transport does. */
export function deliver(node: MemoryNode, from: string, message: RaftMessage): void {
  node.receiver.message(from, message);
}

/** Sees every message that arrives at a node. */
export function listen(node: MemoryNode, see: (from: string, message: RaftMessage) => void): void {
  const { receiver } = node;
  node.receiver = {
    ...receiver,
    message: (from, message) => {
      see(from, message);
      receiver.message(from, message);
    },
  };
}
