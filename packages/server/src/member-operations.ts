import { DisterError, type ErrorCode, type NodeId } from "@dister/types";
import type { ServiceReport } from "@dister/types/schemas";
import type { Health, Operations } from "./api-node.ts";
import { JsonRpc } from "./cluster/json-rpc.ts";
import { serveLeaderView } from "./operating/members-report.ts";
import { statusReport } from "./operating/status-report.ts";
import type { ServedNode } from "./served-node.ts";

const CALL_MS = 2_000;

/** Operating a member, and the cluster through it. */
export class MemberOperations implements Operations {
  readonly #node: ServedNode;
  readonly #json: JsonRpc;

  constructor(node: ServedNode) {
    this.#node = node;
    this.#json = new JsonRpc(node.components.rpc);
    this.#json.serve<{ to: NodeId | null }, NodeId>("cluster.transfer", (_from, { to }) =>
      node.transferLeadership(to ?? undefined),
    );
    this.#json.serve<readonly ServiceReport[], null>("health.report", (_from, reports) => {
      node.membered.health.report(reports);
      return null;
    });
    serveLeaderView(node, this.#json);
  }

  health(): Health {
    const { status, notReady } = this.#node;
    return { leader: status?.leader ?? null, reason: notReady ?? null, code: this.#reasonCode() };
  }

  #reasonCode(): ErrorCode {
    const { status } = this.#node;
    if (status === null) return "DISTER_ERR_NOT_FORMED";
    return status.leader === null ? "DISTER_ERR_NO_LEADER" : "DISTER_ERR_STOPPED";
  }

  status(): Promise<object> {
    return statusReport(this.#node, this.#json);
  }

  async report(reports: readonly ServiceReport[]): Promise<void> {
    const { raft, health } = this.#node.membered;
    if (raft.leader === null) throw new DisterError("DISTER_ERR_NO_LEADER");
    if (raft.leader === this.#node.components.self.id) return health.report(reports);
    await this.#json.call<readonly ServiceReport[], null>(raft.leader, "health.report", reports, CALL_MS);
  }

  async transfer(to: NodeId | null): Promise<NodeId> {
    const { leader } = this.#node.membered.raft;
    if (leader === null) throw new DisterError("DISTER_ERR_NO_LEADER");
    if (leader === this.#node.components.self.id) return this.#node.transferLeadership(to ?? undefined);
    return this.#json.call<{ to: NodeId | null }, NodeId>(leader, "cluster.transfer", { to }, CALL_MS);
  }
}
