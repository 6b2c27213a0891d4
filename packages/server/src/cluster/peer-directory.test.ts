import type { Member, NodeInfo, PeerAddress, Transport } from "@dister/types";
import { ManualClock } from "@dister/types/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { PeerDirectory } from "./peer-directory.ts";

const SELF = "00000000000000AA";
const B = "00000000000000BB";
const PORTS = { raft: 4166, repl: 4167, api: 4168 };

const infoOf = (ip: string, more: Partial<NodeInfo> = {}): NodeInfo => ({
  ...{ name: "b", group: "g", id: B, ip, status: 1, role: 0, raft: 0, logid: 0, serviceid: 0, version: "0" },
  ...{ ports: PORTS, cluster: "", stateVersion: 1, boot: "B", ...more },
});

let clock: ManualClock;
let directory: PeerDirectory;
/** Hosts at which a connection can be made. */
let reachable: Set<string>;
let set: Map<string, PeerAddress>;
let moves: string[];

beforeEach(() => {
  clock = new ManualClock();
  reachable = new Set();
  set = new Map();
  moves = [];
  const transport: Transport = {
    bind: () => {},
    setPeer: (id, address) => {
      if (set.get(id)?.host !== address.host) moves.push(address.host);
      set.set(id, address);
    },
    removePeer: (id) => void set.delete(id),
    isUp: (id) => reachable.has(set.get(id)?.host ?? ""),
    send: () => {},
    sendSnapshot: () => Promise.reject(new Error("none here")),
    close: () => Promise.resolve(),
  };
  directory = new PeerDirectory({ self: SELF, transport, others: { take: () => false }, clock });
});

function wait(forMs: number): void {
  for (let ms = 0; ms < forMs; ms += 100) {
    clock.advance(100);
    directory.look();
  }
}

describe("the directory of peers", () => {
  it("connects to the address that a node names, and to where it was seen when that one does not work", () => {
    directory.heard(infoOf("10.0.0.2"), { host: "192.168.0.2", named: true });
    expect(set.get(B)?.host).toBe("10.0.0.2");
    reachable.add("192.168.0.2");
    wait(2_000);
    expect(directory.isUp(B)).toBe(true);
    expect(directory.get(B)).toMatchObject({ named: "10.0.0.2", address: { host: "192.168.0.2" } });
  });

  it("does not take the address where it met a node for one that the node names", () => {
    directory.heard(infoOf("192.168.0.2"), { host: "192.168.0.2", named: false });
    expect(directory.get(B)).toMatchObject({ named: "", info: { ip: "192.168.0.2" } });
  });

  it("never moves a connection that works, wherever else the node is seen", () => {
    reachable.add("10.0.0.2").add("192.168.0.2");
    directory.heard(infoOf("10.0.0.2"), { host: "10.0.0.2", named: false });
    for (let i = 0; i < 50; i++) {
      directory.heard(infoOf("192.168.0.2"), { host: "192.168.0.2", named: false });
      directory.heardOf(infoOf("172.16.0.2"));
      wait(1_000);
    }
    expect(moves).toEqual(["10.0.0.2"]);
  });

  it("does not move it either when the node says that it listens at other ports, until it breaks", () => {
    reachable.add("10.0.0.2");
    directory.heard(infoOf("10.0.0.2"), { host: "10.0.0.2", named: false });
    const ports = { raft: 5166, repl: 5167, api: 5168 };
    directory.heard(infoOf("10.0.0.2", { ports }), { host: "10.0.0.2", named: false });
    wait(1_000);
    expect(set.get(B)?.ports).toEqual(PORTS);
    reachable.clear();
    wait(100);
    expect(set.get(B)?.ports).toEqual(ports);
  });

  it("finds a node again that has another address, when the old connection is noticed to be dead", () => {
    reachable.add("10.0.0.2");
    directory.heard(infoOf("10.0.0.2"), { host: "10.0.0.2", named: false });
    // It has moved and says so, while the old connection still looks alive.
    directory.heard(infoOf("10.0.0.9"), { host: "10.0.0.9", named: false });
    expect(set.get(B)?.host).toBe("10.0.0.2");
    reachable = new Set(["10.0.0.9"]);
    wait(1_200);
    expect(directory.get(B)?.address.host).toBe("10.0.0.9");
  });

  it("tries what the log says of a member that it never heard, and believes the node's own word about its ports", () => {
    const member: Member = { id: B, name: "b", role: 0, voter: true, address: { host: "10.0.0.2", ports: PORTS } };
    directory.isMember(member);
    expect(set.get(B)).toEqual(member.address);
    expect(directory.get(B)).toBeUndefined();
    const ports = { raft: 5166, repl: 5167, api: 5168 };
    directory.heard(infoOf("10.0.0.2", { ports }), { host: "10.0.0.2", named: false });
    directory.isMember(member);
    expect(set.get(B)?.ports).toEqual(ports);
  });

  it("takes the word of others as one more address to try, never over what the node says itself", () => {
    directory.heard(infoOf("10.0.0.2", { name: "now" }), { host: "10.0.0.2", named: true });
    directory.heardOf(infoOf("10.0.0.7", { name: "once" }));
    expect(directory.get(B)).toMatchObject({ info: { name: "now" }, named: "10.0.0.2", address: { host: "10.0.0.2" } });
    reachable.add("10.0.0.7");
    wait(2_000);
    expect(directory.isUp(B)).toBe(true);
  });

  it("knows neither itself nor a node without any address", () => {
    directory.heard({ ...infoOf("10.0.0.1"), id: SELF }, { host: "10.0.0.1", named: true });
    directory.heardOf({ ...infoOf("10.0.0.1"), id: SELF });
    directory.heardOf(infoOf(""));
    expect(set.size).toBe(0);
    expect(directory.all()).toEqual([]);
  });

  it("forgets a node that was gone for ten minutes, unless it is a member or somebody still tells of it", () => {
    const member: Member = { id: B, name: "b", role: 0, voter: true, address: { host: "10.0.0.2", ports: PORTS } };
    directory.isMember(member);
    const [gone, told] = ["00000000000000CC", "00000000000000DD"];
    directory.heardOf({ ...infoOf("10.0.0.3"), id: gone });
    for (let minute = 0; minute < 15; minute++) {
      directory.heardOf({ ...infoOf("10.0.0.4"), id: told });
      wait(60_000);
    }
    expect([...set.keys()].sort()).toEqual([B, told]);
  });

  it("forgets a node with all its addresses", () => {
    directory.heard(infoOf("10.0.0.2"), { host: "10.0.0.3", named: true });
    directory.forget(B);
    wait(5_000);
    expect(set.size).toBe(0);
  });
});
