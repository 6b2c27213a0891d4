import { type KvRecord, logIdIndex } from "@dister/types";
import { SeededRng } from "@dister/types/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MemoryCluster, request, type TestClient, type TestNode, until } from "./memory-cluster.ts";

let cluster: MemoryCluster;
beforeEach(() => {
  cluster = new MemoryCluster();
});
afterEach(() => cluster.close());

const KEYS = ["a", "b", "c", "d"];
const WRITERS = 3;
const READERS = 3;

/**
 * Writers set all keys in one entry, so that the index at which a key was last written tells the state that it belongs to.
 * Readers read locally through the client node. The state that a read shows may never be older than what any read has shown
 * that was over before, than what the client has written itself, or than what it had heard of when the read began.
 */
class Race {
  /** What was seen that may not be. */
  readonly wrong: string[] = [];
  reads = 0;
  cached = 0;
  readonly #servers: readonly TestNode[];
  readonly #client: TestClient;
  readonly #rng: SeededRng;
  /** Log ids of the writes that were acknowledged. */
  readonly #written: number[] = [];
  /** The newest index that was shown, or written by the client itself. */
  #floor = 0;
  #value = 0;
  #over = false;

  constructor(servers: readonly TestNode[], client: TestClient, seed: number) {
    this.#servers = servers;
    this.#client = client;
    this.#rng = new SeededRng(seed);
  }

  /** @param disturb - what happens while it runs; the race ends with it. */
  async run(disturb: () => Promise<void>): Promise<void> {
    const writers = Array.from({ length: WRITERS }, () => this.#write());
    const readers = Array.from({ length: READERS }, () => this.#read());
    await disturb();
    this.#over = true;
    await Promise.all([...writers, ...readers]);
  }

  /** Waits until so many more reads were answered from the cache, and by servers. */
  async more(count: number): Promise<void> {
    const [cached, asked] = [this.cached + count, this.reads - this.cached + count];
    await until(() => this.cached >= cached && this.reads - this.cached >= asked, "enough reads of both kinds");
  }

  async #write(): Promise<void> {
    while (!this.#over) {
      // One write in four goes through the client itself.
      const through = this.#rng.next() < 0.25 ? this.#client : this.#pick(this.#servers);
      const pairs = Object.fromEntries(KEYS.map((key) => [key, String(++this.#value)]));
      const reply = await request<{ logid: number }>(through, "POST", "/kv", pairs).catch(() => undefined);
      if (reply?.status === 200) {
        const { logid } = reply.body.data;
        this.#written.push(logid);
        if (through === this.#client) this.#floor = Math.max(this.#floor, logIdIndex(logid));
      }
      // A pause now and then, in which the cache comes to hold what is asked for.
      await new Promise((resolve) => setTimeout(resolve, 30 * this.#rng.next()));
    }
  }

  async #read(): Promise<void> {
    while (!this.#over) {
      const key = this.#pick(KEYS);
      const heard = this.#client.node.operations.view.appliedLogId;
      const least = Math.max(this.#floor, ...this.#written.filter((logId) => logId <= heard).map(logIdIndex));
      const path = `/kv?k=${key}&consistency=local&meta=1`;
      const reply = await request<KvRecord>(this.#client, "GET", path).catch(() => undefined);
      if (reply?.status !== 200) continue;
      const { cached } = reply.body;
      const index = reply.body.data.modifyIndex;
      this.reads++;
      if (cached === true) this.cached++;
      if (index < least) this.wrong.push(`${key} was of ${index} (${cached ? "cached" : "asked"}) after ${least}`);
      this.#floor = Math.max(this.#floor, index);
    }
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#rng.next() * from.length)]!;
  }
}

async function start(): Promise<{ servers: TestNode[]; client: TestClient }> {
  const servers = await cluster.found(3);
  await request(servers[0]!, "POST", "/kv", Object.fromEntries(KEYS.map((key) => [key, "0"])));
  const client = await cluster.startClient(9, { peers: [1, 2, 3] });
  await until(() => client.node.notReady === undefined);
  return { servers, client };
}

describe("local reads through a client node while everything is written", () => {
  it.each([1, 2, 3])("never go back and are never older than what was heard of (seed %i)", async (seed) => {
    const { servers, client } = await start();
    const race = new Race(servers, client, seed);
    await race.run(() => race.more(150));
    expect(race.wrong).toEqual([]);
  });

  it("nor while the followed server and the leader end and come back", async () => {
    const { servers, client } = await start();
    const race = new Race(servers, client, 4);
    await race.run(async () => {
      for (let round = 0; round < 3; round++) {
        await race.more(30);
        const { following } = client.node.operations.view.client;
        const followed = [...cluster.nodes.values()].find(({ id }) => id === following);
        const gone = (round === 1 ? cluster.leader : followed) ?? servers[0]!;
        await gone.kill();
        await race.more(30);
        const back = await cluster.start(gone.number, { minNode: 3, peers: [1, 2, 3] });
        await until(() => back.node.notReady === undefined);
      }
    });
    expect(race.wrong).toEqual([]);
  });

  it("are found out when the client misses the changes of one key: this check can fail", async () => {
    const { servers, client } = await start();
    loseChanges(servers, "b");
    const race = new Race(servers, client, 5);
    await race.run(() => until(() => race.wrong.length > 0, "a wrong read"));
    expect(race.wrong.join()).toMatch(/b was of \d+ \(cached\) after/);
  });
});

/** A planted bug: the servers tell clients of every change but those of one key. */
function loseChanges(servers: readonly TestNode[], key: string): void {
  for (const { state } of servers) {
    const changesSince = state.changesSince.bind(state);
    state.changesSince = (logId, limit) => {
      const changes = changesSince(logId, limit);
      if (changes.compacted) return changes;
      return { ...changes, events: changes.events.filter((event) => event.type !== "kv" || event.key !== key) };
    };
  }
}
