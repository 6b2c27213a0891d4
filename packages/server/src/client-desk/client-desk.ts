import { decodeCommand } from "@dister/store";
import {
  DisterError,
  type KvRecord,
  logIdIndex,
  type NodeId,
  redactNode,
  type Service,
  type ServiceChecks,
  type WatchersTold,
} from "@dister/types";
import type { ServiceReport } from "@dister/types/schemas";
import type { ApiNode, ShownNode } from "../api-node.ts";
import { JsonRpc } from "../cluster/json-rpc.ts";
import type { HelloAddress } from "../cluster/peer-address.ts";
import type { ServedNode } from "../served-node.ts";
import {
  type ChecksCall,
  CLIENT_CALL,
  CLIENT_HOLD_MS,
  type FollowCall,
  type FollowReply,
  type KvCall,
  type KvPageCall,
  type KvPageReply,
  type KvReply,
  type ReadCall,
  type ServiceCall,
  type ServiceReply,
  type ServicesCall,
  type ServicesReply,
  type ToldCall,
  type TransferCall,
} from "./calls.ts";
import { ChangeDesk } from "./change-desk.ts";

/** A reply ends behind the item that goes beyond so many characters: well below a frame, whatever comes on top. */
const REPLY_CHARS_MAX = 4 * 1024 * 1024;

type DeskNode = Pick<ServedNode, "components" | "membered"> & Omit<ApiNode, "metrics" | "rng" | "clock" | "latencies">;

/** Answers the calls of client nodes at a member. A write goes on to the leader like all others: one hop. */
export class ClientDesk {
  readonly changes: ChangeDesk;
  readonly #node: DeskNode;

  constructor(node: DeskNode) {
    this.#node = node;
    this.changes = new ChangeDesk(node.components);
    const { members, operations } = node;
    const json = new JsonRpc(node.components.rpc);
    node.components.rpc.serve(CLIENT_CALL.write, (_from, body) => this.#write(body));
    json.serve<KvCall, KvReply>(CLIENT_CALL.kv, (_from, call) => this.#kv(call));
    json.serve<KvPageCall, KvPageReply>(CLIENT_CALL.kvPage, (_from, call) => this.#kvPage(call));
    json.serve<ServiceCall, ServiceReply>(CLIENT_CALL.service, (_from, call) => this.#service(call));
    json.serve<ServicesCall, ServicesReply>(CLIENT_CALL.services, (_from, call) => this.#services(call));
    json.serve<FollowCall, FollowReply>(CLIENT_CALL.follow, (from, call) => {
      this.#assertMember();
      return this.changes.follow(from, call.after, () => this.#leader());
    });
    json.serve<null, readonly ShownNode[]>(CLIENT_CALL.members, () => members.list());
    json.serve<readonly HelloAddress[], null>(CLIENT_CALL.addMembers, async (_from, addresses) => {
      await members.add(addresses);
      return null;
    });
    json.serve<readonly string[], null>(CLIENT_CALL.removeMembers, async (_from, names) => {
      await members.remove(names);
      return null;
    });
    json.serve<readonly ServiceReport[], null>(CLIENT_CALL.report, async (_from, reports) => {
      await operations.report(reports);
      return null;
    });
    json.serve<ChecksCall, ServiceChecks>(CLIENT_CALL.checks, (_from, { name }) => operations.checks(name));
    json.serve<ToldCall, WatchersTold>(CLIENT_CALL.told, (_from, { logId, waitMs }) =>
      operations.watchersTold(logId, waitMs),
    );
    json.serve<TransferCall, NodeId>(CLIENT_CALL.transfer, (_from, { to }) => operations.transfer(to));
  }

  async #write(body: Uint8Array): Promise<Uint8Array> {
    this.#assertMember();
    const { requestId, command } = decodeCommand(body);
    const outcome = await this.#node.membered.gateway.write(command, requestId, CLIENT_HOLD_MS);
    return new TextEncoder().encode(JSON.stringify(outcome));
  }

  async #kv(call: KvCall): Promise<KvReply> {
    await this.#ready(call);
    const { value, logId } = await this.#node.reads.kv(call.key, "local");
    return { record: value ?? null, logId };
  }

  async #kvPage(call: KvPageCall): Promise<KvPageReply> {
    await this.#ready(call);
    const { prefix, after, limit } = call;
    const { value, logId } = await this.#node.reads.kvPage({ prefix, after, limit }, "local");
    const records = within(value.records, (record: KvRecord) => record.key.length + record.value.length);
    return { records, more: value.more || records.length < value.records.length, logId };
  }

  async #service(call: ServiceCall): Promise<ServiceReply> {
    await this.#ready(call);
    const { value, logId } = await this.#node.reads.service(call.name, "local");
    return { service: value === undefined ? null : withoutSecrets(value), logId };
  }

  async #services(call: ServicesCall): Promise<ServicesReply> {
    await this.#ready(call);
    const { value, logId } = await this.#node.reads.services("local");
    const after = Buffer.from(call.after);
    const rest = value.filter(({ name }) => Buffer.compare(Buffer.from(name), after) > 0);
    const services = within(rest.map(withoutSecrets), (service) => JSON.stringify(service).length);
    return { services, more: services.length < rest.length, logId };
  }

  /** What is read of this node behind this is fresh enough. A linearizable read is, whatever the client has seen. */
  async #ready({ consistency, minLogId }: ReadCall): Promise<void> {
    this.#assertMember();
    const { gateway } = this.#node.membered;
    if (consistency === "linearizable") await gateway.readBarrier(CLIENT_HOLD_MS);
    else await gateway.applied(logIdIndex(minLogId), CLIENT_HOLD_MS);
  }

  /** Who was removed stays as it was: nobody may read that as the cluster's state. */
  #assertMember(): void {
    if (!this.#node.membered.membership.isRemoved) return;
    throw new DisterError("DISTER_ERR_NOT_FORMED", { reason: "it was removed from the cluster" });
  }

  /** A server that follows no leader may be cut off, and would call "nothing changed" what it did not hear of. */
  #leader(): NodeId {
    const { leader } = this.#node.membered.raft;
    if (leader === null) throw new DisterError("DISTER_ERR_NO_LEADER");
    return leader;
  }
}

/** The first items up to the size; one at the least, so that every reply gets on. */
function within<T>(items: readonly T[], charsOf: (item: T) => number): readonly T[] {
  let chars = 0;
  const end = items.findIndex((item, at) => {
    if (at > 0 && chars >= REPLY_CHARS_MAX) return true;
    chars += charsOf(item);
    return false;
  });
  return end < 0 ? items : items.slice(0, end);
}

function withoutSecrets(service: Service): Service {
  return { ...service, node: service.node.map(redactNode) };
}
