import {
  DisterError,
  type ErrorCode,
  type LogId,
  type NodeId,
  type ServiceChecks,
  type WatchersTold,
} from "@dister/types";
import type { ServiceReport } from "@dister/types/schemas";
import type { Health, Operations } from "./api-node.ts";
import { Watchers } from "./client-desk/watchers-told.ts";
import { JsonRpc } from "./cluster/json-rpc.ts";
import { serveLeaderView } from "./operating/members-report.ts";
import { statusReport } from "./operating/status-report.ts";
import type { ServedNode } from "./served-node.ts";

const CALL_MS = 2_000;

/** Operating a member, and the cluster through it. */
export class MemberOperations implements Operations {
  readonly #node: ServedNode;
  readonly #json: JsonRpc;
  readonly #watchers: Watchers;

  constructor(node: ServedNode) {
    this.#node = node;
    this.#watchers = new Watchers(node);
    this.#json = new JsonRpc(node.components.rpc);
    this.#json.serve<{ to: NodeId | null }, NodeId>("cluster.transfer", (_from, { to }) =>
      node.transferLeadership(to ?? undefined),
    );
    this.#json.serve<readonly ServiceReport[], null>("health.report", (_from, reports) => {
      node.membered.health.report(reports);
      return null;
    });
    this.#json.serve<{ name: string }, ServiceChecks>("health.checks", (_from, { name }) => this.#checksHere(name));
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
    await this.#atLeader("health.report", reports, () => {
      this.#node.membered.health.report(reports);
      return null;
    });
  }

  checks(name: string): Promise<ServiceChecks> {
    return this.#atLeader("health.checks", { name }, () => this.#checksHere(name));
  }

  watchersTold(logId: LogId, waitMs: number): Promise<WatchersTold> {
    return this.#watchers.told(logId, waitMs);
  }

  transfer(to: NodeId | null): Promise<NodeId> {
    return this.#atLeader("cluster.transfer", { to }, () => this.#node.transferLeadership(to ?? undefined));
  }

  #checksHere(name: string): ServiceChecks {
    const service = this.#node.components.state.service(name);
    if (service === undefined) throw new DisterError("DISTER_ERR_SERVICE_NOT_FOUND", { name });
    return this.#node.membered.health.checksOf(service);
  }

  /** Does something here when this node leads, else has the leader do it. */
  async #atLeader<Q, A>(method: string, question: Q, here: () => A): Promise<A> {
    const { leader } = this.#node.membered.raft;
    if (leader === null) throw new DisterError("DISTER_ERR_NO_LEADER");
    if (leader === this.#node.components.self.id) return here();
    return this.#json.call<Q, A>(leader, method, question, CALL_MS);
  }
}
