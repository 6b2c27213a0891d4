import { DisterError, type KvRecord, LIMITS } from "@dister/types";
import { KeySchema, KvDeleteSchema, KvQuerySchema, parseOrThrow, ValueSchema } from "@dister/types/schemas";
import type { FastifyInstance } from "fastify";
import type { ServedNode } from "../served-node.ts";
import { readyToRead } from "./consistency.ts";
import { ok } from "./reply.ts";
import { requestIdOf } from "./request-id.ts";

type KvItem = Pick<KvRecord, "key" | "value"> & Partial<KvRecord>;

/** `/kv`: keys and values. */
export function kvRoutes(server: FastifyInstance, node: ServedNode): void {
  const { state } = node.components;

  server.get("/kv", async (request, reply) => {
    const query = parseOrThrow(KvQuerySchema, request.query, "query");
    await readyToRead(node, reply, query.consistency);
    if (query.k !== undefined) {
      const record = state.kv(query.k);
      if (record === undefined) throw new DisterError("DISTER_ERR_KEY_NOT_FOUND");
      return ok(query.meta === "1" ? record : record.value);
    }
    const paged = query.prefix !== undefined || query.limit !== undefined || query.after !== undefined;
    if (paged || query.meta === "1") return ok(pageOf(node, query));
    if (state.kvCount() > LIMITS.keysListedMax) throw new DisterError("DISTER_ERR_TOO_MANY_KEYS");
    const all = state.kvPage({ prefix: "", after: "", limit: LIMITS.keysListedMax });
    return ok(Object.fromEntries(all.map(({ key, value }) => [key, value])));
  });

  const set = async (request: { body: unknown }, requestId: string | undefined) => {
    const outcome = await node.membered.gateway.write({ type: "kvSet", pairs: pairsOf(request.body) }, requestId);
    return ok({ logid: outcome.logId, changed: outcome.changed });
  };
  server.post("/kv", (request) => set(request, requestIdOf(request)));
  server.put("/kv", (request) => set(request, requestIdOf(request)));

  server.delete("/kv", async (request) => {
    const keys = parseOrThrow(KvDeleteSchema, request.body, "body");
    const outcome = await node.membered.gateway.write({ type: "kvDelete", keys }, requestIdOf(request));
    return ok({ logid: outcome.logId, changed: outcome.changed });
  });
}

function pageOf(
  node: ServedNode,
  query: {
    prefix?: string | undefined;
    after?: string | undefined;
    limit?: number | undefined;
    meta?: string | undefined;
  },
): { items: KvItem[]; next: string | null } {
  const limit = query.limit ?? LIMITS.pageKeysMax;
  const read = { prefix: query.prefix ?? "", after: query.after ?? "", limit: limit + 1 };
  const records = node.components.state.kvPage(read);
  const page = records.slice(0, limit);
  const items = query.meta === "1" ? page : page.map(({ key, value }) => ({ key, value }));
  return { items, next: records.length > limit ? page.at(-1)!.key : null };
}

/** `{"k":"v",…}` as pairs, each checked before anything is proposed. */
function pairsOf(body: unknown): [string, string][] {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new DisterError("DISTER_ERR_BODY", { reason: 'an object of keys and values is needed, {"key":"value"}' });
  }
  const pairs = Object.entries(body);
  if (pairs.length === 0 || pairs.length > LIMITS.keysPerWriteMax) {
    const allowed = `1 to ${LIMITS.keysPerWriteMax} pairs`;
    throw new DisterError("DISTER_ERR_INVALID", { field: "body", got: `${pairs.length} pairs`, allowed });
  }
  return pairs.map(([key, value]) => [
    parseOrThrow(KeySchema, key, "key"),
    parseOrThrow(ValueSchema, value, `value of ${key.slice(0, 80)}`),
  ]);
}
