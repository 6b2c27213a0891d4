import type { Client, ShownNode, WriteOptions } from "@dister/client";
import { DisterError, isHexId, logIdIndex, type Member, roleName, STATUS } from "@dister/types";
import type { Reply } from "../output.ts";
import { printable, tableOf } from "../table.ts";

/** What `GET /cluster/status` answers, as far as it is shown. */
interface StatusReport {
  readonly node: { readonly id: string; readonly name: string };
  readonly cluster: string | null;
  readonly waitingFor: string | null;
  readonly raft: RaftReport | null;
  readonly appliedLogId: number;
  readonly keys: number;
  readonly services: number;
}

interface RaftReport {
  readonly role: string;
  readonly term: number;
  readonly leader: string | null;
  readonly reason: string;
  readonly roleForMs: number;
  readonly lastIndex: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly membership: { readonly members: readonly Member[] };
  /** Empty unless the node that answers leads. */
  readonly progress: readonly {
    readonly id: string;
    readonly match: number;
    readonly suspect?: boolean;
    readonly lostData?: boolean;
  }[];
}

/** A member with what is known of it from here. */
interface MemberReport {
  readonly id: string;
  readonly name: string;
  readonly api: string;
  readonly role: string;
  readonly voter: boolean;
  readonly leader: boolean;
  readonly status: "alive" | "dead" | "damaged" | "lost data";
  /** Log entries that it has not stored yet, as far as known; null when it is not. */
  readonly lag: number | null;
}

/** Who leads, since which term and why, and how the members are. */
export async function showStatus(client: Client): Promise<Reply> {
  const report = (await client.status()) as Readonly<Record<string, unknown>> & StatusReport;
  if (report.raft === null) {
    const { name, id } = report.node;
    const text = `${printable(name)} (${id}) belongs to no cluster yet: ${report.waitingFor ?? "starting"}`;
    return { data: { ...report, members: [] }, text };
  }
  const members = membersOf(report.raft, await client.nodes.list());
  return { data: { ...report, members }, text: statusText(report, report.raft, members) };
}

/**
 * Asks the leader to hand over.
 * @param to - id or name of a member; without one the leader chooses.
 */
export async function transferLeadership(
  client: Client,
  to: string | undefined,
  options: WriteOptions,
): Promise<Reply> {
  const id = to === undefined ? undefined : await idOf(client, to);
  const asked = await client.transferLeadership(id, options);
  return { data: { to: asked }, text: `ok, ${asked} is asked to lead` };
}

async function idOf(client: Client, idOrName: string): Promise<string> {
  const id = idOrName.toUpperCase();
  if (isHexId(id)) return id;
  const named = (await client.nodes.list()).filter(({ name }) => name === idOrName);
  if (named.length === 1) return named[0]!.id;
  const reason = `${named.length === 0 ? "no member is" : "several members are"} called ${JSON.stringify(idOrName)}`;
  throw new DisterError("DISTER_ERR_MEMBERSHIP", { reason }, { message: reason });
}

function membersOf(raft: RaftReport, nodes: readonly ShownNode[]): MemberReport[] {
  const lastIndex = Math.max(raft.lastIndex, ...nodes.map(({ logid }) => logIdIndex(logid)));
  return raft.membership.members.map(({ id, name, role, voter, address }) => {
    const node = nodes.find((one) => one.id === id);
    const alive = node?.status === STATUS.alive;
    // The leader knows what each has stored; of others, only what a node says of itself counts, and a dead one says nothing.
    const known = raft.progress.find((one) => one.id === id);
    const stored = known?.match ?? (alive ? logIdIndex(node.logid) : undefined);
    const host = address.host.includes(":") ? `[${address.host}]` : address.host;
    return {
      id,
      name,
      api: `${host}:${address.ports.api}`,
      role: roleName(role),
      voter,
      leader: id === raft.leader,
      status: known?.lostData ? "lost data" : known?.suspect ? "damaged" : alive ? "alive" : "dead",
      lag: stored === undefined ? null : Math.max(0, lastIndex - stored),
    };
  });
}

function statusText(report: StatusReport, raft: RaftReport, members: readonly MemberReport[]): string {
  const leader = members.find((member) => member.leader);
  const here = report.node.id === raft.leader ? "leads" : `is ${raft.role}`;
  const facts: [string, string][] = [
    ["cluster", `${report.cluster ?? "none"}, ${members.length} members`],
    ["leader", leader === undefined ? "none" : `${leader.name} (${leader.id}), term ${raft.term}`],
    ["why", `${report.node.name} ${here} since ${(raft.roleForMs / 1_000).toFixed(1)} s: ${raft.reason}`],
    ["log", `applied log id ${report.appliedLogId}, index ${raft.appliedIndex} of ${raft.commitIndex} committed`],
    ["holds", `${report.keys} keys, ${report.services} services`],
  ];
  if (report.waitingFor !== null) facts.push(["waiting", report.waitingFor]);
  const rows = members.map((one) => {
    const role = one.leader ? "leader" : one.role;
    return [one.name, one.id, one.api, role, one.voter ? "yes" : "no", one.status, one.lag?.toString() ?? "-"];
  });
  const titles = ["Name", "Id", "Api", "Role", "Voter", "Status", "Lag"];
  const columns = titles.map((title) => ({ title, align: title === "Lag" ? ("right" as const) : ("left" as const) }));
  const head = facts.map(([title, text]) => `${title.padEnd(8)} ${printable(text)}`).join("\n");
  return `${head}\n\n${tableOf(columns, rows)}`;
}
