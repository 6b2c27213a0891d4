import type { Outcome } from "@dister/linearizability";
import { Client, type Workload, type WorkloadParts } from "./workload.ts";

/** Elements are added, each as a key: no acknowledged one is lost, no refused one is there, and all nodes have the same. */
export class SetWorkload implements Workload {
  readonly name = "set";
  readonly perSecond = 40;
  readonly #parts: WorkloadParts;
  readonly #client: Client;
  readonly #added = new Map<string, Outcome>();
  readonly #found: ReadonlyMap<string, string>[] = [];
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
    this.#found.length = 0;
    for (let node = 0; node < this.#parts.api.nodeCount; node++) {
      this.#found.push(await this.#client.readAll(node, this.#parts.prefix));
    }
  }

  violations(): string[] {
    return this.#found.flatMap((found, node) =>
      setViolations(this.#added, found).map((violation) => `node ${node + 1}: ${violation}`),
    );
  }
}

/** What a final read says against the additions. */
export function setViolations(added: ReadonlyMap<string, Outcome>, found: ReadonlyMap<string, string>): string[] {
  const violations: string[] = [];
  for (const [key, outcome] of added) {
    const value = found.get(key);
    if (outcome === "ok" && value === undefined) violations.push(`${key} was acknowledged and is lost`);
    if (outcome === "refused" && value !== undefined) violations.push(`${key} was refused and is there`);
    if (value !== undefined && value !== key) violations.push(`${key} has the value ${value}`);
  }
  for (const key of found.keys()) if (!added.has(key)) violations.push(`${key} was never added`);
  return violations;
}
