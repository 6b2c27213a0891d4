import { DisterError } from "./errors.ts";
import { isHexId, type NodeId } from "./ids.ts";
import { LIMITS } from "./limits.ts";
import type { Ports, Role } from "./node-info.ts";

/** Where a peer listens. */
export interface PeerAddress {
  /** Host name or address; IPv6 without brackets. */
  readonly host: string;
  readonly ports: Ports;
}

/** One member of a cluster, as the log has it. */
export interface Member {
  readonly id: NodeId;
  readonly name: string;
  readonly role: Role;
  /** True when the member counts for elections and commits; a learner and a monitor do not. */
  readonly voter: boolean;
  readonly address: PeerAddress;
  /** Newest state version that the member's software understands, as it last said; absent: 1. */
  readonly stateVersion?: number;
}

/**
 * The whole membership of a cluster. A membership entry takes effect when it is appended (Raft dissertation §4.1) and
 * differs from the one before it by at most one voter, so that the majorities of both always overlap.
 */
export interface Membership {
  /** Sorted by id, each id once, at most `LIMITS.membersMax`. */
  readonly members: readonly Member[];
  /**
   * State version in force, from 1; absent: 1. Commands and snapshots are of no newer one. The leader raises it when every
   * member understands more; it is never lowered, so software that does not understand it can neither join nor start.
   */
  readonly stateVersion?: number;
}

/** A membership without members: a node that waits to be told. */
export const NO_MEMBERSHIP: Membership = Object.freeze({ members: [] });

/** Ids of the voters, sorted. */
export function voterIds(membership: Membership): NodeId[] {
  return membership.members.filter((member) => member.voter).map((member) => member.id);
}

/** Makes a membership of members in any order. */
export function membershipOf(members: readonly Member[], stateVersion = 1): Membership {
  const sorted = [...members].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  return { members: sorted, ...(stateVersion === 1 ? {} : { stateVersion }) };
}

/** The same cluster with other members. */
export function withMembers(membership: Membership, members: readonly Member[]): Membership {
  return membershipOf(members, stateVersionOf(membership));
}

/** State version in force, or that of a member's software. */
export function stateVersionOf({ stateVersion }: Pick<Membership | Member, "stateVersion">): number {
  return stateVersion ?? 1;
}

/** Payload of a membership entry: JSON in UTF-8, small and readable with any tool. */
export function encodeMembership(membership: Membership): Uint8Array {
  return new TextEncoder().encode(
    JSON.stringify({ v: 1, members: membership.members, stateVersion: membership.stateVersion }),
  );
}

/**
 * Reads the payload of a membership entry.
 * @throws DisterError `DISTER_ERR_COMMAND` when it is not one.
 */
export function decodeMembership(payload: Uint8Array): Membership {
  try {
    const read = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload)) as { v: number } & Membership;
    if (read.v !== 1 || !Array.isArray(read.members)) throw new Error("not version 1");
    if (read.members.length > LIMITS.membersMax) throw new Error(`${read.members.length} members`);
    const ids = new Set<NodeId>();
    for (const { id, voter } of read.members) {
      if (typeof id !== "string" || !isHexId(id) || typeof voter !== "boolean")
        throw new Error("not a list of members");
      if (ids.has(id)) throw new Error(`${id} comes twice`);
      ids.add(id);
    }
    const stateVersion = stateVersionOf(read);
    if (!Number.isInteger(stateVersion) || stateVersion < 1) throw new Error(`state version ${stateVersion}`);
    return membershipOf(read.members, stateVersion);
  } catch (cause) {
    throw new DisterError("DISTER_ERR_COMMAND", { reason: `membership: ${(cause as Error).message}` }, { cause });
  }
}
