import type { ShownNode } from "@dister/client";
import { ROLE, roleName, STATUS } from "@dister/types";
import type { Column } from "../table.ts";
import { durationText } from "./units.ts";

/** Columns of the members as operators need them. */
export const MEMBER_COLUMNS: readonly Column[] = [
  { title: "Name" },
  { title: "Id" },
  { title: "Api" },
  { title: "Role" },
  { title: "Status" },
  { title: "Lag", align: "right" },
  { title: "Heard", align: "right" },
  { title: "Version" },
];

/** One member as a row of {@link MEMBER_COLUMNS}. */
export function memberRow(member: ShownNode, leader: string | null): string[] {
  const { name, id, ip, ports, lag, silentMs, version } = member;
  const host = ip.includes(":") ? `[${ip}]` : ip;
  const heard = typeof silentMs !== "number" ? "-" : `${durationText(silentMs)} ago`;
  const api = `${host}:${ports?.api ?? "?"}`;
  return [name, id, api, roleOf(member, leader), statusOf(member), lag?.toString() ?? "-", heard, version];
}

/** What a member is to the cluster: who votes and who does not is worth a word of its own. */
function roleOf({ id, role, voter }: ShownNode, leader: string | null): string {
  if (id === leader) return "leader";
  if (role !== ROLE.server) return roleName(role);
  return voter ? "voter" : "learner";
}

function statusOf({ mark, status }: ShownNode): string {
  return mark ?? (status === STATUS.alive ? "alive" : "dead");
}
