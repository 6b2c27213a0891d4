import { setImmediate as turn } from "node:timers/promises";
import { DisterError, type Member, type NodeInfo, type PeerAddress, type PeerRpc, type Transport } from "@dister/types";
import { ManualClock } from "@dister/types/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { MemberAddresses } from "./member-addresses.ts";
import { PeerDirectory } from "./peer-directory.ts";
import type { Self } from "./self.ts";

const SELF = "00000000000000AA";
const B = "00000000000000BB";
const C = "00000000000000CC";
const PORTS = { raft: 4166, repl: 4167, api: 4168 };

const infoOf = (id: string, ip: string): NodeInfo => ({
  ...{ name: "b", group: "g", id, ip, status: 1, role: 0, raft: 0, logid: 0, serviceid: 0, version: "0" },
  ...{ ports: PORTS, cluster: "", stateVersion: 1, boot: "B" },
});
const memberAt = (id: string, host: string, ports = PORTS): Member => {
  return { id, name: "b", role: 0, voter: true, address: { host, ports } };
};

let clock: ManualClock;
let directory: PeerDirectory;
let addresses: MemberAddresses;
/** Who answers a hello at a host. */
let answering: Map<string, string>;
let hellos: string[];
/** Where others see this node. */
let seenBy: Map<string, string>;
let ownIp: string;

beforeEach(() => {
  clock = new ManualClock();
  answering = new Map();
  hellos = [];
  seenBy = new Map();
  ownIp = "";
  const set = new Map<string, PeerAddress>();
  const transport = {
    setPeer: (id: string, address: PeerAddress) => void set.set(id, address),
    isUp: (id: string) => answering.get(set.get(id)?.host ?? "") === id,
  } satisfies Partial<Transport>;
  const rpc: PeerRpc = {
    serve: () => {},
    call: (to) => Promise.resolve(new TextEncoder().encode(JSON.stringify({ host: seenBy.get(to) ?? "" }))),
    hello: ({ host }) => {
      hellos.push(host);
      const id = answering.get(host);
      if (id === undefined) return Promise.reject(new DisterError("DISTER_ERR_PEER_UNREACHABLE", { peer: host }));
      return Promise.resolve(infoOf(id, host));
    },
    ports: () => ({ raft: PORTS.raft, repl: PORTS.repl }),
  };
  const self = { id: SELF, info: () => infoOf(SELF, ownIp) } as Self;
  directory = new PeerDirectory({
    self: SELF,
    transport: transport as Transport,
    others: { take: () => false },
    clock,
  });
  addresses = new MemberAddresses({ self, directory, rpc, clock });
});

/** The correction when the answer to whatever was asked is there. */
async function settled(member: Member): Promise<PeerAddress | null> {
  addresses.correction(member);
  for (let i = 0; i < 5; i++) await turn();
  return addresses.correction(member);
}

const met = (id: string, host: string): void => directory.heard(infoOf(id, host), { host, named: false });

describe("the address of a member in the log", () => {
  it("stays while the member is not connected, wherever it was heard", async () => {
    met(B, "10.0.0.9");
    expect(await settled(memberAt(B, "10.0.0.2"))).toBeNull();
    expect(hellos).toEqual([]);
  });

  it("stays when it works as well as the one in use, so that two leaders that see a node differently leave it", async () => {
    answering.set("10.0.0.2", B).set("192.168.0.2", B);
    met(B, "192.168.0.2");
    const member = memberAt(B, "10.0.0.2");
    for (let i = 0; i < 100; i++) {
      expect(await settled(member)).toBeNull();
      clock.advance(10_000);
    }
    expect(hellos.length).toBeLessThanOrEqual(1_000 / 60 + 1);
  });

  it("follows when nobody answers there any more, or another node does, and the member is connected elsewhere", async () => {
    answering.set("10.0.0.9", B);
    met(B, "10.0.0.9");
    const right = { host: "10.0.0.9", ports: PORTS };
    expect(await settled(memberAt(B, "10.0.0.2"))).toEqual(right);
    expect(await settled(memberAt(B, "10.0.0.9"))).toBeNull();
    answering.set("10.0.0.3", C);
    expect(await settled(memberAt(B, "10.0.0.3"))).toEqual(right);
  });

  it("is the one that the member names, without asking, and that one stays wherever it is reached", async () => {
    answering.set("192.168.0.2", B);
    directory.heard(infoOf(B, "node-b"), { host: "192.168.0.2", named: true });
    clock.advance(2_000);
    directory.look();
    expect(directory.get(B)?.address.host).toBe("192.168.0.2");
    expect(await settled(memberAt(B, "10.0.0.2"))).toEqual({ host: "node-b", ports: PORTS });
    expect(await settled(memberAt(B, "node-b"))).toBeNull();
    expect(hellos).toEqual([]);
  });

  it("takes the ports from the member's own word", async () => {
    answering.set("10.0.0.2", B);
    met(B, "10.0.0.2");
    const old = { raft: 1, repl: 2, api: 3 };
    expect(await settled(memberAt(B, "10.0.0.2", old))).toEqual({ host: "10.0.0.2", ports: PORTS });
  });
});

describe("the leader's own address in the log", () => {
  it("is the one that it names", async () => {
    ownIp = "10.0.0.1";
    expect(await settled(memberAt(SELF, "127.0.0.1"))).toEqual({ host: "10.0.0.1", ports: PORTS });
    expect(await settled(memberAt(SELF, "10.0.0.1"))).toBeNull();
  });

  it("is otherwise where most of the others reach it, when none of them reaches it where the log says", async () => {
    for (const [id, host] of [
      [B, "10.0.0.2"],
      [C, "10.0.0.3"],
    ] as const) {
      answering.set(host, id);
      met(id, host);
      seenBy.set(id, "10.0.0.1");
    }
    expect(await settled(memberAt(SELF, "127.0.0.1"))).toEqual({ host: "10.0.0.1", ports: PORTS });
  });

  it("stays while one of them reaches it there, or nobody can say", async () => {
    const member = memberAt(SELF, "127.0.0.1");
    expect(await settled(member)).toBeNull();
    answering.set("10.0.0.2", B).set("10.0.0.3", C);
    met(B, "10.0.0.2");
    met(C, "10.0.0.3");
    seenBy.set(B, "10.0.0.1").set(C, "127.0.0.1");
    clock.advance(61_000);
    expect(await settled(member)).toBeNull();
  });
});
