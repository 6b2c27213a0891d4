import type { CoreStatus } from "@dister/raft";
import type { JsonRpc } from "../cluster/json-rpc.ts";
import type { ServedNode } from "../served-node.ts";
import type { Leadership, Moment } from "./leader-history.ts";
import { leaderlessReason } from "./leaderless.ts";
import { membersReport } from "./members-report.ts";

/** Everything that `GET /cluster/status` answers: what this node is, knows and waits for. */
export async function statusReport(node: ServedNode, json: JsonRpc): Promise<object> {
  const { self, state, identity, transport, clock, host } = node.components;
  const { status } = node;
  const isUp = (id: string): boolean => id === self.id || transport.isUp(id);
  const ids = (status?.membership.members ?? []).map(({ id }) => id);
  const [members, disk] = await Promise.all([membersReport(node, json), host?.disk().catch(() => null) ?? null]);
  return {
    node: self.info(),
    cluster: identity.current.clusterId || null,
    waitingFor: waitingFor(node, isUp),
    otherClusters: node.otherClusters.all,
    raft: status === null ? null : raftReport(status, clock.nowMs()),
    ...leaderReport(node),
    members: status === null ? [] : members,
    up: ids.filter(isUp),
    appliedLogId: state.appliedLogId(),
    durableIndex: state.durable().index,
    keys: state.kvCount(),
    services: state.services().length,
    clients: node.clients.changes.following,
    disk,
  };
}

function waitingFor(node: ServedNode, isUp: (id: string) => boolean): string | null {
  const { status, notReady } = node;
  if (notReady === "no leader" && status !== null) return leaderlessReason(status, isUp);
  return notReady ?? null;
}

/** Raft's view; moments of its own clock mean nothing to others, so they are told as durations. */
function raftReport(status: CoreStatus, nowMs: number): object {
  const { comparison, ...rest } = status;
  const { endedMs, ...round } = comparison ?? { endedMs: 0 };
  return {
    ...rest,
    roleForMs: nowMs - status.roleSinceMs,
    comparison: comparison === null ? null : { ...round, endedForMs: Math.round(nowMs - endedMs) },
  };
}

/** Who leads since when and why, for how long nobody has, and who led before. */
function leaderReport(node: ServedNode): object {
  const { history, components } = node;
  const now = { nowMs: components.clock.nowMs(), wallMs: components.clock.wallMs() };
  const { current, leaderless } = history;
  const nameOf = (id: string): string | null =>
    node.status?.membership.members.find((member) => member.id === id)?.name ?? null;
  return {
    leadership:
      current === null
        ? null
        : { ...leadershipReport(current), name: nameOf(current.leader), forMs: forMs(current.since, now) },
    leaderless:
      leaderless === null || node.status === null
        ? null
        : { since: iso(leaderless.at), forMs: forMs(leaderless.at, now), reason: leaderless.reason },
    leaders: history.all.map((one) => ({ ...leadershipReport(one), name: nameOf(one.leader) })),
  };
}

function leadershipReport({ term, leader, reason, since, ended }: Leadership): object {
  const until = ended === null ? null : { until: iso(ended.at), reason: ended.reason };
  return { term, leader, reason, since: iso(since), ended: until };
}

function forMs(since: Moment, now: Moment): number {
  return Math.round(now.nowMs - since.nowMs);
}

function iso({ wallMs }: Moment): string {
  return new Date(wallMs).toISOString();
}
