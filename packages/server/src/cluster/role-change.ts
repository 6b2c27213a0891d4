import type { Member, Membership, NodeId, NodeInfo, Role } from "@dister/types";
import { ROLE } from "@dister/types";
import { reachOf } from "./reach.ts";

/** What the leader knows of the roles that nodes say of themselves. */
export interface RoleFacts {
  readonly self: Pick<NodeInfo, "id" | "role">;
  /** What a connected member last said of itself; undefined for one that is not connected. */
  readonly said: (id: NodeId) => { readonly info: Pick<NodeInfo, "role"> } | undefined;
  /** Whom the leader can count on for its next decision, itself among them. */
  readonly answers: (id: NodeId) => boolean;
}

/** What to do about members whose role is no longer the one in the log. */
export interface RoleChanges {
  /** The member as it should be from now on, null for none. */
  readonly next: Member | null;
  /** Members that want to be monitors and whose votes are needed: taking one away would leave no majority reachable. */
  readonly held: readonly Member[];
  /** True when the leader itself wants to be a monitor, and has to hand over first. */
  readonly leaderLeaves: boolean;
}

/**
 * Compares what members say they are since their last start with what the log says. A monitor that became a server gets its
 * vote later, like every learner; a server that became a monitor loses it, while the others can decide without it.
 */
export function roleChanges(membership: Membership, facts: RoleFacts): RoleChanges {
  const held: Member[] = [];
  let next: Member | null = null;
  let leaderLeaves = false;
  for (const member of membership.members) {
    const role = roleOf(member, facts);
    if (role === member.role || role === ROLE.client) continue;
    if (role === ROLE.monitor && member.voter && member.id === facts.self.id) leaderLeaves = true;
    else if (role === ROLE.monitor && member.voter && !canDecideWithout(member, membership, facts)) held.push(member);
    else next ??= { ...member, role, voter: role === ROLE.server && member.voter };
  }
  return { next, held, leaderLeaves };
}

/**
 * Voters that a leader which wants to be a monitor can hand over to: servers that are connected, and mean to stay servers.
 * Among two that both want to leave, leadership would go to and fro.
 */
export function stayingVoters({ members }: Membership, facts: RoleFacts): NodeId[] {
  return members
    .filter(({ id, voter }) => voter && id !== facts.self.id && facts.said(id)?.info.role === ROLE.server)
    .map(({ id }) => id);
}

function roleOf(member: Member, { self, said }: RoleFacts): Role {
  if (member.id === self.id) return self.role;
  return said(member.id)?.info.role ?? member.role;
}

function canDecideWithout(leaving: Member, { members }: Membership, { answers }: RoleFacts): boolean {
  const left = members.filter(({ id, voter }) => voter && id !== leaving.id).map(({ id }) => id);
  return reachOf(left, answers).isMajority;
}
