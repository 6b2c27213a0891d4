import { DisterError, type KvRecord, LIMITS } from "@dister/types";
import { KeySchema, KvDeleteSchema, KvQuerySchema, parseOrThrow, ValueSchema } from "@dister/types/schemas";
import type { FastifyInstance } from "fastify";
import type { ApiNode } from "../api-node.ts";
import { ok, withLogId } from "./reply.ts";
import { requestIdOf } from "./request-id.ts";

type KvItem = Pick<KvRecord, "key" | "value"> & Partial<KvRecord>;

/** `/kv`: keys and values. */
export function kvRoutes(server: FastifyInstance, { reads, writes }: Pick<ApiNode, "reads" | "writes">): void {
  server.get("/kv", async (request, reply) => {
    const { k, prefix, after, limit, meta, consistency } = parseOrThrow(KvQuerySchema, request.query, "query");
    if (k !== undefined) {
      const { value: record, marks } = withLogId(reply, await reads.kv(k, consistency));
      if (record === undefined) throw new DisterError("DISTER_ERR_KEY_NOT_FOUND");
      return ok(meta === "1" ? record : record.value, marks);
    }
    const paged = prefix !== undefined || limit !== undefined || after !== undefined || meta === "1";
    const most = paged ? (limit ?? LIMITS.pageKeysMax) : LIMITS.keysListedMax;
    const read = reads.kvPage({ prefix: prefix ?? "", after: after ?? "", limit: most }, consistency);
    const { records, more } = withLogId(reply, await read).value;
    if (paged) return ok({ items: itemsOf(records, meta), next: more ? records.at(-1)!.key : null });
    if (more) throw new DisterError("DISTER_ERR_TOO_MANY_KEYS");
    return ok(Object.fromEntries(records.map(({ key, value }) => [key, value])));
  });

  const set = async (request: { body: unknown }, requestId: string | undefined) => {
    const outcome = await writes.write({ type: "kvSet", pairs: pairsOf(request.body) }, requestId);
    return ok({ logid: outcome.logId, changed: outcome.changed });
  };
  server.post("/kv", (request) => set(request, requestIdOf(request)));
  server.put("/kv", (request) => set(request, requestIdOf(request)));

  server.delete("/kv", async (request) => {
    const keys = parseOrThrow(KvDeleteSchema, request.body, "body");
    const outcome = await writes.write({ type: "kvDelete", keys }, requestIdOf(request));
    return ok({ logid: outcome.logId, changed: outcome.changed });
  });
}

function itemsOf(records: readonly KvRecord[], meta: string | undefined): readonly KvItem[] {
  return meta === "1" ? records : records.map(({ key, value }) => ({ key, value }));
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
