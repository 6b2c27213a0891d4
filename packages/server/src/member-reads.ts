import type { KvRecord, Service } from "@dister/types";
import type { Answer, Consistency, KvPage, KvPageQuery, Reads } from "./api-node.ts";
import type { ServedNode } from "./served-node.ts";

/** Reads of a member: from the state that it has applied itself. */
export class MemberReads implements Reads {
  readonly #node: Pick<ServedNode, "components" | "membered">;

  constructor(node: Pick<ServedNode, "components" | "membered">) {
    this.#node = node;
  }

  async kv(key: string, consistency: Consistency): Promise<Answer<KvRecord | undefined>> {
    await this.#ready(consistency);
    return this.#answer(this.#state.kv(key));
  }

  async kvPage(query: KvPageQuery, consistency: Consistency): Promise<Answer<KvPage>> {
    await this.#ready(consistency);
    const { limit } = query;
    const read = this.#state.kvPage({ ...query, limit: limit + 1 });
    return this.#answer({ records: read.slice(0, limit), more: read.length > limit });
  }

  async services(consistency: Consistency): Promise<Answer<readonly Service[]>> {
    await this.#ready(consistency);
    return this.#answer(this.#state.services());
  }

  async service(name: string, consistency: Consistency): Promise<Answer<Service | undefined>> {
    await this.#ready(consistency);
    return this.#answer(this.#state.service(name));
  }

  onServiceChanged(listener: (name: string, service: Service | null) => void): void {
    this.#state.onChange((event) => {
      if (event.type === "service") listener(event.name, event.service);
    });
  }

  get #state() {
    return this.#node.components.state;
  }

  /** What is read behind this, in the same turn, is as fresh as was asked for. */
  async #ready(consistency: Consistency): Promise<void> {
    const { gateway } = this.#node.membered;
    if (consistency === "linearizable") await gateway.readBarrier();
  }

  #answer<T>(value: T): Answer<T> {
    return { value, logId: this.#state.appliedLogId() };
  }
}
