import type { ShownNode } from "@dister/client";
import { RAFT_ROLE, raftRoleName, roleName, STATUS } from "@dister/types";
import type { Part } from "../model.ts";
import { badge, type Cell, type Column, nothing, table } from "./table.ts";
import { foreignText } from "./text.ts";
import { element, type Tree } from "./tree.ts";

const COLUMNS: readonly Column[] = [
  { title: "Name" },
  { title: "Id", class: "id" },
  { title: "Role" },
  { title: "Voter" },
  { title: "Raft role" },
  { title: "Status" },
  { title: "Log id", class: "number" },
  { title: "Version" },
];

/** The members of the cluster. */
export function nodesView(part: Part<readonly ShownNode[]>): Tree {
  if (!part.ok) return nothing(`The nodes could not be read: ${part.message}`);
  if (part.data.length === 0) return nothing("There are no nodes.");
  const sorted = part.data.toSorted((a, b) => compare(a.name, b.name) || compare(a.id, b.id));
  return table("Members of the cluster", COLUMNS, sorted.map(rowOf));
}

/** A node that does not answer is shown as it was last heard; what was never heard is not made up. */
function rowOf(node: ShownNode): Cell[] {
  const alive = node.status === STATUS.alive;
  return [
    foreignText(node.name),
    element("code", {}, foreignText(node.id)),
    roleName(node.role),
    node.voter ? "yes" : "no",
    alive ? raftRoleOf(node) : "–",
    alive ? badge("good", "alive") : badge("bad", "dead"),
    alive || node.logid > 0 ? String(node.logid) : "–",
    node.version === "" ? "–" : foreignText(node.version),
  ];
}

function raftRoleOf({ raft }: ShownNode): Cell {
  return raft === RAFT_ROLE.leader ? badge("good", "leader") : raftRoleName(raft);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
