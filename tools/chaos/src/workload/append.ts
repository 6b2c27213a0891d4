import { type AppendAttempt, checkAppend, type ListRead } from "@dister/linearizability";
import { rest } from "../rest.ts";
import { Client, isAbsent, type Workload, type WorkloadParts } from "./workload.ts";

const WRITERS = 4;
const ELEMENTS_MAX = 100;
const REPEAT_MS = 30;
/** An append whose outcome is still unknown in a healed cluster after so many repetitions never becomes known. */
const SETTLE_TRIES = 20;

interface ListRecord {
  readonly value: string;
  /** How often the key was written. */
  readonly version: number;
}
const NO_LIST: ListRecord = { value: "[]", version: 0 };

/** A list that one writer owns. */
interface List {
  readonly key: string;
  /** Acknowledged, in order. */
  readonly elements: number[];
  /** Sent, and perhaps there: it will be sent again under the same request id until it is acknowledged. */
  pending: boolean;
  busy: boolean;
}

/**
 * Lists owned by a writer, which reads one, adds an element and writes it back under a request id that it repeats until
 * the outcome is known: none is lost, none is done twice. The key's version counts what was really done, and a repetition
 * that is applied late would take newer elements away again.
 */
export class AppendWorkload implements Workload {
  readonly name = "append";
  readonly perSecond = 20;
  readonly #parts: WorkloadParts;
  readonly #client: Client;
  readonly #lists: List[] = [];
  readonly #attempts: AppendAttempt[] = [];
  readonly #reads: ListRead[] = [];
  readonly #violations: string[] = [];
  #stopping = false;

  constructor(parts: WorkloadParts) {
    this.#parts = parts;
    this.#client = new Client(this.name, parts);
    for (let i = 0; i < WRITERS; i++) this.#newList();
  }

  async step(): Promise<void> {
    const list = this.#lists.slice(-WRITERS).find(({ busy }) => !busy);
    if (list === undefined) {
      this.#parts.tally.of(this.name).heldBack++;
      return;
    }
    list.busy = true;
    try {
      if (!list.pending) await this.#read(list, this.#client.anyNode());
      await this.#append(list, Number.POSITIVE_INFINITY);
      if (list.elements.length >= ELEMENTS_MAX) this.#newList();
    } finally {
      list.busy = list.elements.length >= ELEMENTS_MAX;
    }
  }

  #newList(): void {
    const key = `${this.#parts.prefix}${String(this.#lists.length).padStart(3, "0")}`;
    this.#lists.push({ key, elements: [], pending: false, busy: false });
  }

  /** Sends the next element until it is acknowledged. A later refusal says nothing of an earlier attempt. */
  async #append(list: List, triesMax: number): Promise<void> {
    const next = list.elements.length;
    list.pending = true;
    const call = {
      method: "POST",
      path: "/kv",
      body: { [list.key]: JSON.stringify([...list.elements, next]) },
      requestId: `${list.key}.${next}`,
    } as const;
    for (let tries = 0; tries < triesMax; tries++) {
      const { outcome, startMs, endMs } = await this.#client.call(this.#client.anyNode(), call);
      const when = { invokedAt: startMs, completedAt: endMs };
      this.#attempts.push({ list: list.key, element: String(next), requestId: call.requestId, ...when, outcome });
      if (outcome === "ok") {
        list.elements.push(next);
        list.pending = false;
        return;
      }
      if (this.#stopping && triesMax === Number.POSITIVE_INFINITY) return;
      await rest(REPEAT_MS);
    }
    this.#violations.push(`the outcome of ${call.requestId} stays unknown in a healed cluster`);
  }

  async #read(list: List, node: number): Promise<void> {
    const path = `/kv?meta=1&k=${encodeURIComponent(list.key)}`;
    const answer = await this.#client.call(node, { method: "GET", path });
    if (answer.outcome !== "ok" && !isAbsent(answer)) return;
    const { value, version } = answer.outcome === "ok" ? (answer.data as ListRecord) : NO_LIST;
    const elements = (JSON.parse(value) as number[]).map(String);
    const reader = `node ${node + 1}`;
    this.#reads.push({ list: list.key, reader, elements, invokedAt: answer.startMs, completedAt: answer.endMs });
    if (version !== elements.length) {
      this.#violations.push(`${reader}: ${list.key} was written ${version} times for ${elements.length} appends`);
    }
  }

  /** Lets writers end that repeat an append. */
  stop(): void {
    this.#stopping = true;
  }

  async settle(): Promise<void> {
    for (const list of this.#lists) if (list.pending) await this.#append(list, SETTLE_TRIES);
    for (let node = 0; node < this.#parts.api.nodeCount; node++) {
      for (const list of this.#lists) if (!list.pending) await this.#read(list, node);
    }
  }

  violations(): string[] {
    const problems = checkAppend(this.#attempts, this.#reads).map(({ kind, message }) => `${kind}: ${message}`);
    return [...problems, ...this.#violations];
  }
}
