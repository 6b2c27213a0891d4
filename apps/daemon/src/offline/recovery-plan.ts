import { type HardState, type LogPosition, type Member, type Membership, type NodeId, voterIds } from "@dister/types";

/** What a stopped node has, as its log, its state and its identity say. */
export interface Survivor {
  readonly nodeId: NodeId;
  readonly hardState: HardState;
  /** Of the log: what lies before the first entry, and the last. */
  readonly base: LogPosition;
  readonly last: LogPosition;
  readonly suspect: LogPosition;
  /** Of the state. */
  readonly applied: LogPosition;
  readonly restoredFrom: LogPosition;
  /** Term that the log has at `applied.index`, undefined when it does not reach there. */
  readonly termAtApplied: number | undefined;
  /** The newest membership in the log, in the state, or of the founding. */
  readonly membership: Membership;
}

/** What is kept and what is given up. */
export interface RecoveryPlan {
  /** The last entry that is kept, of the log or, where that is behind, of the state. */
  readonly last: LogPosition;
  /** Entries behind the state: kept, although some may never have been acknowledged to anybody. */
  readonly tailCount: number;
  /** Of these, how many this node does not know to be committed. */
  readonly unsureCount: number;
  /** Term of the decree: above every term that this node has seen. */
  readonly term: number;
  /** The membership that is in force, this node's place in it, and the others. */
  readonly membership: Membership;
  readonly self: Member;
  readonly givenUp: readonly Member[];
  /**
   * The log was damaged: entries behind the state and up to this index may have been acknowledged, and are not here, or were
   * overwritten and are here again; 0 for none.
   */
  readonly lostUpTo: number;
}

/**
 * Decides what a survivor brings into a cluster of its own, or why it cannot.
 *
 *     log:    base .......... last           kept: the state, and what the log has behind it
 *     state:         applied
 *
 * @returns the plan, or the reason against it in one sentence.
 */
export function planRecovery(survivor: Survivor): RecoveryPlan | string {
  const { nodeId, applied, last, hardState, suspect, membership } = survivor;
  const self = membership.members.find(({ id }) => id === nodeId);
  if (membership.members.length === 0) return "it knows no members yet: it has nothing that could be recovered";
  if (self === undefined) return "this node was removed from its cluster, and may be far behind it: restore a backup";
  const givenUp = membership.members.filter(({ id }) => id !== nodeId);
  const isAlone = self.voter && voterIds(membership).length === 1;
  if (isAlone && suspect.index === 0) return "this node is the only voter: it needs nobody else, start it";
  const objection = objectionTo(survivor);
  if (objection !== undefined) return objection;
  const holds = survivor.termAtApplied === applied.term;
  const kept = holds ? last : applied;
  const tailCount = kept.index - applied.index;
  // In the place of what was committed a damaged log may hold what had been overwritten there: only the state is sure.
  const isSuspect = suspect.index > applied.index;
  const known = isSuspect ? applied.index : Math.max(hardState.commit, applied.index);
  return {
    last: kept,
    tailCount,
    unsureCount: Math.max(0, kept.index - known),
    term: Math.max(hardState.term, kept.term, applied.term) + 1,
    membership,
    self,
    givenUp,
    lostUpTo: isSuspect ? suspect.index : 0,
  };
}

/** Log and state that do not belong together are refused here as they are at a start. */
function objectionTo(survivor: Survivor): string | undefined {
  const { applied, base, last, hardState, suspect, restoredFrom, termAtApplied } = survivor;
  if (hardState.term < applied.term) {
    return `its state holds an entry of term ${applied.term}, its log knows term ${hardState.term}: the log was lost`;
  }
  // No snapshot explains this: its log begins behind the state, never later.
  if (applied.index < base.index) {
    return `its state is at log index ${applied.index}, its log begins behind ${base.index}: entries are missing`;
  }
  const atSnapshot = restoredFrom.index > 0 && restoredFrom.index === applied.index;
  if (termAtApplied === applied.term || atSnapshot || applied.index <= suspect.index) return undefined;
  if (applied.index > last.index) {
    return `its state is at log index ${applied.index}, its log ends at ${last.index}: they do not belong together`;
  }
  return `index ${applied.index} has term ${applied.term} in its state and ${termAtApplied} in its log`;
}
