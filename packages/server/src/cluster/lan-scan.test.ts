import { setImmediate as turn } from "node:timers/promises";
import { type Logger, NO_LOGGER } from "@dister/types";
import { ManualClock } from "@dister/types/testing";
import { beforeEach, describe, expect, it } from "vitest";
import type { InterfaceAddress } from "./host-network.ts";
import { LanScan } from "./lan-scan.ts";

let clock: ManualClock;
let interfaces: InterfaceAddress[];
let said: string[];
let asked: { host: string; atMs: number }[];
let connected: Set<string>;
/** How long an address really takes to be given up. */
let givenUpMs: (timeoutMs: number) => number;
let scan: LanScan;

beforeEach(() => {
  clock = new ManualClock();
  interfaces = [{ address: "10.0.0.1", prefixLength: 24, internal: false }];
  said = [];
  asked = [];
  connected = new Set();
  givenUpMs = (timeoutMs) => timeoutMs;
  const say = (message: string, fields?: object): void => {
    said.push(fields === undefined ? message : `${message} ${JSON.stringify(fields)}`);
  };
  const logger: Logger = { ...NO_LOGGER, info: say, warn: say };
  scan = new LanScan({
    network: { interfaces: () => interfaces },
    clock,
    logger,
    // Nobody is there: it takes all the time that it may.
    hello: (host, timeoutMs) => {
      asked.push({ host, atMs: clock.nowMs() });
      return new Promise((_resolve, reject) => {
        clock.setTimer(givenUpMs(timeoutMs), () => {
          reject(new Error("nobody answers"));
        });
      });
    },
    isConnected: (host) => connected.has(host),
  });
});

async function wait(forMs: number): Promise<void> {
  for (let ms = 0; ms < forMs; ms += 20) {
    clock.advance(20);
    await turn();
  }
}

describe("a scan of the local network", () => {
  it("asks every address once in some seconds, and has then finished once", async () => {
    scan.start();
    await wait(4_000);
    expect(scan.finishedOnce).toBe(false);
    await wait(4_000);
    expect(scan.finishedOnce).toBe(true);
    expect(asked).toHaveLength(253);
    expect(new Set(asked.map(({ host }) => host)).size).toBe(253);
    expect(said).toEqual(['looking for nodes of the group on the local network {"networks":"10.0.0.0/24"}']);
  });

  it("has no more than 64 under way where a machine is late to give them up", async () => {
    givenUpMs = () => 60_000;
    scan.start();
    await wait(30_000);
    expect(asked).toHaveLength(64);
  });

  it("goes on slowly: a rest of a minute, then five addresses a second", async () => {
    scan.start();
    await wait(8_000);
    await wait(54_000);
    expect(asked).toHaveLength(253);
    const startMs = clock.nowMs();
    await wait(30_000);
    const later = asked.filter(({ atMs }) => atMs > startMs);
    expect(later.length).toBeGreaterThan(80);
    expect(later.length).toBeLessThanOrEqual(151);
  });

  it("asks nobody any more when it is stopped, in the middle of a round or between two", async () => {
    scan.start();
    await wait(1_000);
    const before = asked.length;
    scan.stop();
    await wait(200_000);
    expect(asked).toHaveLength(before);
    expect(clock.pending).toBe(0);
  });

  it("leaves out who is connected already", async () => {
    connected.add("10.0.0.7");
    scan.start();
    await wait(8_000);
    expect(asked.map(({ host }) => host)).not.toContain("10.0.0.7");
  });

  it("says once when there is no network to look at, and finds one that comes later", async () => {
    interfaces = [{ address: "127.0.0.1", prefixLength: 8, internal: true }];
    scan.start();
    await wait(130_000);
    expect(scan.finishedOnce).toBe(true);
    expect(said).toEqual(["Scan finds no private IPv4 network on this machine: name the others in Peers"]);
    interfaces = [{ address: "10.0.0.1", prefixLength: 30, internal: false }];
    await wait(62_000);
    expect(asked.map(({ host }) => host)).toEqual(["10.0.0.2"]);
  });

  it("looks at sixteen networks at most, and says that it leaves out others", async () => {
    interfaces = Array.from({ length: 20 }, (_, i) => ({ address: `10.0.${i}.1`, prefixLength: 30, internal: false }));
    scan.start();
    await wait(3_000);
    expect(asked).toHaveLength(16);
    expect(said.at(-1)).toBe(
      'Scan leaves out networks, because there are too many: name nodes there in Peers {"found":20,"allowed":16}',
    );
  });
});
