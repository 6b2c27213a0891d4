import { checkSet, type Outcome, type SetFinalRead } from "@dister/linearizability";
import { Client, type Workload, type WorkloadParts } from "./workload.ts";

/** Elements are added, each as a key: no acknowledged one is lost, no refused one is there, and all nodes have the same. */
export class SetWorkload implements Workload {
  readonly name = "set";
  readonly perSecond = 40;
  readonly #parts: WorkloadParts;
  readonly #client: Client;
  readonly #added = new Map<string, Outcome>();
  readonly #finalReads: SetFinalRead[] = [];
  #next = 0;

  constructor(parts: WorkloadParts) {
    this.#parts = parts;
    this.#client = new Client(this.name, parts);
  }

  async step(): Promise<void> {
    const key = `${this.#parts.prefix}${String(this.#next++).padStart(6, "0")}`;
    this.#added.set(key, "unknown");
    const { outcome } = await this.#client.call(this.#client.anyNode(), {
      method: "POST",
      path: "/kv",
      body: { [key]: key },
    });
    this.#added.set(key, outcome);
  }

  async settle(): Promise<void> {
    this.#finalReads.length = 0;
    for (let node = 0; node < this.#parts.api.nodeCount; node++) {
      const found = await this.#client.readAll(node, this.#parts.prefix);
      // An element that has another value than its own is none that was added.
      const elements = [...found].map(([key, value]) => (value === key ? key : `${key}=${value}`));
      this.#finalReads.push({ node: String(node + 1), elements });
    }
  }

  violations(): string[] {
    // Nothing was read at all when the cluster did not recover, which is told elsewhere.
    if (this.#finalReads.length === 0) return [];
    const adds = [...this.#added].map(([element, outcome], client) => ({ client, element, outcome }));
    return checkSet(adds, this.#finalReads).map(({ kind, message }) => `${kind}: ${message}`);
  }
}
