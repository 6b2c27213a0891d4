import { DisterError, type Logger, type LogStore, type StateMachine } from "@dister/types";
import type { CoreStatus } from "./core/core.ts";

/**
 * Brings a log and a state machine that were closed in any way back together, or refuses.
 *
 *     log:            base ........... lastIndex
 *     state machine:        applied
 *
 * A state machine ahead of the log is sound in two cases: a crash between "snapshot in use" and "log begins behind it", and
 * a log that was cut by damage behind which the state machine still has what is missing. Such a log may also end with
 * entries that had been overwritten: what lies before the damage in its file can be older than what was lost.
 * @throws DisterError `DISTER_ERR_STORE`; nothing is changed then.
 */
export async function settleStart(log: LogStore, stateMachine: StateMachine<unknown>, logger: Logger): Promise<void> {
  const applied = stateMachine.applied();
  const restored = stateMachine.restoredFrom();
  // Installing a snapshot makes the sender's term durable first, so an older term means a log that lost its memory of
  // votes (scenario P4). It must not be mistaken for an installation that was cut.
  if (log.hardState().term < applied.term) {
    throw new DisterError("DISTER_ERR_STORE", {
      reason: `it holds an entry of term ${applied.term}, the log's hard state is of term ${log.hardState().term}`,
    });
  }
  const atSnapshot = restored.index > 0 && restored.index === applied.index;
  if (atSnapshot && (applied.index > log.lastIndex() || log.termAt(applied.index) !== applied.term)) {
    logger.info("finishing the installation of a snapshot", { index: applied.index });
    return log.reset(applied);
  }
  if (applied.index < log.base().index) {
    throw new DisterError("DISTER_ERR_STORE", {
      reason: `it is at log index ${applied.index}, the log begins behind ${log.base().index}: entries are missing`,
    });
  }
  const isAhead = applied.index > log.lastIndex();
  const term = isAhead ? 0 : log.termAt(applied.index)!;
  if (term === applied.term) return;
  if (term < applied.term && applied.index <= log.suspect().index) return beginBehindState(log, stateMachine, logger);
  const reason = isAhead
    ? `it is at log index ${applied.index}, the log ends at ${log.lastIndex()}: they do not belong together`
    : `index ${applied.index} has term ${applied.term} in it and ${term} in the log`;
  throw new DisterError("DISTER_ERR_STORE", { reason });
}

/** What is applied was committed. It must be durable before a damaged log may begin anew behind it. */
async function beginBehindState(log: LogStore, stateMachine: StateMachine<unknown>, logger: Logger): Promise<void> {
  const applied = stateMachine.applied();
  const durable = await stateMachine.checkpoint();
  if (durable.index < applied.index) throw new DisterError("DISTER_ERR_STORE", { reason: "it cannot be made durable" });
  logger.warn("the damaged log begins anew behind what is applied", { index: applied.index });
  await log.reset(applied);
  if (applied.index < log.suspect().index) return;
  await log.trust();
  logger.info("all that the damaged log had is applied: it is whole again", { index: applied.index });
}

/**
 * Refuses a log that lost what it had acknowledged where no other voter could make it whole: the node would wait for ever.
 * @throws DisterError `DISTER_ERR_LOG_CORRUPT`.
 */
export function refuseHopelessLog(log: LogStore, { id, membership }: CoreStatus): void {
  const suspect = log.suspect();
  const others = membership.members.filter((member) => member.voter && member.id !== id);
  if (suspect.index === 0 || others.length > 0 || membership.members.length === 0) return;
  const lost = `entries up to ${suspect.index} may have been acknowledged and are lost, and no other voter has them`;
  const reason = log.recovery.damage === undefined ? lost : `${lost}. ${log.recovery.damage}`;
  throw new DisterError("DISTER_ERR_LOG_CORRUPT", { file: "the log", offset: 0, reason });
}
