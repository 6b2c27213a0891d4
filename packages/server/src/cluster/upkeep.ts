import type { CoreStatus } from "@dister/raft";
import {
  type Member,
  type Membership,
  type NodeId,
  type NodeInfo,
  type PeerAddress,
  ROLE,
  stateVersionOf,
  withMembers,
} from "@dister/types";
import { hasCaughtUp } from "./caught-up.ts";
import { HEARD_WITHIN_MS, reachOf } from "./reach.ts";
import { roleChanges } from "./role-change.ts";

/** When the leader removes members that are gone, by itself; what the operator did not ask for never happens. */
export interface CleanupPolicy {
  /** Silence after which a member is taken for gone for ever, in milliseconds; 0: never. */
  readonly deadAfterMs: number;
  /** So many voters are left at least. */
  readonly minVoters: number;
}

export const NO_CLEANUP: CleanupPolicy = Object.freeze({ deadAfterMs: 0, minVoters: 1 });

/** What the leader knows of the members beside Raft's view. */
export interface UpkeepFacts {
  readonly self: NodeInfo;
  /** What a connected member last said of itself; undefined for one that is not connected. */
  readonly said: (id: NodeId) => { readonly info: NodeInfo } | undefined;
  /** Whom the leader can count on for its next decision, itself among them. */
  readonly answers: (id: NodeId) => boolean;
  /** The address that should take the place of the one in the log; null where that one is right. */
  readonly corrected: (member: Member) => PeerAddress | null;
  readonly cleanup: CleanupPolicy;
}

/** What is needed of Raft's view. */
type RaftView = Pick<CoreStatus, "membership" | "progress" | "lastIndex">;

/** One change of the membership that the leader makes by itself. */
export interface Upkeep {
  /** What it is, for people. */
  readonly message: string;
  readonly fields: Readonly<Record<string, string | number>>;
  readonly to: Membership;
}

/** What the leader should change next, null for nothing. One thing at a time, the most useful first. */
export function nextUpkeep(status: RaftView, facts: UpkeepFacts): Upkeep | null {
  return (
    otherRole(status, facts) ??
    promoted(status) ??
    moved(status, facts) ??
    upgraded(status, facts) ??
    raisedVersion(status.membership) ??
    cleanedUp(status, facts)
  );
}

/**
 * A learner that waits for its vote because it has the address of an older member: the same machine with another disk. Both
 * would be voters otherwise, and the old half would count for ever.
 */
export function replacedBy(learner: Member, { members }: Membership): Member | undefined {
  return members.find((member) => member.id !== learner.id && isSameAddress(member.address, learner.address));
}

function isSameAddress(a: PeerAddress, b: PeerAddress): boolean {
  return a.host === b.host && a.ports.raft === b.ports.raft;
}

/** A member was started with another role. Before all else: who wants no vote is not given one. */
function otherRole({ membership }: RaftView, facts: UpkeepFacts): Upkeep | null {
  const { next } = roleChanges(membership, facts);
  if (next === null) return null;
  return replaced(
    membership,
    next,
    next.role === ROLE.monitor ? "a member is a monitor now, without a vote" : "a monitor is a server now, and learns",
  );
}

/** Makes a voter of a server that has caught up (Raft dissertation §4.2.1). */
function promoted({ membership, progress, lastIndex }: RaftView): Upkeep | null {
  for (const peer of progress) {
    const member = membership.members.find((one) => one.id === peer.id);
    if (member === undefined || member.voter || member.role !== ROLE.server) continue;
    if (!hasCaughtUp(peer, lastIndex) || peer.silentMs >= HEARD_WITHIN_MS) continue;
    if (replacedBy(member, membership) !== undefined) continue;
    return replaced(membership, { ...member, voter: true }, "promoting a learner to voter");
  }
  return null;
}

/** An address is a fact of the log: a node that starts later finds the others by it. */
function moved({ membership }: RaftView, { corrected }: UpkeepFacts): Upkeep | null {
  for (const member of membership.members) {
    const address = corrected(member);
    if (address === null) continue;
    return replaced(membership, { ...member, address }, "a member's address changed");
  }
  return null;
}

/** Notes what a member's software understands since it was last started. */
function upgraded({ membership }: RaftView, { self, said }: UpkeepFacts): Upkeep | null {
  for (const member of membership.members) {
    const stateVersion = (member.id === self.id ? self : said(member.id)?.info)?.stateVersion;
    if (stateVersion === undefined || stateVersion === stateVersionOf(member)) continue;
    return replaced(membership, { ...member, stateVersion }, "a member runs other software");
  }
  return null;
}

function raisedVersion(membership: Membership): Upkeep | null {
  const common = Math.min(...membership.members.map(stateVersionOf));
  if (common <= stateVersionOf(membership)) return null;
  const fields = { stateVersion: common };
  return { message: "every member understands a newer state version", fields, to: { ...membership, ...fields } };
}

/**
 * Removes one member that was silent for too long. Silence is counted by the leader itself, from when it began to lead; the
 * voters left must be enough, and a majority of them is heard: what is away together is a cut network, not a grave.
 */
function cleanedUp({ membership, progress }: RaftView, { said, answers, cleanup }: UpkeepFacts): Upkeep | null {
  if (cleanup.deadAfterMs === 0) return null;
  for (const { id, silentMs } of progress) {
    const member = membership.members.find((one) => one.id === id);
    if (member === undefined || silentMs < cleanup.deadAfterMs || said(id) !== undefined) continue;
    const left = membership.members.filter((one) => one.id !== id);
    const voters = left.filter(({ voter }) => voter).map((one) => one.id);
    const { isMajority } = reachOf(voters, answers);
    if (member.voter && (voters.length < cleanup.minVoters || !isMajority)) continue;
    const fields = { node: id, name: member.name, silentMs: Math.round(silentMs) };
    return { message: "removing a member that is gone", fields, to: withMembers(membership, left) };
  }
  return null;
}

function replaced(membership: Membership, member: Member, message: string): Upkeep {
  const members = membership.members.map((one) => (one.id === member.id ? member : one));
  return { message, fields: { node: member.id, name: member.name }, to: withMembers(membership, members) };
}
