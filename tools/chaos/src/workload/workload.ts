import { invariant } from "@dister/types";
import type { Answer, Api, Call } from "../api.ts";
import type { Chance } from "../chance.ts";
import type { Tally } from "./tally.ts";

/**
 * What clients do all the time, and what they may conclude from the answers. One instance serves one phase.
 *
 * Duties: 1. `step` is one operation of one client; many may be under way at once. 2. `settle` is called when the cluster
 * is healed and no step is under way: it finds out what is still unknown and reads everything at every node.
 * 3. `violations` then says what cannot be, one text each, nothing when all is well. 4. Keys begin with the prefix.
 */
export interface Workload {
  readonly name: string;
  readonly perSecond: number;
  step(): Promise<void>;
  settle(): Promise<void>;
  violations(): string[];
}

/** What every workload works with. */
export interface WorkloadParts {
  readonly api: Pick<Api, "call" | "nodeCount">;
  readonly chance: Chance;
  /** Of all keys of this workload in this phase. */
  readonly prefix: string;
  readonly tally: Tally;
  /** How often the process of a node was started. */
  readonly startCount: (node: number) => number;
}

/** The calls of one workload, counted. */
export class Client {
  readonly #name: string;
  readonly #parts: WorkloadParts;

  constructor(name: string, parts: WorkloadParts) {
    this.#name = name;
    this.#parts = parts;
  }

  async call(node: number, call: Call): Promise<Answer> {
    const answer = await this.#parts.api.call(node, call);
    // Whoever asks wrongly tests nothing: that is a mistake in this tool, and not a finding.
    invariant(!isWrong(answer), `${this.#name}: ${call.method} ${call.path}: ${answer.code}`);
    // That a key does not exist is an answer to the question.
    const outcome = isAbsent(answer) ? "ok" : answer.outcome;
    this.#parts.tally.count(this.#name, outcome, call.method !== "GET");
    if (outcome !== "ok")
      this.#parts.tally.reason(answer.code ?? (outcome === "refused" ? "no connection" : "no reply"));
    return answer;
  }

  anyNode(): number {
    return this.#parts.chance.whole(0, this.#parts.api.nodeCount - 1);
  }

  /** Every key with a prefix and its value, as one node has it in a linearizable read. Asks until there is an answer. */
  async readAll(node: number, prefix: string): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    for (let after: string | null = ""; after !== null; ) {
      const page: PageData = await this.#page(
        node,
        `prefix=${encodeURIComponent(prefix)}&after=${encodeURIComponent(after)}`,
      );
      for (const { key, value } of page.items) found.set(key, value);
      after = page.next;
    }
    return found;
  }

  async #page(node: number, query: string): Promise<PageData> {
    for (let tries = 0; tries < FINAL_TRIES; tries++) {
      const { outcome, data } = await this.#parts.api.call(node, { method: "GET", path: `/kv?${query}` });
      if (outcome === "ok") return data as PageData;
    }
    throw new Error(`node ${node + 1} of a healed cluster does not answer a read`);
  }
}

/** Each try may be held for seconds by the node; a healed cluster needs one. */
const FINAL_TRIES = 10;

export interface PageData {
  readonly items: readonly { readonly key: string; readonly value: string }[];
  readonly next: string | null;
}

function isWrong(answer: Answer): boolean {
  return answer.status >= 400 && answer.status < 500 && !isAbsent(answer);
}

/** A read that found out that there is nothing. */
export function isAbsent({ code }: Answer): boolean {
  return code === "DISTER_ERR_KEY_NOT_FOUND";
}
