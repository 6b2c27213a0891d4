import { hostname } from "node:os";
import type { DiskLog } from "@dister/log";
import { STATE_VERSION } from "@dister/store";
import {
  DisterError,
  ENTRY_KIND,
  type EntryKind,
  encodeMembership,
  LIMITS,
  LOG_ID_RANDOM_SIZE,
  type LogEntry,
  type LogPosition,
  type Member,
  type Membership,
  type NodeId,
  type Rng,
  ROLE,
  stateVersionOf,
  withMembers,
} from "@dister/types";
import type { Config } from "@dister/types/schemas";

/** What is to be written into the log of a node that is to be a cluster of its own, without anybody's vote. */
export interface Decree {
  /** The term of everything that is decreed; above every term that the node knows of. */
  readonly term: number;
  /** The last entry before it. */
  readonly after: LogPosition;
  readonly membership: Membership;
  /** Commands behind the membership. */
  readonly commands: readonly Uint8Array[];
}

/**
 * This node as the only voter of a cluster.
 * @param before - the membership that the state comes from: its state version stays in force.
 */
export function onlyVoter(
  id: NodeId,
  config: Config,
  before: { membership: Membership; host?: string | undefined },
): Membership {
  const inForce = stateVersionOf(before.membership);
  if (inForce > STATE_VERSION) {
    const reason = `state version ${inForce} is in force in it, this software understands ${STATE_VERSION}: install newer software`;
    throw new DisterError("DISTER_ERR_STORE", { reason });
  }
  const address = { host: config.Ip || before.host || "127.0.0.1", ports: config.Ports };
  const understood = STATE_VERSION === 1 ? {} : { stateVersion: STATE_VERSION };
  const name = config.Name || hostname();
  const member: Member = { id, name, role: ROLE.server, voter: true, address, ...understood };
  return withMembers(before.membership, [member]);
}

/**
 * Appends a decree and calls it, and everything before it, committed: it is durable on the only voter that there is. The
 * node that starts with this log stands for election in a later term, like any other.
 */
export async function appendDecree(log: DiskLog, decree: Decree, rng: Rng): Promise<void> {
  const { term, after } = decree;
  const made: { kind: EntryKind; payload: Uint8Array }[] = [
    { kind: ENTRY_KIND.membership, payload: encodeMembership(decree.membership) },
    ...decree.commands.map((payload) => ({ kind: ENTRY_KIND.command, payload })),
  ];
  const entries = made.map(({ kind, payload }, position): LogEntry => {
    const r = Math.floor(rng.next() * LOG_ID_RANDOM_SIZE);
    return { index: after.index + 1 + position, term, r, kind, payload };
  });
  for (let at = 0; at < entries.length; at += LIMITS.appendEntriesMax) {
    await log.append({ entries: entries.slice(at, at + LIMITS.appendEntriesMax) });
  }
  // By itself and last: a hard state never calls committed what is not durable.
  await log.append({ entries: [], hardState: { term, vote: null, commit: entries.at(-1)!.index } });
}
