/**
 * Proposals per second through three cores that talk in memory, and the CPU time of one, beside the least that any such
 * thing could do: one JSON text pushed onto an array. Absolute figures move with the machine; the ratio is what counts.
 *
 *     node --conditions=@dister/source bench/core.ts [proposals] [batch]
 */
import { type Envelope, HARD_STATE_START, LOG_START, type LogEntry, type Member, membershipOf } from "@dister/types";
import { SeededRng } from "@dister/types/testing";
import { type LogReader, RaftCore, raftOptions } from "../src/index.ts";

const PROPOSALS = Number(process.argv[2] ?? 200_000);
const BATCH = Number(process.argv[3] ?? 64);
const PAYLOAD_BYTES = 128;
const ROUNDS = 5;

const id = (number: number): string => String(number).padStart(16, "0");
const address = { host: "127.0.0.1", ports: { raft: 1, repl: 2, api: 3 } };
const membership = membershipOf(
  [1, 2, 3].map((number): Member => ({ id: id(number), name: `n${number}`, role: 0, voter: true, address })),
);

/** The least that a log can be; the memory log of the contracts copies for every crash that it can play. */
class ListLog implements LogReader {
  #base = LOG_START;
  #entries: LogEntry[] = [];

  firstIndex(): number {
    return this.#base.index + 1;
  }

  lastIndex(): number {
    return this.#base.index + this.#entries.length;
  }

  base(): typeof LOG_START {
    return this.#base;
  }

  termAt(index: number): number | undefined {
    return index === this.#base.index ? this.#base.term : this.#entries[index - this.#base.index - 1]?.term;
  }

  read(from: number, to: number): LogEntry[] {
    return this.#entries.slice(from - this.#base.index - 1, to - this.#base.index);
  }

  append(entries: readonly LogEntry[]): void {
    for (const entry of entries) this.#entries.push(entry);
  }

  compact(index: number): void {
    const base = { index, term: this.termAt(index)! };
    this.#entries = this.#entries.slice(index - this.#base.index);
    this.#base = base;
  }
}

class Node {
  readonly log = new ListLog();
  readonly core: RaftCore;
  #applied = 0;

  constructor(number: number) {
    this.core = new RaftCore({
      id: id(number),
      options: raftOptions({}),
      rng: new SeededRng(number),
      log: this.log,
      hardState: HARD_STATE_START,
      applied: LOG_START,
      membership,
      nowMs: 0,
    });
  }

  /** Does what is ready, as the shell does, with a disk that costs nothing. */
  drain(nowMs: number): Envelope[] {
    const sent: Envelope[] = [];
    while (this.core.hasReady) {
      const { write, messages, committed } = this.core.takeReady();
      if (write !== undefined) {
        this.log.append(write.entries);
        this.core.stored(write.seq, nowMs);
      }
      sent.push(...messages);
      const last = committed.at(-1);
      if (last !== undefined) this.core.applied(last.index);
      this.#applied += committed.length;
    }
    if (this.#applied > 20_000) {
      this.#applied = 0;
      this.log.compact(this.core.status().appliedIndex - 1_000);
    }
    return sent;
  }
}

function exchange(nodes: ReadonlyMap<string, Node>, nowMs: number): void {
  for (let moved = true; moved; ) {
    moved = false;
    for (const [from, node] of nodes) {
      for (const { to, message } of node.drain(nowMs)) {
        nodes.get(to)!.core.step(from, message, nowMs);
        moved = true;
      }
    }
  }
}

function raftRound(): { cpuUs: number; wallMs: number } {
  const nodes = new Map([1, 2, 3].map((number) => [id(number), new Node(number)]));
  let nowMs = 0;
  const leading = (): Node | undefined => [...nodes.values()].find(({ core }) => core.status().role === "leader");
  for (; leading() === undefined; nowMs += 10) {
    for (const node of nodes.values()) if (node.core.deadlineMs <= nowMs) node.core.tick(nowMs);
    exchange(nodes, nowMs);
  }
  const { core } = leading()!;
  const payload = new Uint8Array(PAYLOAD_BYTES);
  return measure(() => {
    for (let proposed = 0; proposed < PROPOSALS; proposed += BATCH) {
      for (let i = 0; i < BATCH; i++) core.propose(payload);
      exchange(nodes, nowMs);
    }
    if (core.status().commitIndex < PROPOSALS) throw new Error("not everything was committed");
  });
}

function plainRound(): { cpuUs: number; wallMs: number } {
  const payload = "x".repeat(PAYLOAD_BYTES);
  const list: string[] = [];
  return measure(() => {
    for (let index = 0; index < PROPOSALS; index++) list.push(JSON.stringify({ index, term: 1, payload }));
  });
}

function measure(run: () => void): { cpuUs: number; wallMs: number } {
  const cpu = process.cpuUsage();
  const began = performance.now();
  run();
  const { user, system } = process.cpuUsage(cpu);
  return { cpuUs: user + system, wallMs: performance.now() - began };
}

const median = (numbers: readonly number[]): number => [...numbers].sort((a, b) => a - b)[numbers.length >> 1]!;

raftRound();
plainRound();
const raft = [];
const plain = [];
for (let round = 0; round < ROUNDS; round++) {
  raft.push(raftRound());
  plain.push(plainRound());
}
const raftUs = median(raft.map(({ cpuUs }) => cpuUs)) / PROPOSALS;
const plainUs = median(plain.map(({ cpuUs }) => cpuUs)) / PROPOSALS;
const rate = (PROPOSALS / median(raft.map(({ wallMs }) => wallMs))) * 1_000;
console.log(`${PROPOSALS} proposals of ${PAYLOAD_BYTES} bytes in batches of ${BATCH}, median of ${ROUNDS} rounds`);
console.log(`three cores in one process   ${Math.round(rate).toLocaleString("en")} proposals/s`);
console.log(`CPU per proposal             ${raftUs.toFixed(2)} us over all three`);
console.log(`JSON and an array push       ${plainUs.toFixed(2)} us`);
console.log(`ratio                        ${(raftUs / plainUs).toFixed(2)}`);
