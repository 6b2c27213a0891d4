import { setImmediate as turn } from "node:timers/promises";
import { DisterError, NO_LOGGER, type NodeInfo, type PeerAddress, type PeerRpc, type Transport } from "@dister/types";
import { ManualClock } from "@dister/types/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { Discovery } from "./discovery.ts";
import type { HelloAddress } from "./peer-address.ts";
import { PeerDirectory } from "./peer-directory.ts";
import type { Self } from "./self.ts";

const SELF = "00000000000000AA";
const PORTS = { raft: 5_166, repl: 5_167, api: 5_168 };

const infoOf = (id: string, ip: string): NodeInfo => ({
  ...{ name: "b", group: "g", id, ip, status: 1, role: 0, raft: 0, logid: 0, serviceid: 0, version: "0" },
  ...{ ports: PORTS, cluster: "", stateVersion: 1, boot: "B" },
});

let clock: ManualClock;
let directory: PeerDirectory;
let cluster: string;
/** Who answers at `host:raftPort`. */
let there: Map<string, string>;
let asked: string[];
let names: Map<string, readonly string[]>;

beforeEach(() => {
  clock = new ManualClock();
  cluster = "";
  there = new Map();
  asked = [];
  names = new Map();
});

function discover(options: { peers?: HelloAddress[]; scan?: boolean; hasCluster?: () => boolean }): Discovery {
  const set = new Map<string, PeerAddress>();
  const transport = {
    setPeer: (id: string, address: PeerAddress) => void set.set(id, address),
    isUp: (id: string) => there.get(`${set.get(id)?.host}:${set.get(id)?.ports.raft}`) === id,
  } as Transport;
  const rpc: PeerRpc = {
    serve: () => {},
    call: () => Promise.reject(new Error("nobody is asked here")),
    hello: ({ host, raftPort }) => {
      asked.push(`${host}:${raftPort}`);
      const id = there.get(`${host}:${raftPort}`);
      if (id === undefined) return Promise.reject(new DisterError("DISTER_ERR_PEER_UNREACHABLE", { peer: host }));
      return Promise.resolve(infoOf(id, host));
    },
    ports: () => ({ raft: PORTS.raft, repl: PORTS.repl }),
  };
  const self = {
    id: SELF,
    get cluster() {
      return cluster;
    },
    info: () => infoOf(SELF, ""),
  } as Self;
  const network = {
    lookup: (name: string) => Promise.resolve(names.get(name) ?? []),
    interfaces: () => [{ address: "10.0.0.1", prefixLength: 28, internal: false }],
  };
  directory = new PeerDirectory({ self: SELF, transport, others: { take: () => false }, clock });
  const parts = { self, directory, rpc, network, clock, logger: NO_LOGGER };
  return new Discovery(parts, { peers: [], scan: false, ...options });
}

async function wait(forMs: number): Promise<void> {
  for (let ms = 0; ms < forMs; ms += 20) {
    clock.advance(20);
    await turn();
  }
}

describe("finding the others", () => {
  it("has searched once when every address of every name was tried, and not before", async () => {
    names.set("nodes", ["10.1.0.1", "10.1.0.2"]);
    there.set("10.1.0.2:4166", "B");
    const discovery = discover({ peers: [{ host: "nodes", raftPort: 4166 }] });
    expect(discovery.searchedOnce).toBe(false);
    discovery.start();
    await wait(400);
    expect(discovery.searchedOnce).toBe(true);
    expect(new Set(asked)).toEqual(new Set(["10.1.0.1:4166", "10.1.0.2:4166"]));
    expect(directory.all().map(({ info }) => info.id)).toEqual(["B"]);
    discovery.stop();
    await wait(100);
    expect(clock.pending).toBe(0);
  });

  it("sends nothing to anybody without peers and without a scan", async () => {
    const discovery = discover({});
    discovery.start();
    await wait(10_000);
    expect(discovery.searchedOnce).toBe(true);
    expect(asked).toEqual([]);
    discovery.stop();
  });

  it("by a scan asks the neighbours at the configured raft port, and has searched once when all had their time", async () => {
    there.set("10.0.0.9:5166", "B");
    const discovery = discover({ scan: true });
    discovery.start();
    expect(discovery.searchedOnce).toBe(false);
    await wait(1_500);
    expect(discovery.searchedOnce).toBe(true);
    expect(asked).toHaveLength(13);
    expect(asked.every((address) => /^10\.0\.0\.\d+:5166$/.test(address))).toBe(true);
    expect(directory.all().map(({ info }) => info.id)).toEqual(["B"]);
    discovery.stop();
  });

  it("by a scan ends for a node that is no member when it has found the cluster that it serves", async () => {
    let found = false;
    const discovery = discover({ scan: true, hasCluster: () => found });
    discovery.start();
    await wait(100);
    found = true;
    await wait(200);
    const before = asked.length;
    await wait(200_000);
    expect([before < 13, asked.length]).toEqual([true, before]);
    discovery.stop();
  });

  it("by a scan ends when the node belongs to a cluster, and does not begin when it did already", async () => {
    const discovery = discover({ scan: true });
    discovery.start();
    await wait(100);
    cluster = "C1";
    await wait(200);
    const before = asked.length;
    expect(before).toBeLessThan(13);
    await wait(200_000);
    expect(asked).toHaveLength(before);
    discovery.stop();
    const again = discover({ scan: true });
    again.start();
    await wait(10_000);
    expect(asked).toHaveLength(before);
    again.stop();
  });
});
