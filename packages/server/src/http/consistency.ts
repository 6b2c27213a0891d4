import type { FastifyReply } from "fastify";
import type { ServedNode } from "../served-node.ts";

/**
 * Makes sure that what is read next is as fresh as was asked for, and says in the header `x-dister-logid` up to which log
 * id it is.
 */
export async function readyToRead(
  node: ServedNode,
  reply: FastifyReply,
  consistency: "linearizable" | "local",
): Promise<void> {
  const { gateway } = node.membered;
  if (consistency === "linearizable") await gateway.readBarrier();
  reply.header("x-dister-logid", node.components.state.appliedLogId());
}
