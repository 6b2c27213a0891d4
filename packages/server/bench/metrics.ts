/**
 * What measuring costs: writes through one RaftNode over parts in memory, observed and not, by turns in one run. Nothing
 * here waits for a disk or a network, so that the ratio is the worst there can be. Also the CPU time of the measuring
 * alone, per write.
 *
 *     node --conditions=@dister/source bench/metrics.ts [writes] [at the same time]
 */
import { RaftNode } from "@dister/raft";
import { decodeCommand, encodeCommand } from "@dister/store";
import { type CommandOutcome, type Member, membershipOf, NO_LOGGER } from "@dister/types";
import { systemClock as clock, systemRng as rng } from "@dister/types/system";
import { MemoryLogStore, MemoryNetwork, MemoryStateMachine, SeededRng } from "@dister/types/testing";
import { Metrics } from "../src/metrics/metrics.ts";
import { ClusterNews } from "../src/operating/cluster-news.ts";
import { MeasuredLog } from "../src/operating/measured-log.ts";

const WRITES = Number(process.argv[2] ?? 30_000);
const AT_ONCE = Number(process.argv[3] ?? 64);
const ROUNDS = 7;

const id = "0000000000000001";
const ports = { raft: 1, repl: 2, api: 3 };
const member: Member = { id, name: "n1", role: 0, voter: true, address: { host: "127.0.0.1", ports } };

function measuring(): { metrics: Metrics; news: ClusterNews } {
  const metrics = new Metrics({
    status: () => null,
    notReady: () => undefined,
    keyCount: () => 0,
    peersUp: () => 0,
    host: undefined,
    services: () => [],
    checks: () => null,
    latenciesMs: () => [],
  });
  const json = { call: () => Promise.reject(new Error("nobody is there")) };
  return { metrics, news: new ClusterNews({ self: id, clock, logger: NO_LOGGER, json, metrics }) };
}

function commandOf(number: number): Uint8Array {
  const command = { type: "kvSet", pairs: [[`k${number % 1_000}`, "v".repeat(100)]] } as const;
  return encodeCommand({ timeMs: 0, requestId: `r${number}`, command });
}

/** CPU time of a write through a node of its own, in microseconds: unlike its wall time, others on the machine disturb it little. */
async function wholeWriteMicros(observed: boolean): Promise<number> {
  const { metrics, news } = measuring();
  const network = new MemoryNetwork({ clock, rng: new SeededRng(1) });
  const fixed = { status: 1, role: 0, raft: 0, logid: 0, serviceid: 0, stateVersion: 1 } as const;
  const info = {
    ...fixed,
    name: "n1",
    group: "bench",
    id,
    ip: "127.0.0.1",
    version: "0",
    ports,
    cluster: "C",
    boot: "B",
  };
  const plain = new MemoryLogStore();
  const log = new MeasuredLog(plain, clock, ({ durationMs }) => metrics.stored(durationMs / 1_000));
  const node = await RaftNode.start<CommandOutcome>(
    {
      ...{ log: observed ? log : plain, stateMachine: new MemoryStateMachine(decodeCommand) },
      ...{ transport: network.join(() => info), clock, rng, logger: NO_LOGGER },
    },
    {
      ...{ id, foundingMembership: membershipOf([member]) },
      ...(observed ? { observer: news.observer, onStatus: (status) => news.statusChanged(status) } : {}),
    },
  );
  while (node.leader === null) await new Promise((resolve) => setImmediate(resolve));
  let next = 0;
  const client = async (): Promise<void> => {
    while (next < WRITES) await node.propose(commandOf(next++));
  };
  const cpu = process.cpuUsage();
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  const { user, system } = process.cpuUsage(cpu);
  await node.stop();
  metrics.stop();
  return (user + system) / WRITES;
}

/** CPU time of the measuring of one write that is committed alone, in microseconds. */
function measuringMicros(): number {
  const { metrics, news } = measuring();
  const { observer } = news;
  const cpu = process.cpuUsage();
  for (let index = 1; index <= 1_000_000; index++) {
    observer.proposed(index);
    metrics.stored(0.001);
    observer.committed(index);
    observer.applied(1, 0.1);
  }
  const { user, system } = process.cpuUsage(cpu);
  metrics.stop();
  return (user + system) / 1_000_000;
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

const micros: { on: number[]; off: number[] } = { on: [], off: [] };
for (let round = 0; round <= ROUNDS; round++) {
  const off = await wholeWriteMicros(false);
  const on = await wholeWriteMicros(true);
  if (round === 0) continue; // Warming up.
  micros.off.push(off);
  micros.on.push(on);
}
const [on, off] = [median(micros.on), median(micros.off)];
console.log(`${WRITES} writes, ${AT_ONCE} at the same time, medians of ${ROUNDS} rounds`);
console.log(
  `CPU per write: ${off.toFixed(1)} µs without measuring, ${on.toFixed(1)} with it, ratio ${(on / off).toFixed(3)}`,
);
console.log(`measuring alone: ${measuringMicros().toFixed(2)} µs`);
