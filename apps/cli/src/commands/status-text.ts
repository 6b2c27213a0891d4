import type { ShownNode } from "@dister/client";
import { type Column, printable, tableOf } from "../table.ts";
import { MEMBER_COLUMNS, memberRow } from "./members.ts";
import type { ClientReport, StatusReport } from "./status-report.ts";
import { bytesText, durationText } from "./units.ts";

/** Former leaders that are shown; `--json` has all that the node remembers. */
const FORMER_SHOWN = 4;

/** A status for people: facts line by line, then the members, then what the last comparison round found. */
export function statusText(report: StatusReport): string {
  const parts = [factsText(report)];
  if (report.members.length > 0) {
    parts.push(
      tableOf(
        MEMBER_COLUMNS,
        report.members.map((member) => memberRow(member, leaderOf(report))),
      ),
    );
  }
  const scores = scoresText(report);
  if (scores !== undefined) parts.push(scores);
  return parts.join("\n\n");
}

/** The status of a node with the role client: whom it asks, and how fresh what it keeps is. */
export function clientText(report: StatusReport, { following, leader, ageMs, servers, cache }: ClientReport): string {
  const { node, cluster, waitingFor, services } = report;
  const nameOf = (id: string): string => servers.find((server) => server.id === id)?.name ?? id;
  const fresh = ageMs === null ? "nothing yet" : `nothing was missing ${durationText(ageMs)} ago`;
  const facts: [string, string][] = [
    ["cluster", cluster ?? "none found yet"],
    ["leader", leader === null ? "none known" : `${nameOf(leader)} (${leader})`],
    ["here", `${node.name} (${node.id}) is a client`],
    ["servers", servers.length === 0 ? "none connected" : servers.map(({ name }) => name).join(", ")],
    ["follows", `${following === null ? "nobody" : nameOf(following)}; ${fresh}`],
    ["keeps", `${cache.keys} keys (${bytesText(cache.bytes)}), ${services} services`],
  ];
  if (waitingFor !== null) facts.push(["waiting", waitingFor]);
  const members = report.members.map((member) => memberRow(member, leader));
  const table = members.length === 0 ? "" : `\n\n${tableOf(MEMBER_COLUMNS, members)}`;
  return linesOf(facts) + table;
}

function linesOf(facts: readonly (readonly [string, string])[]): string {
  return facts.map(([title, text]) => `${title.padEnd(8)} ${printable(text)}`).join("\n");
}

function leaderOf({ raft }: StatusReport): string | null {
  return raft?.leader ?? null;
}

function factsText(report: StatusReport): string {
  const { node, cluster, members, raft, disk } = report;
  const facts: [string, string][] = [
    ["cluster", cluster === null ? "none" : `${cluster}, ${members.length} members`],
    ["leader", leaderText(report)],
  ];
  for (const text of formerText(report)) facts.push(["before", text]);
  facts.push(["here", `${node.name} (${node.id}) ${raft === null ? "is no member" : `is ${raft.role}`}`]);
  if (raft !== null) {
    const { appliedIndex, commitIndex, lastIndex } = raft;
    const indices = `index ${appliedIndex} applied, ${commitIndex} committed, ${lastIndex} last`;
    facts.push(["log", `${indices}; applied log id ${report.appliedLogId}`]);
  }
  facts.push(["holds", `${report.keys} keys, ${report.services} services`]);
  if (disk !== null) facts.push(["disk", diskText(disk)]);
  if (report.waitingFor !== null) facts.push(["waiting", report.waitingFor]);
  for (const { cluster: other, nodes } of report.otherClusters ?? []) {
    const who = nodes.map(({ name, host, raftPort }) => `${name} at ${host}:${raftPort}`).join(", ");
    const help = "nothing is merged; keep one, and run `dister node reset` on the nodes of the other";
    facts.push(["met", `cluster ${other} of the same group (${who}): ${help}`]);
  }
  return linesOf(facts);
}

function leaderText({ leadership, leaderless }: StatusReport): string {
  if (leadership !== null) {
    const { name, leader, term, since, forMs, reason } = leadership;
    return `${name ?? leader} (${leader}), term ${term}, for ${durationText(forMs)} since ${since}: ${reason}`;
  }
  if (leaderless === null) return "none";
  return `none for ${durationText(leaderless.forMs)} since ${leaderless.since}: ${leaderless.reason}`;
}

function formerText({ leaders }: StatusReport): string[] {
  const former = leaders.filter(({ ended }) => ended !== null).slice(0, FORMER_SHOWN);
  return former.map(({ name, leader, term, since, ended, reason }) => {
    const span = `${since} to ${ended!.until}`;
    return `${name ?? leader}, term ${term}, ${span}: came by "${reason}", went by "${ended!.reason}"`;
  });
}

function diskText(disk: NonNullable<StatusReport["disk"]>): string {
  const { logBytes, stateBytes, freeBytes, totalBytes, folder } = disk;
  const used = `log ${bytesText(logBytes)}, database ${bytesText(stateBytes)}`;
  return `${used}; ${bytesText(freeBytes)} of ${bytesText(totalBytes)} free at ${folder}`;
}

const SCORE_COLUMNS: readonly Column[] = [
  { title: "Peer" },
  { title: "Answer", align: "right" },
  { title: "Reached", align: "right" },
  { title: "Sum", align: "right" },
  { title: "Index", align: "right" },
  { title: "Term", align: "right" },
];

function scoresText({ raft, members }: StatusReport): string | undefined {
  if (raft === null || raft.comparison === null) return undefined;
  const { decides, endedForMs, peers } = raft.comparison;
  const nameOf = (id: string): string => members.find((member: ShownNode) => member.id === id)?.name ?? id;
  const us = (value: number | null): string => (value === null ? "-" : `${(value / 1_000).toFixed(2)} ms`);
  const rows = peers.map(({ id, responseUs, scoreCount, score, last }) => {
    const log = last === null ? ["-", "-"] : [String(last.index), String(last.term)];
    return [nameOf(id), us(responseUs), scoreCount === null ? "-" : String(scoreCount), us(score), ...log];
  });
  const why = decides ? "the leader was suspected" : "a measurement";
  const own = `this node reached ${raft.scoreCount} peers in ${us(raft.score)} together`;
  return `last comparison round, ${durationText(endedForMs)} ago (${why}): ${own}\n${tableOf(SCORE_COLUMNS, rows)}`;
}
