import type { ClusterView, Part, RaftView } from "../model.ts";
import { nothing } from "./table.ts";
import { durationText, foreignText, momentText } from "./text.ts";
import { type Child, element, type Tree } from "./tree.ts";

/**
 * Who leads, since when and why.
 * @param roleSinceMs - when the node took its role, by the wall clock.
 */
export function clusterView(part: Part<ClusterView>, roleSinceMs: number): Tree {
  if (!part.ok) return nothing(`The state could not be read: ${part.message}`);
  const { data } = part;
  const facts: [title: string, ...value: Child[]][] = [
    ["Leader", ...leaderOf(data)],
    ["Term", data.raft === null ? "–" : String(data.raft.term)],
    ["This node", ...thisNode(data, roleSinceMs)],
    ["Members connected", data.raft === null ? "–" : `${data.membersUp} of ${data.members}`],
    ["Keys", String(data.keys)],
    ["Services", String(data.services)],
    ["Committed, applied", data.raft === null ? "–" : `${data.raft.commitIndex}, ${data.raft.appliedIndex}`],
    ["Cluster", data.clusterId === null ? "none yet" : element("code", {}, data.clusterId)],
    ["Group", foreignText(data.group)],
  ];
  return element(
    "dl",
    { class: "facts" },
    ...facts.map(([title, ...value]) => element("div", {}, element("dt", {}, title), element("dd", {}, ...value))),
  );
}

function leaderOf({ raft, nodeId, waitingFor }: ClusterView): Child[] {
  if (raft === null) return [note(`no cluster yet: ${waitingFor ?? "starting"}`)];
  if (raft.leader === null) return [note("none known to this node")];
  const { id, name } = raft.leader;
  const where = id === nodeId ? " (this node)" : "";
  return [element("strong", {}, foreignText(name || id), where), note(id)];
}

function thisNode({ raft, nodeName, nodeId }: ClusterView, roleSinceMs: number): Child[] {
  const name = element("strong", {}, foreignText(nodeName));
  if (raft === null) return [name, note(nodeId)];
  const since = `${raft.role} since ${momentText(roleSinceMs)} (${durationText(raft.roleForMs)})`;
  return [name, note(since), note(whyOf(raft))];
}

function whyOf({ reason }: RaftView): string {
  return reason === "" ? "no reason given" : `because: ${reason}`;
}

const note = (text: string): Tree => element("span", { class: "note line" }, text);
