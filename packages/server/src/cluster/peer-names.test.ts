import { setImmediate as turn } from "node:timers/promises";
import { type Logger, NO_LOGGER } from "@dister/types";
import { ManualClock } from "@dister/types/testing";
import { beforeEach, describe, expect, it } from "vitest";
import type { HelloAddress } from "./peer-address.ts";
import { PeerNames } from "./peer-names.ts";

let clock: ManualClock;
let dns: Map<string, readonly string[] | "hangs">;
let lookups: string[];
let warnings: string[];

beforeEach(() => {
  clock = new ManualClock();
  dns = new Map();
  lookups = [];
  warnings = [];
});

function namesOf(...peers: HelloAddress[]): PeerNames {
  const logger: Logger = { ...NO_LOGGER, warn: (_message, fields) => warnings.push(String(fields?.["name"])) };
  const lookup = (name: string): Promise<readonly string[]> => {
    lookups.push(name);
    const found = dns.get(name);
    if (found === "hangs") return new Promise(() => {});
    return found === undefined ? Promise.reject(new Error("ENOTFOUND")) : Promise.resolve(found);
  };
  return new PeerNames({ network: { lookup }, clock, logger }, peers);
}

const peer = (host: string, raftPort = 4166): HelloAddress => ({ host, raftPort });

async function wait(names: PeerNames, forMs: number, isSettled = false): Promise<void> {
  for (let ms = 0; ms < forMs; ms += 100) {
    names.look(() => isSettled);
    await turn();
    clock.advance(100);
  }
}

describe("the addresses of the configured peers", () => {
  it("are an address itself, of either family, without asking anybody", async () => {
    const names = namesOf(peer("10.0.0.1"), peer("fe80::1%eth0", 5_000), peer("::1"));
    expect(names.lookedUp).toBe(true);
    await wait(names, 5_000);
    expect(names.addresses()).toEqual([peer("10.0.0.1"), peer("fe80::1%eth0", 5_000), peer("::1")]);
    expect(lookups).toEqual([]);
  });

  it("are all addresses of a name, each once, with the port of the name", async () => {
    dns.set("nodes", ["10.0.0.2", "10.0.0.1", "2001:db8::1"]);
    const names = namesOf(peer("nodes", 5_000), peer("10.0.0.1", 5_000));
    expect(names.lookedUp).toBe(false);
    await wait(names, 100);
    expect(names.lookedUp).toBe(true);
    expect(names.addresses()).toEqual([peer("10.0.0.1", 5_000), peer("10.0.0.2", 5_000), peer("2001:db8::1", 5_000)]);
  });

  it("follow a change in the DNS, and keep what was found last while nothing is found", async () => {
    dns.set("nodes", ["10.0.0.1"]);
    const names = namesOf(peer("nodes"));
    await wait(names, 60_000);
    dns.set("nodes", ["10.0.0.9"]);
    await wait(names, 31_000);
    expect(names.addresses()).toEqual([peer("10.0.0.9")]);
    dns.delete("nodes");
    await wait(names, 60_000);
    expect(names.addresses()).toEqual([peer("10.0.0.9")]);
  });

  it("are asked for ever less often while nothing changes, and never where nothing new is to be found", async () => {
    dns.set("nodes", ["10.0.0.1"]);
    const names = namesOf(peer("nodes"));
    await wait(names, 300_000);
    expect(lookups.length).toBeGreaterThan(8);
    expect(lookups.length).toBeLessThan(20);
    const before = lookups.length;
    await wait(names, 300_000, true);
    expect(lookups.length - before).toBe(0);
  });

  it("that a name has not are told once, in one sentence, and again only after it had some", async () => {
    const names = namesOf(peer("db9"), peer("10.0.0.1"));
    await wait(names, 120_000);
    expect(warnings).toEqual(["db9"]);
    expect(names.addresses()).toEqual([peer("10.0.0.1")]);
    dns.set("db9", ["10.0.0.9"]);
    await wait(names, 31_000);
    expect(names.addresses()).toContainEqual(peer("10.0.0.9"));
    dns.set("db9", []);
    await wait(names, 61_000);
    expect(warnings).toHaveLength(2);
  });

  it("of one name do not wait for a resolver that does not answer for another", async () => {
    dns.set("slow", "hangs");
    dns.set("fast", ["10.0.0.1"]);
    const names = namesOf(peer("slow"), peer("fast"));
    await wait(names, 60_000);
    expect(names.addresses()).toEqual([peer("10.0.0.1")]);
    expect(names.lookedUp).toBe(false);
    expect(lookups.filter((name) => name === "slow")).toHaveLength(1);
  });

  it("are bounded, however many a name has", async () => {
    dns.set(
      "many",
      Array.from({ length: 5_000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`),
    );
    const names = namesOf(peer("many"));
    await wait(names, 100);
    expect(names.addresses()).toHaveLength(64);
  });
});
