import {
  type CommandOutcome,
  type LogEntry,
  type Member,
  type Membership,
  membershipOf,
  NO_LOGGER,
  type NodeId,
  type NodeInfo,
  type StampedCommand,
  type TransportReceiver,
} from "@dister/types";
import {
  type ManualClock,
  MemoryLogStore,
  type MemoryNetwork,
  type MemoryPeer,
  MemoryStateMachine,
  SeededRng,
} from "@dister/types/testing";
import { RaftNode, type RaftNodeOptions } from "../src/index.ts";
import { nodeId } from "./core-cluster.ts";

/** The memory state machine's commands as JSON. */
export function encodeCommand(command: StampedCommand): Uint8Array {
  return Buffer.from(JSON.stringify(command));
}

let requests = 0;

/** A command that sets one key, as a request of its own. */
export function set(key: string, value: string): Uint8Array {
  return encodeCommand({ timeMs: 0, requestId: `r${++requests}`, command: { type: "kvSet", pairs: [[key, value]] } });
}

export function memberAt(number: number, voter = true): Member {
  const ports = { raft: 4166, repl: 4167, api: 4168 };
  return { id: nodeId(number), name: `n${number}`, role: 0, voter, address: { host: `10.0.0.${number}`, ports } };
}

export function membersAt(...numbers: number[]): Membership {
  return membershipOf(numbers.map((number) => memberAt(number)));
}

type Options = Partial<RaftNodeOptions<CommandOutcome>>;

/** A RaftNode over parts in memory, which survive its restarts. */
export class MemoryNode {
  readonly id: NodeId;
  readonly number: number;
  readonly log = new MemoryLogStore();
  readonly stateMachine = new MemoryStateMachine((payload) => JSON.parse(Buffer.from(payload).toString()));
  readonly fatal: unknown[] = [];
  readonly applied: LogEntry[] = [];
  readonly #network: MemoryNetwork;
  readonly #clock: ManualClock;
  #starts = 0;
  peer!: MemoryPeer;
  /** What the node gave its transport: a test may hand in a message, or listen. */
  receiver!: TransportReceiver;
  node!: RaftNode<CommandOutcome>;

  constructor(number: number, parts: { network: MemoryNetwork; clock: ManualClock }) {
    this.id = nodeId(number);
    this.number = number;
    this.#network = parts.network;
    this.#clock = parts.clock;
  }

  #info(): NodeInfo {
    const { host: ip, ports } = memberAt(this.number).address;
    const rest = {
      group: "g",
      status: 1,
      role: 0,
      raft: 0,
      logid: 0,
      serviceid: 0,
      version: "0",
      cluster: "C",
      stateVersion: 1,
      boot: "00000000000000B0",
    } as const;
    return { ...rest, name: `n${this.number}`, id: this.id, ip, ports };
  }

  async start(peers: readonly number[], foundingMembership: Membership, options: Options = {}): Promise<void> {
    this.peer = this.#network.join(() => this.#info());
    for (const other of peers) {
      if (other !== this.number) this.peer.setPeer(nodeId(other), memberAt(other).address);
    }
    const bind = this.peer.bind.bind(this.peer);
    this.peer.bind = (receiver) => {
      this.receiver = { ...receiver };
      bind({
        ...receiver,
        message: (from, message) => this.receiver.message(from, message),
      });
    };
    this.node = await RaftNode.start(
      {
        log: this.log,
        stateMachine: this.stateMachine,
        transport: this.peer,
        clock: this.#clock,
        rng: new SeededRng(this.number + 1_000 * this.#starts++),
        logger: NO_LOGGER,
      },
      {
        id: this.id,
        foundingMembership,
        onFatal: (error) => this.fatal.push(error),
        onApplied: (entries) => this.applied.push(...entries),
        ...options,
      },
    );
  }

  get role(): string {
    return this.node.status().role;
  }
}

/** Lets what is ready happen, without time passing: deferred turns and promises. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Moves time on in small steps, with everything that follows from each, until something holds. */
export async function until(clock: ManualClock, holds: () => boolean, withinMs = 20_000): Promise<void> {
  for (let ms = 0; ms < withinMs; ms += 5) {
    await settle();
    if (holds()) return;
    clock.advance(5);
  }
  throw new Error(`not within ${withinMs} ms: ${holds.toString()}`);
}

/** What a promise came to so far. */
export function watch<T>(promise: Promise<T>): { value?: T; error?: { code?: string }; settled: boolean } {
  const seen: { value?: T; error?: { code?: string }; settled: boolean } = { settled: false };
  promise.then(
    (value) => Object.assign(seen, { value, settled: true }),
    (error) => Object.assign(seen, { error, settled: true }),
  );
  return seen;
}
