import type { CoreStatus } from "@dister/raft";
import { logIdIndex, type Member, type NodeInfo, RAFT_ROLE, STATUS, stateVersionOf } from "@dister/types";
import type { ShownNode } from "../api-node.ts";
import type { JsonRpc } from "../cluster/json-rpc.ts";
import type { ServedNode } from "../served-node.ts";
import { LEADER_METHOD, type LeaderWords } from "./cluster-news.ts";

/** A member that does not answer within this is shown as it was last heard, and dead. */
const ASK_MS = 300;

/** What a leader tells of the members' logs. */
interface LeaderView extends LeaderWords, Pick<CoreStatus, "lastIndex" | "progress"> {}

/** Answers what other nodes ask their leader. */
export function serveLeaderView(node: ServedNode, json: JsonRpc): void {
  json.serve<null, LeaderView>(LEADER_METHOD, () => viewOf(node.membered.raft.status(), node));
}

function viewOf(status: CoreStatus, node: ServedNode): LeaderView {
  const { term, reason, roleSinceMs, lastIndex, progress } = status;
  const ledForMs = status.role === "leader" ? node.components.clock.nowMs() - roleSinceMs : 0;
  // A node that does not lead says so by a term that nobody asks for.
  return { term: status.role === "leader" ? term : 0, reason, ledForMs, lastIndex, progress };
}

/** The members as they are now: each is asked for itself, the leader for all of them. A node without a cluster shows itself. */
export async function membersReport(node: ServedNode, json: JsonRpc): Promise<ShownNode[]> {
  const { status } = node;
  const members = status?.membership.members ?? [];
  if (status === null || members.length === 0) {
    return [{ ...node.components.self.info(), voter: false, lag: null, silentMs: null, mark: null }];
  }
  const [infos, view] = await Promise.all([
    Promise.all(members.map((member) => infoOf(member, node, json))),
    leaderView(status, node, json),
  ]);
  const lastIndex = Math.max(
    view?.lastIndex ?? 0,
    status.lastIndex,
    ...infos.filter(isAlive).map(({ logid }) => logIdIndex(logid)),
  );
  return members.map(({ voter, id }, position) => {
    const info = infos[position]!;
    const known = view?.progress.find((peer) => peer.id === id);
    // The leader knows what each has stored; without one only what a living node says of itself counts.
    const stored = known?.match ?? (isAlive(info) ? logIdIndex(info.logid) : null);
    const silentMs = id === status.leader ? status.leaderSilentMs : (known?.silentMs ?? null);
    return {
      ...info,
      voter,
      lag: stored === null ? null : Math.max(0, lastIndex - stored),
      silentMs: silentMs === null ? null : Math.round(silentMs),
      mark: known?.lostData ? "lost data" : known?.suspect ? "damaged" : null,
    };
  });
}

async function leaderView(status: CoreStatus, node: ServedNode, json: JsonRpc): Promise<LeaderView | null> {
  if (status.role === "leader") return viewOf(status, node);
  if (status.leader === null) return null;
  const view = await json.call<null, LeaderView>(status.leader, LEADER_METHOD, null, ASK_MS).catch(() => null);
  return view === null || view.term === 0 ? null : view;
}

async function infoOf(member: Member, node: ServedNode, json: JsonRpc): Promise<NodeInfo> {
  const { self, transport, identity } = node.components;
  const { id, name, role, address } = member;
  if (id === self.id) return { ...self.info(), ip: self.info().ip || address.host };
  try {
    if (!transport.isUp(id)) throw new Error("not connected");
    const info = await json.call<null, NodeInfo>(id, "node.info", null, ASK_MS);
    return { ...info, ip: info.ip || address.host };
  } catch {
    const heard = node.directory.get(id)?.info;
    const { group, clusterId } = identity.current;
    const { logid, serviceid, version, boot } = heard ?? { logid: 0, serviceid: 0, version: "", boot: "" };
    const software = { version, stateVersion: stateVersionOf(member), boot };
    const fixed = { name, group, id, ip: address.host, role, ports: address.ports, cluster: clusterId };
    return { ...fixed, status: STATUS.dead, raft: RAFT_ROLE.follower, logid, serviceid, ...software };
  }
}

function isAlive({ status }: NodeInfo): boolean {
  return status === STATUS.alive;
}
