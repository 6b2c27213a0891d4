import { DisterError, type LogId, type Service, STATUS } from "@dister/types";
import { serviceOf } from "@dister/types/testing";
import { beforeEach, describe, expect, it } from "vitest";
import type { ServiceReply } from "../client-desk/calls.ts";
import { ClientReads } from "./client-reads.ts";
import { KeyCache } from "./key-cache.ts";
import { Registry } from "./registry.ts";
import type { Servers } from "./servers.ts";

function web(mode: "active" | "draining", modifyIndex: number): Service {
  const node = [{ id: "a", host: "h", port: 1 }];
  return serviceOf({ name: "web", type: "tcp", node }, { status: STATUS.alive, checked: true, mode, modifyIndex });
}

/** A client node that has heard everything up to a log id, and a server whose answer is held. */
class Bench {
  readonly follower: { throughLogId: LogId; following: string | null; ageMs: number; isFresh: boolean };
  readonly registry = new Registry();
  readonly answer = Promise.withResolvers<ServiceReply>();
  readonly reads: ClientReads;

  constructor(throughLogId: LogId) {
    this.follower = { throughLogId, following: "server", ageMs: 3, isFresh: true };
    this.registry.load([web("active", 1)]);
    const servers = { holdMs: 1_000, ask: () => this.answer.promise } as Partial<Servers> as Servers;
    const tally = { hit: () => undefined, miss: () => undefined };
    const { follower, registry } = this;
    this.reads = new ClientReads({ servers, follower, cache: new KeyCache(0), registry, tally });
    // It has written: until it has heard of that, a server is asked.
    this.reads.wroteServices(20_000);
  }

  hears(service: Service, throughLogId: LogId): void {
    this.registry.set("web", service);
    this.follower.throughLogId = throughLogId;
  }
}

describe("a local read of services that a server has to answer", () => {
  const modeOf = async (read: Promise<{ value: Service | undefined }>) => (await read).value?.node[0]?.mode;

  it("is answered with what was heard meanwhile, where that is newer", async () => {
    const bench = new Bench(10_000);
    const read = bench.reads.service("web", "local");
    bench.hears(web("draining", 3), 30_000);
    bench.answer.resolve({ service: web("active", 1), logId: 20_000 });
    expect(await modeOf(read)).toBe("draining");
    expect((await read).logId).toBe(30_000);
  });

  it("is the server's answer, where that is newer, or where a linearizable one was asked for", async () => {
    for (const [consistency, heardLogId] of [
      ["local", 15_000],
      ["linearizable", 90_000],
    ] as const) {
      const bench = new Bench(10_000);
      const read = bench.reads.service("web", consistency);
      bench.hears(web("active", 1), heardLogId);
      bench.answer.resolve({ service: web("draining", 3), logId: 30_000 });
      expect(await modeOf(read)).toBe("draining");
    }
  });
});

const named = (id: string): Service => serviceOf({ name: "web", type: "tcp", node: [{ id, host: "h", port: 1 }] });
const KEPT = named("kept");
const ASKED = named("asked");

describe("a local read of services at a client node", () => {
  let follower: { throughLogId: number; following: string | null; ageMs: number | null; isFresh: boolean };
  let server: () => Promise<unknown>;
  let reads: ClientReads;

  beforeEach(() => {
    follower = { throughLogId: 10, following: "S", ageMs: 5, isFresh: true };
    server = () => Promise.resolve({ service: ASKED, logId: 20 });
    const registry = new Registry();
    registry.load([KEPT]);
    reads = new ClientReads({
      servers: { ask: async <_Q, A>(): Promise<A> => (await server()) as A, holdMs: 4_000 },
      follower,
      cache: new KeyCache(0),
      registry,
      tally: { hit: () => undefined, miss: () => undefined },
    });
  });

  it("is answered from the registry while it misses nothing", async () => {
    expect(await reads.service("web", "local")).toEqual({ value: KEPT, logId: 10 });
  });

  it("is a server's, while this node may have missed something: it was stopped, or has written since", async () => {
    follower.isFresh = false;
    expect(await reads.service("web", "local")).toEqual({ value: ASKED, logId: 20 });
    follower.isFresh = true;
    reads.wroteServices(30);
    expect(await reads.service("web", "local")).toEqual({ value: ASKED, logId: 20 });
  });

  it("is said to be old, when no server answers to make good what may be missing", async () => {
    server = () => Promise.reject(new DisterError("DISTER_ERR_NO_SERVER", { reason: "none answers" }));
    const old = { value: KEPT, logId: 10, marks: { stale: true, ageMs: 5, logid: 10 } };
    reads.wroteServices(30);
    expect(await reads.service("web", "local")).toEqual(old);
    follower.isFresh = false;
    expect(await reads.service("web", "local")).toEqual(old);
    follower.following = null;
    expect(await reads.service("web", "local")).toEqual(old);
  });
});
