import { multiKeyModel } from "@dister/linearizability";
import { Generations } from "./generations.ts";
import { History } from "./history.ts";
import { Client, type PageData, type Workload, type WorkloadParts } from "./workload.ts";

const KEYS_PER_GROUP = 4;

/** Groups of keys that are written, removed and read as one: never half a write, and each group is one object. */
export class MultiKeyWorkload implements Workload {
  readonly name = "multi-key";
  readonly perSecond = 25;
  readonly history = new History(multiKeyModel);
  readonly #parts: WorkloadParts;
  readonly #client: Client;
  readonly #groups: Generations;
  readonly #halves: string[] = [];
  #values = 0;

  constructor(parts: WorkloadParts) {
    this.#parts = parts;
    this.#client = new Client(this.name, parts);
    this.#groups = new Generations({ prefix: parts.prefix, atOnce: 3, uses: 200 });
  }

  async step(): Promise<void> {
    const { chance } = this.#parts;
    const group = this.#groups.draw(chance);
    const node = this.#client.anyNode();
    const draw = chance.whole(1, 100);
    if (draw <= 45) return this.#read(node, group, "linearizable");
    if (draw <= 55) return this.#read(node, group, "local");
    const keys = keysOf(group);
    if (draw <= 63) {
      const answer = await this.#client.call(node, { method: "DELETE", path: "/kv", body: keys });
      const values = Object.fromEntries(keys.map((key) => [key, null]));
      return this.history.wrote({ kind: "put", set: group, values }, answer);
    }
    const value = String(++this.#values);
    const values = Object.fromEntries(keys.map((key) => [key, value]));
    const answer = await this.#client.call(node, { method: "POST", path: "/kv", body: values });
    this.history.wrote({ kind: "put", set: group, values }, answer);
  }

  async #read(node: number, group: string, consistency: "linearizable" | "local"): Promise<void> {
    const path = `/kv?prefix=${encodeURIComponent(`${group}/`)}&consistency=${consistency}`;
    const answer = await this.#client.call(node, { method: "GET", path });
    if (answer.outcome !== "ok") return;
    const { items } = answer.data as PageData;
    const half = halfOf(group, items);
    if (half !== undefined) this.#halves.push(`node ${node + 1}, ${consistency}: ${half}`);
    if (consistency === "local") return;
    const values = Object.fromEntries(items.map(({ key, value }) => [key, value]));
    this.history.read({ kind: "read", set: group }, answer, values);
  }

  async settle(): Promise<void> {
    for (let node = 0; node < this.#parts.api.nodeCount; node++) {
      await Promise.all(this.#groups.all.map((group) => this.#read(node, group, "linearizable")));
    }
  }

  violations(): string[] {
    return [...this.#halves, ...this.history.violations()];
  }
}

function keysOf(group: string): string[] {
  return Array.from({ length: KEYS_PER_GROUP }, (_, i) => `${group}/${i}`);
}

/** What is wrong with a group that was read as a whole; undefined when nothing is. */
function halfOf(group: string, items: PageData["items"]): string | undefined {
  const values = new Set(items.map(({ value }) => value));
  const whole = items.length === 0 || (items.length === KEYS_PER_GROUP && values.size === 1);
  return whole ? undefined : `half a write of ${group}: ${JSON.stringify(items)}`;
}
