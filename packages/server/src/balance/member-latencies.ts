import type { Service } from "@dister/types";
import type { Latencies } from "../api-node.ts";
import { JsonRpc } from "../cluster/json-rpc.ts";
import type { ServedNode } from "../served-node.ts";
import {
  AskedLatencies,
  LATENCIES_ASK_MS,
  LATENCIES_METHOD,
  type LatenciesCall,
  type LatenciesMs,
  type LatenciesReply,
  latenciesReply,
  NOTHING_KNOWN,
} from "./asked-latencies.ts";

/** Latencies as a member knows them: its own checks where it leads, else what the leader tells. */
export class MemberLatencies implements Latencies {
  readonly #node: Pick<ServedNode, "components" | "membered">;
  readonly #asked: AskedLatencies;

  constructor(node: Pick<ServedNode, "components" | "membered">) {
    this.#node = node;
    const { rpc, clock, state } = node.components;
    const json = new JsonRpc(rpc);
    this.#asked = new AskedLatencies(clock, (call) => this.#ask(json, call));
    // A client node asks any server, which asks the leader; a member asks the leader, which answers of its own.
    json.serve<LatenciesCall, LatenciesReply>(LATENCIES_METHOD, async (_from, call) => {
      const service = state.service(call.name);
      return service === undefined ? NOTHING_KNOWN : latenciesReply(service, call, await this.of(service));
    });
  }

  of(service: Service): Promise<LatenciesMs> {
    return this.#asked.of(service);
  }

  async #ask(json: JsonRpc, call: LatenciesCall): Promise<LatenciesReply> {
    const { raft, health } = this.#node.membered;
    const { leader } = raft;
    if (raft.status().role === "leader") {
      const service = this.#node.components.state.service(call.name);
      return service === undefined ? NOTHING_KNOWN : latenciesReply(service, call, health.latenciesOf(service));
    }
    if (leader === null) return NOTHING_KNOWN;
    return json.call<LatenciesCall, LatenciesReply>(leader, LATENCIES_METHOD, call, LATENCIES_ASK_MS);
  }
}
