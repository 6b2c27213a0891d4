import type { Answer, Api, Call } from "../src/api.ts";

/** What a cluster can do wrong. Each lie is told once in a while. */
export type Lie =
  | "loses a write"
  | "reads the past"
  | "refuses and does it"
  | "writes half"
  | "applies twice"
  | "applies an old write again"
  | "goes back"
  | "differs between nodes";

interface Value {
  readonly value: string;
  readonly version: number;
}

/** A cluster in memory that answers like the real one, honestly or with one kind of lie. */
export class LyingCluster implements Pick<Api, "call" | "nodeCount"> {
  readonly nodeCount = 3;
  readonly #lie: Lie | undefined;
  readonly #keys = new Map<string, Value>();
  readonly #done = new Set<string>();
  #past: ReadonlyMap<string, Value> = new Map();
  #old: Record<string, string> | undefined;
  #calls = 0;
  #logId = 10_000;

  constructor(lie?: Lie) {
    this.#lie = lie;
  }

  async call(node: number, call: Call): Promise<Answer> {
    const startMs = performance.now();
    // Two calls are never at one and the same time, as on a real clock of enough digits.
    await new Promise((resolve) => setTimeout(resolve, 1));
    const isLie = ++this.#calls % 7 === 0;
    const done = call.method === "GET" ? this.#read(node, call.path, isLie) : this.#write(call, isLie);
    const logId = this.#lie === "goes back" && isLie ? this.#logId - 20_000 : this.#logId;
    return {
      status: 200,
      code: undefined,
      data: null,
      outcome: "ok",
      logId,
      startMs,
      endMs: performance.now(),
      ...done,
    };
  }

  #write(call: Call, isLie: boolean): Partial<Answer> {
    this.#logId += 10_000;
    const isRepeated = call.requestId !== undefined && this.#done.has(call.requestId);
    if (isRepeated && this.#lie !== "applies twice") return { data: { logid: this.#logId } };
    this.#past = new Map(this.#keys);
    const isRefused = !isLie && this.#calls % 11 === 0;
    if (isRefused) return { outcome: "refused", status: 503, code: "DISTER_ERR_NO_LEADER" };
    if (call.requestId !== undefined) this.#done.add(call.requestId);
    if (!(isLie && this.#lie === "loses a write")) this.#apply(call, isLie);
    // A reply that got lost is repeated by whoever has a request id.
    if (this.#calls % 13 === 0) return { outcome: "unknown", status: 0 };
    if (isLie && this.#lie === "refuses and does it")
      return { outcome: "refused", status: 503, code: "DISTER_ERR_BUSY" };
    return { data: { logid: this.#logId } };
  }

  #apply({ method, body }: Call, isLie: boolean): void {
    if (method === "DELETE") for (const key of body as string[]) this.#keys.delete(key);
    else this.#set(body as Record<string, string>, isLie);
  }

  #set(body: Record<string, string>, isLie: boolean): void {
    const entries = Object.entries(body);
    const half = this.#lie === "writes half" && isLie ? entries.slice(0, 2) : entries;
    for (const [key, value] of half) this.#keys.set(key, { value, version: (this.#keys.get(key)?.version ?? 0) + 1 });
    if (this.#lie !== "applies an old write again") return;
    if (isLie && this.#old !== undefined) {
      for (const [key, value] of Object.entries(this.#old)) this.#keys.set(key, { value, version: 1 });
    }
    if (isLie || this.#old === undefined) this.#old = body;
  }

  #read(node: number, path: string, isLie: boolean): Partial<Answer> {
    const query = new URLSearchParams(path.slice(path.indexOf("?") + 1));
    const keys = this.#lie === "reads the past" && isLie ? this.#past : this.#keys;
    const shown = [...keys].filter(() => !(this.#lie === "differs between nodes" && node === 1 && isLie));
    const key = query.get("k");
    if (key !== null) {
      const found = new Map(shown).get(key);
      if (found === undefined) return { outcome: "refused", status: 404, code: "DISTER_ERR_KEY_NOT_FOUND" };
      return { data: query.get("meta") === "1" ? found : found.value };
    }
    const items = shown
      .filter(([name]) => name.startsWith(query.get("prefix") ?? ""))
      .map(([name, { value }]) => ({ key: name, value }));
    return { data: { items, next: null } };
  }
}
