import { api, type DaemonCluster, until } from "./daemons.ts";

/** Writes that clients make all the time: every key once, under a request id that is repeated until the outcome is known. */
export class WriteLoad {
  readonly #cluster: DaemonCluster;
  readonly #acknowledged: string[] = [];
  readonly #refused: string[] = [];
  readonly #underWay = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #next = 0;
  #stopped = false;
  /** When each write was acknowledged, monotonic. */
  readonly acknowledgedAtMs: number[] = [];

  constructor(cluster: DaemonCluster) {
    this.#cluster = cluster;
  }

  start({ perSecond }: { perSecond: number }): void {
    this.#timer = setInterval(() => {
      const write = this.#write(this.#next++).finally(() => this.#underWay.delete(write));
      this.#underWay.add(write);
    }, 1000 / perSecond);
  }

  /** One client: sends to one node after the other until it knows what became of its write. */
  async #write(number: number): Promise<void> {
    const key = `load/${String(number).padStart(6, "0")}`;
    for (let attempt = 0; !this.#stopped; attempt++) {
      const nodes = this.#cluster.running;
      if (nodes.length === 0) break;
      const node = nodes[(number + attempt) % nodes.length]!;
      const headers = { "x-request-id": key };
      const answer = await api(this.#cluster.url(node), "POST", "/kv", { [key]: String(number) }, headers);
      if (answer.result === 1) {
        this.#acknowledged.push(key);
        this.acknowledgedAtMs.push(performance.now());
        return;
      }
      const again = answer.status === 0 || answer.status === 503 || answer.status === 504;
      if (!again) {
        this.#refused.push(`${key}: ${answer.message}`);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Waits until so many more writes are acknowledged. */
  async acknowledge(count: number): Promise<void> {
    const goal = this.#acknowledged.length + count;
    await until(async () => this.#acknowledged.length >= goal);
  }

  /** Ends the load. Writes that nobody answered are not counted. */
  async stop(): Promise<{ acknowledged: readonly string[]; refused: readonly string[] }> {
    clearInterval(this.#timer);
    this.#stopped = true;
    await Promise.all(this.#underWay);
    return { acknowledged: this.#acknowledged, refused: this.#refused };
  }

  /** Every key of the load that a node has, with how often it was written. */
  async found(node: number): Promise<Map<string, number>> {
    const found = new Map<string, number>();
    let after = "";
    for (;;) {
      const path = `/kv?prefix=load/&meta=1&limit=1000&after=${encodeURIComponent(after)}`;
      const page = (await api(this.#cluster.url(node), "GET", path)).data as {
        items: { key: string; version: number }[];
        next: string | null;
      };
      for (const { key, version } of page.items) found.set(key, version);
      if (page.next === null) return found;
      after = page.next;
    }
  }
}
