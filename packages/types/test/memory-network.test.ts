import type { NodeInfo, RaftMessage, TransportReceiver } from "@dister/types";
import {
  type PeerLab,
  type PeerNode,
  peerRpcConformance,
  type Trial,
  transportConformance,
} from "@dister/types/conformance";
import { ManualClock, MemoryNetwork, SeededRng } from "@dister/types/testing";
import { expect, test } from "vitest";

function lab(seed: number): PeerLab {
  const clock = new ManualClock();
  const network = new MemoryNetwork({ clock, rng: new SeededRng(seed) }, { delayMsMax: 5 });
  let nextPort = 1;
  return {
    start(id, { address, group = "g", cluster = "" } = {}) {
      const ports = address?.ports ?? { raft: nextPort++, repl: nextPort++, api: nextPort++ };
      const member = network.join(() => info(id, { group, cluster, ports }));
      const node: PeerNode = {
        id,
        address: member.address(),
        transport: member,
        rpc: member,
        stop: () => member.close(),
      };
      return Promise.resolve(node);
    },
    async until(condition, what) {
      for (let step = 0; step < 20_000; step++) {
        if (condition()) return;
        clock.advance(1);
        await new Promise((resolve) => setImmediate(resolve));
      }
      throw new Error(`did not come about: ${what}`);
    },
  };
}

function info(id: string, rest: Pick<NodeInfo, "group" | "cluster" | "ports">): NodeInfo {
  return {
    name: id,
    id,
    ip: "10.0.0.1",
    status: 1,
    role: 0,
    raft: 0,
    logid: 0,
    serviceid: 0,
    version: "t",
    stateVersion: 1,
    boot: id,
    ...rest,
  };
}

const create = (): Promise<Trial<PeerLab>> => Promise.resolve({ subject: lab(7), cleanup: () => Promise.resolve() });
transportConformance({ test, create });
peerRpcConformance({ test, create });

const A = "00000000000000AA";
const B = "00000000000000BB";

function faulty(seed: number): string[] {
  const clock = new ManualClock();
  const network = new MemoryNetwork(
    { clock, rng: new SeededRng(seed) },
    { delayMsMax: 40, dropRate: 0.2, doubleRate: 0.2 },
  );
  const trace: string[] = [];
  const members = [A, B].map((id, at) => {
    const member = network.join(() => info(id, { group: "g", cluster: "", ports: { raft: at + 1, repl: 0, api: 0 } }));
    const receiver: TransportReceiver = {
      message: (from, message) => trace.push(`${clock.nowMs()} ${from}>${id} ${JSON.stringify(message)}`),
      peerUp: (peer) => trace.push(`${clock.nowMs()} ${id} up ${peer}`),
      peerDown: (peer) => trace.push(`${clock.nowMs()} ${id} down ${peer}`),
      snapshot: () => Promise.reject(new Error("none")),
    };
    member.bind(receiver);
    return member;
  });
  members[0]!.setPeer(B, members[1]!.address());
  members[1]!.setPeer(A, members[0]!.address());
  for (let round = 1; round <= 200; round++) {
    const beat: RaftMessage = { type: "heartbeat", term: 1, commit: 0, round };
    members[0]!.send(B, [beat]);
    members[1]!.send(A, [beat]);
    if (round === 50) network.cut(A, B);
    if (round === 90) network.heal(A, B);
    if (round === 120) network.reset(A, B);
    clock.advance(10);
  }
  return trace;
}

test("the same seed gives the same run, another seed another", () => {
  expect(faulty(1)).toEqual(faulty(1));
  expect(faulty(1)).not.toEqual(faulty(2));
});

test("a cut is silent and one way; a reset is told to both", () => {
  const trace = faulty(3);
  const arrived = (from: string) =>
    trace.filter((line) => line.includes(`${from}>`) && +line.split(" ")[0]! > 600 && +line.split(" ")[0]! < 900);
  expect(arrived(A)).toEqual([]);
  expect(arrived(B).length).toBeGreaterThan(10);
  expect(trace.filter((line) => line.includes("down")).length).toBe(2);
  expect(trace.filter((line) => line.includes("up")).length).toBe(4);
});

test("messages are lost and doubled at the rates that were set, and never reordered on one port", () => {
  const rounds = faulty(4)
    .filter((line) => line.includes(`${B}>`))
    .map((line) => (JSON.parse(line.slice(line.indexOf("{"))) as { round: number }).round);
  expect(rounds.length).not.toBe(new Set(rounds).size);
  expect(new Set(rounds).size).toBeLessThan(200);
  expect([...rounds].sort((a, b) => a - b)).toEqual(rounds);
});

test("a member that vanished is noticed only by who sends to it", () => {
  const clock = new ManualClock();
  const network = new MemoryNetwork({ clock, rng: new SeededRng(1) });
  const [a, b] = [A, B].map((id, at) =>
    network.join(() => info(id, { group: "g", cluster: "", ports: { raft: at + 1, repl: 0, api: 0 } })),
  ) as [ReturnType<MemoryNetwork["join"]>, ReturnType<MemoryNetwork["join"]>];
  a.setPeer(B, b.address());
  clock.advance(100);
  b.vanish();
  clock.advance(1_000);
  expect(a.isUp(B)).toBe(true);
  a.send(B, [{ type: "stand", term: 1 }]);
  clock.advance(10);
  expect(a.isUp(B)).toBe(false);
});
