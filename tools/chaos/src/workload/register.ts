import { registerModel } from "@dister/linearizability";
import { Generations } from "./generations.ts";
import { History } from "./history.ts";
import { Client, isAbsent, type Workload, type WorkloadParts } from "./workload.ts";

/** Few keys, put, deleted and read at any node: every read has all that was acknowledged anywhere before it. */
export class RegisterWorkload implements Workload {
  readonly name = "register";
  readonly perSecond = 60;
  readonly history = new History(registerModel);
  readonly #parts: WorkloadParts;
  readonly #client: Client;
  readonly #keys: Generations;
  #values = 0;

  constructor(parts: WorkloadParts) {
    this.#parts = parts;
    this.#client = new Client(this.name, parts);
    this.#keys = new Generations({ prefix: parts.prefix, atOnce: 5, uses: 200 });
  }

  async step(): Promise<void> {
    const { chance } = this.#parts;
    const key = this.#keys.draw(chance);
    const node = this.#client.anyNode();
    const draw = chance.whole(1, 100);
    if (draw <= 50) return this.#read(node, key);
    if (draw <= 58) {
      const answer = await this.#client.call(node, { method: "DELETE", path: "/kv", body: [key] });
      return this.history.wrote({ kind: "delete", key }, answer);
    }
    const value = String(++this.#values);
    const answer = await this.#client.call(node, {
      method: chance.is(0.5) ? "POST" : "PUT",
      path: "/kv",
      body: { [key]: value },
    });
    this.history.wrote({ kind: "put", key, value }, answer);
  }

  async #read(node: number, key: string): Promise<void> {
    const answer = await this.#client.call(node, { method: "GET", path: `/kv?k=${encodeURIComponent(key)}` });
    if (answer.outcome === "ok") this.history.read({ kind: "get", key }, answer, answer.data as string);
    else if (isAbsent(answer)) this.history.read({ kind: "get", key }, answer, null);
  }

  async settle(): Promise<void> {
    for (let node = 0; node < this.#parts.api.nodeCount; node++) {
      await Promise.all(this.#keys.all.map((key) => this.#read(node, key)));
    }
  }

  violations(): string[] {
    return this.history.violations();
  }
}
