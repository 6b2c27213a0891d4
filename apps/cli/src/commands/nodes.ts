import type { Client, WriteOptions } from "@dister/client";
import { isDisterError, RAFT_ROLE, raftRoleName, roleName, STATUS } from "@dister/types";
import { done, type Reply } from "../output.ts";
import { type Column, tableOf } from "../table.ts";
import { MEMBER_COLUMNS, memberRow } from "./members.ts";

/** The original's columns; ids have grown to 16 digits since. */
const COLUMNS: readonly Column[] = [
  { title: "Id", width: 16, align: "right" },
  { title: "Name", width: 25, align: "right" },
  { title: "Group", width: 25, align: "right" },
  { title: "Ip", width: 15, align: "right" },
  { title: "Type", width: 12, align: "right" },
  { title: "Role", width: 12, align: "right" },
  { title: "Status", width: 10, align: "right" },
];

/** As the original showed them. */
export async function listNodes(client: Client): Promise<Reply> {
  const nodes = await client.nodes.list();
  const rows = nodes.map(({ id, name, group, ip, role, raft, status }) => {
    return [id, name, group, ip, roleName(role), raftRoleName(raft), status === STATUS.alive ? "alive" : "dead"];
  });
  return { data: nodes, text: tableOf(COLUMNS, rows, " ") };
}

/** The members as operators need them: who votes, how far each has come, which version it runs. */
export async function listMembers(client: Client): Promise<Reply> {
  const nodes = await client.nodes.list();
  const leader = nodes.find(({ raft, status }) => raft === RAFT_ROLE.leader && status === STATUS.alive)?.id ?? null;
  return {
    data: nodes,
    text: tableOf(
      MEMBER_COLUMNS,
      nodes.map((node) => memberRow(node, leader)),
    ),
  };
}

export async function addNodes(client: Client, addresses: readonly string[], options: WriteOptions): Promise<Reply> {
  try {
    await client.nodes.add(addresses, options);
  } catch (error) {
    // That the node could not reach the other says more than that it may have heard of it; trying again does no harm.
    const cause = isDisterError(error, "DISTER_ERR_UNKNOWN_OUTCOME") ? error.cause : undefined;
    throw isDisterError(cause, "DISTER_ERR_PEER_UNREACHABLE") ? cause : error;
  }
  return done();
}

export async function removeNodes(client: Client, names: readonly string[], options: WriteOptions): Promise<Reply> {
  await client.nodes.remove(names, options);
  return done();
}
