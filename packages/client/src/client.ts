import type { BalanceExplanation, BalancePolicy, ShownInstance } from "@dister/types";
import { Caller, type CallOptions, type MarkedOptions, type WriteOptions } from "./caller.ts";
import { HttpKv, type KvClient } from "./kv.ts";
import { HttpNodes, type NodesClient } from "./nodes.ts";
import { HttpServices, type ServicesClient } from "./services.ts";
import { type ClientComponents, type ClientOptions, checkedName, invalid, settingsOf } from "./settings.ts";
import { objectOf } from "./shape.ts";
import { downloadSnapshot, type SnapshotDownload, type SnapshotOptions } from "./snapshot.ts";

export interface BalanceOptions extends MarkedOptions {
  /**
   * `priority` (default): random, by weight. `round-robin`: in turns, by weight. `hash`: the same one for the same `key`.
   * `latency`: random, by weight / latency of the checks. `first`: the first of the service that may be chosen.
   */
  readonly policy?: BalancePolicy;
  /** For policy `hash`, which needs it; the others refuse it. 1 to 1,024 characters. */
  readonly key?: string;
  /** For policy `first`; the others refuse it. Who has the first of these tags comes first, who has none of them last. */
  readonly tags?: readonly string[];
}

/** What a node says of its own readiness. */
export interface HealthReport {
  readonly live: boolean;
  /** True when it serves reads and writes just now. */
  readonly ready: boolean;
  /** Id of the leader that it knows. */
  readonly leader: string | null;
  /** Why it is not ready. */
  readonly reason: string | null;
}

/**
 * The API of a cluster.
 *
 * Every method retries what may succeed a little later, at the next url or after a growing pause, within `timeoutMs`.
 * Every error is a DisterError: the code of the reply where there was one, `DISTER_ERR_PEER_UNREACHABLE` or
 * `DISTER_ERR_TIMEOUT` where there was none, `DISTER_ERR_MESSAGE` for an answer that is none of the API's, and
 * `DISTER_ERR_UNKNOWN_OUTCOME` for a write that may or may not be done. Only an abort rejects with the signal's reason.
 */
export interface Client {
  readonly kv: KvClient;
  readonly nodes: NodesClient;
  readonly services: ServicesClient;
  /**
   * One instance of a service that may be chosen.
   * @throws DisterError `DISTER_ERR_SERVICE_NOT_FOUND`, `DISTER_ERR_NO_HEALTHY_NODE` (after retries).
   */
  balance(name: string, options?: BalanceOptions): Promise<ShownInstance>;
  /**
   * Up to `count` different instances that may be chosen, in the order of choice; at least one.
   * @param count - a whole number from 1 to `LIMITS.balanceCountMax`.
   * @throws DisterError as {@link balance}.
   */
  balanceMany(name: string, count: number, options?: BalanceOptions): Promise<ShownInstance[]>;
  /**
   * Chooses, and says why: each instance of the service with its weight or the reason why it was left out. Nobody to
   * choose is no error here: `chosen` is empty then.
   * @throws DisterError `DISTER_ERR_SERVICE_NOT_FOUND`.
   */
  explainBalance(name: string, options?: BalanceOptions & { readonly count?: number }): Promise<BalanceExplanation>;
  /** Asks one node, once, whether it is ready; that it is not is an answer, that it cannot be reached an error. */
  health(options?: CallOptions): Promise<HealthReport>;
  /** State of the node that answers and of the cluster as it sees it, for people and for metrics. */
  status(options?: CallOptions): Promise<Readonly<Record<string, unknown>>>;
  /**
   * The whole state of one log id as the bytes of a backup file (docs/formats/backup.md), read as fast as the pieces are
   * taken. A transfer that is cut off rejects; whoever keeps the bytes checks them: the last 32 are the SHA-256 of the rest.
   */
  snapshot(options?: SnapshotOptions): Promise<SnapshotDownload>;
  /** Asks the leader to hand over to the member with the id `to`, or to whom it chooses; returns whom it asked. */
  transferLeadership(to?: string, options?: WriteOptions): Promise<string>;
}

/**
 * Makes a client. It holds no connection and needs no closing.
 * @throws DisterError `DISTER_ERR_INVALID` naming the option.
 */
export function createClient(options: ClientOptions = {}, components: ClientComponents = {}): Client {
  const settings = settingsOf(options, components);
  const caller = new Caller(settings);
  return {
    kv: new HttpKv(caller),
    nodes: new HttpNodes(caller),
    services: new HttpServices(caller),
    async balance(name, options = {}) {
      const query = balanceQuery(name, options);
      return objectOf(await caller.read({ method: "GET", path: "/balance", query }, options), "GET /balance");
    },
    async balanceMany(name, count, options = {}) {
      const query = { ...balanceQuery(name, options), count };
      return objectOf(await caller.read({ method: "GET", path: "/balance", query }, options), "GET /balance?count=");
    },
    async explainBalance(name, options = {}) {
      const query = { ...balanceQuery(name, options), count: options.count, explain: 1 };
      return objectOf(await caller.read({ method: "GET", path: "/balance", query }, options), "GET /balance?explain=1");
    },
    async health(call) {
      const outcome = await caller.askOnce({ method: "GET", path: "/health" }, call);
      const report = outcome.data as HealthReport | null | undefined;
      if (typeof report === "object" && typeof report?.ready === "boolean") return report;
      if (outcome.kind === "error") throw outcome.error;
      return objectOf(outcome.data, "GET /health");
    },
    async status(call) {
      return objectOf(await caller.read({ method: "GET", path: "/cluster/status" }, call), "GET /cluster/status");
    },
    snapshot: (call) => downloadSnapshot(caller, settings, call),
    async transferLeadership(to, call) {
      const body = JSON.stringify(to === undefined ? {} : { to });
      const data = await caller.write({ method: "POST", path: "/cluster/transfer", body }, call);
      return objectOf<{ to: string }>(data, "POST /cluster/transfer").to;
    },
  };
}

function balanceQuery(name: string, { policy, key, tags }: BalanceOptions) {
  return { name: checkedName(name), policy, key, tags: tags === undefined ? undefined : tagList(tags) };
}

/** Tags are parted by commas, so one that has a comma would be read as two. */
function tagList(tags: readonly string[]): string {
  for (const tag of tags) {
    if (tag.includes(",")) throw invalid("tags", JSON.stringify(tag.slice(0, 80)), "texts without commas");
  }
  return checkedName(tags.join(","), "tags");
}
