import { Readable } from "node:stream";
import { DisterError, LIMITS, type Logger } from "@dister/types";
import { parseOrThrow, SnapshotQuerySchema } from "@dister/types/schemas";
import type { FastifyInstance } from "fastify";
import type { ApiNode, Backup } from "../api-node.ts";

/** What is made ahead of a reader that is slow, in bytes; the rest waits in the database. */
const AHEAD_BYTES = LIMITS.snapshotChunkBytes;

/** `/cluster/snapshot`: the whole state of one log id, as the bytes of a backup file. */
export function snapshotRoutes(server: FastifyInstance, node: Pick<ApiNode, "backups">, logger: Logger): void {
  // A HEAD would have to make the whole backup and throw it away.
  server.get("/cluster/snapshot", { exposeHeadRoute: false }, async (request, reply) => {
    const { consistency } = parseOrThrow(SnapshotQuerySchema, request.query, "query");
    if (node.backups === undefined) {
      const message = "this node keeps no state, so it has no backup to give: ask a server";
      throw new DisterError("DISTER_ERR_ROUTE", {}, { message });
    }
    const backup = await node.backups.open(consistency);
    reply.header("x-dister-logid", backup.logId);
    const stream = Readable.from(logged(backup, logger), { objectMode: false, highWaterMark: AHEAD_BYTES });
    // Also when the reader went away before the first byte: then nothing inside the stream ever runs.
    stream.once("close", () => backup.close());
    return reply.type("application/octet-stream").send(stream);
  });
}

/** A reply that has begun can only be cut off; whoever reads sees that it has no end. */
async function* logged({ bytes, logId }: Backup, logger: Logger): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes;
    logger.info("backup sent", { logId });
  } catch (error) {
    logger.warn("a backup was cut off", { logId, error });
    throw error;
  }
}
