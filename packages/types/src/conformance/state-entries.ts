import type { Command, CommandOutcome, StampedCommand } from "../command.ts";
import type { StateMachine } from "../contracts/state-machine.ts";
import { LIMITS } from "../limits.ts";
import { ENTRY_KIND, type LogEntry } from "../log-entry.ts";
import { encodeMembership, type Membership, membershipOf } from "../membership.ts";
import type { InstanceConfig, ServiceConfig } from "../service.ts";
import type { Suite } from "./suite.ts";

/** Turns a command into the payload of an entry. */
export type CommandEncoder = (stamped: StampedCommand) => Uint8Array;

/** A wall clock that no check depends on. */
export const START_MS = 1_790_000_000_000;

/** Makes consecutive entries for one state machine; request ids are `r1`, `r2` and so on, unless they are named. */
export class EntryMaker {
  readonly #encode: CommandEncoder;
  #index: number;
  term = 1;
  timeMs = START_MS;

  constructor(encode: CommandEncoder, after = 0) {
    this.#encode = encode;
    this.#index = after;
  }

  /** Index of the entry that was made last. */
  get index(): number {
    return this.#index;
  }

  command(command: Command, requestId = `r${this.#index + 1}`): LogEntry {
    return this.#entry(ENTRY_KIND.command, this.#encode({ requestId, timeMs: this.timeMs, command }));
  }

  /** Sets pairs in one command. */
  set(...pairs: (readonly [string, string])[]): LogEntry {
    return this.command({ type: "kvSet", pairs });
  }

  empty(): LogEntry {
    return this.#entry(ENTRY_KIND.empty, new Uint8Array());
  }

  membership(membership: Membership): LogEntry {
    return this.#entry(ENTRY_KIND.membership, encodeMembership(membership));
  }

  /** A command entry of which the payload is no command in any codec. */
  unreadable(): LogEntry {
    return this.#entry(ENTRY_KIND.command, Uint8Array.of(0xff, 0xff, 0xff));
  }

  #entry(kind: LogEntry["kind"], payload: Uint8Array): LogEntry {
    this.#index++;
    return { index: this.#index, term: this.term, r: (this.#index * 37) % 10_000, kind, payload };
  }
}

/** A membership of so many voters. */
export function someMembership(voters: number): Membership {
  const members = Array.from({ length: voters }, (_, at) => ({
    id: `${at + 1}`.padStart(16, "0"),
    name: `node ${at + 1}`,
    role: 0 as const,
    voter: true,
    address: { host: "127.0.0.1", ports: { raft: 1000 + at, repl: 2000 + at, api: 3000 + at } },
  }));
  return membershipOf(members);
}

/** A service whose instances differ in their ports, which are their ids. */
export function someService(name: string, ports: readonly number[]): ServiceConfig {
  return { name, type: "tcp", node: ports.map((port) => someNode(port)) };
}

export function someNode(port: number, status: 0 | 1 = 0): InstanceConfig {
  return {
    id: String(port),
    host: "127.0.0.1",
    port: String(port),
    priority: "100",
    interval: "2000",
    timeout: "2000",
    rise: "1",
    fall: "2",
    status,
  };
}

/** What the suite of state machines needs. */
export interface StateMachineSuite extends Suite<StateMachine<CommandOutcome>> {
  /** The codec that the state machine under test reads. */
  readonly encode: CommandEncoder;
}

/** Something of everything, with a value that does not fit a piece. */
export function filling(make: EntryMaker): LogEntry[] {
  const large = "ü".repeat(LIMITS.snapshotChunkBytes);
  return [
    make.membership(someMembership(3)),
    make.set(["__proto__", "p"], ["constructor", "c"], ["\u{1F600}", "after U+FFFF"], ["\uFFFF", "before"]),
    make.set(["large", large], ["a", "1"]),
    make.command({ type: "kvDelete", keys: ["a"] }),
    make.command({ type: "serviceSet", services: [someService("web", [1, 2]), someService("db", [3])] }),
    make.command({
      type: "serviceStatus",
      changes: [{ service: "web", id: "2", definedIndex: make.index, status: 1 }],
    }),
    make.empty(),
  ];
}
