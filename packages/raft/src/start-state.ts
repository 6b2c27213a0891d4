import { DisterError, type Logger, type LogStore, type StateMachine } from "@dister/types";
import type { CoreStatus } from "./core/core.ts";

/**
 * Brings a log and a state machine that were closed in any way back together, or refuses.
 *
 *     log:            base ........... lastIndex
 *     state machine:        applied
 *
 * A state machine that the log does not hold is sound in three cases: a crash between "snapshot in use" and "log begins
 * behind it"; a log that was cut by damage behind which the state machine still has what is missing; and such a log that
 * ends with entries that had been overwritten, because the damage took the records that replaced them. Those may be of an
 * older or of a newer term than what came instead and was applied.
 *
 * A state machine that has all that a damaged log may have acknowledged makes it whole.
 * @throws DisterError `DISTER_ERR_STORE`; nothing is changed then.
 */
export async function settleStart(log: LogStore, stateMachine: StateMachine<unknown>, logger: Logger): Promise<void> {
  const applied = stateMachine.applied();
  // Installing a snapshot makes the sender's term durable first, so an older term means a log that lost its memory of
  // votes (scenario P4). It must not be mistaken for an installation that was cut.
  if (log.hardState().term < applied.term) {
    throw new DisterError("DISTER_ERR_STORE", {
      reason: `it holds an entry of term ${applied.term}, the log's hard state is of term ${log.hardState().term}`,
    });
  }
  // No snapshot explains this: a log begins behind one that was installed, never later.
  if (applied.index < log.base().index) {
    throw new DisterError("DISTER_ERR_STORE", {
      reason: `it is at log index ${applied.index}, the log begins behind ${log.base().index}: entries are missing`,
    });
  }
  if (log.termAt(applied.index) !== applied.term) await beginBehindState(log, stateMachine, logger);
  await endDoubt(log, stateMachine, logger);
}

async function beginBehindState(log: LogStore, stateMachine: StateMachine<unknown>, logger: Logger): Promise<void> {
  const applied = stateMachine.applied();
  const restored = stateMachine.restoredFrom();
  const atSnapshot = restored.index > 0 && restored.index === applied.index;
  if (atSnapshot) {
    logger.info("finishing the installation of a snapshot", { index: applied.index });
    return log.reset(applied);
  }
  if (applied.index > log.suspect().index) {
    const reason =
      applied.index > log.lastIndex()
        ? `it is at log index ${applied.index}, the log ends at ${log.lastIndex()}: they do not belong together`
        : `index ${applied.index} has term ${applied.term} in it and ${log.termAt(applied.index)} in the log`;
    throw new DisterError("DISTER_ERR_STORE", { reason });
  }
  // What is applied was committed. It must be durable before a damaged log may begin anew behind it.
  if (!(await isDurable(stateMachine))) {
    throw new DisterError("DISTER_ERR_STORE", { reason: "it cannot be made durable" });
  }
  logger.warn("the damaged log begins anew behind what is applied", { index: applied.index });
  await log.reset(applied);
}

/** All that the log may have acknowledged is applied, and the log agrees with that: nothing is missing. */
async function endDoubt(log: LogStore, stateMachine: StateMachine<unknown>, logger: Logger): Promise<void> {
  const { index } = stateMachine.applied();
  const suspect = log.suspect();
  if (suspect.index === 0 || index < suspect.index || !(await isDurable(stateMachine))) return;
  await log.trust();
  logger.info("all that the damaged log had is applied: it is whole again", { index });
}

/** Makes what is applied durable. Asked for, and not believed: the process before may have ended before it was synced. */
async function isDurable(stateMachine: StateMachine<unknown>): Promise<boolean> {
  const durable = await stateMachine.checkpoint();
  return durable.index >= stateMachine.applied().index;
}

/**
 * Refuses a log that lost what it had acknowledged where no other voter could make it whole: the node would wait for ever.
 * @throws DisterError `DISTER_ERR_LOG_CORRUPT`.
 */
export function refuseHopelessLog(log: LogStore, { id, membership, membershipIndex }: CoreStatus): void {
  const suspect = log.suspect();
  const others = membership.members.filter((member) => member.voter && member.id !== id);
  if (suspect.index === 0 || others.length > 0 || membership.members.length === 0) return;
  // Voters that joined by entries that are lost are not known here, and this node not to them, as long as it does not run.
  const known = `the membership of entry ${membershipIndex} names no other voter that has them`;
  const lost = `entries up to ${suspect.index} may have been acknowledged and are lost, and ${known}`;
  const reason = log.recovery.damage === undefined ? lost : `${lost}. ${log.recovery.damage}`;
  throw new DisterError("DISTER_ERR_LOG_CORRUPT", { file: "the log", offset: 0, reason });
}
