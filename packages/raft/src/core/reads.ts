import type { HeartbeatReply, NodeId, ReadIndexReply } from "@dister/types";
import { sendHeartbeats } from "./heartbeat.ts";
import { majorityOf } from "./quorum.ts";
import type { CoreState } from "./state.ts";

/*
 * Linearizable reads (dissertation §6.4): the leader notes its commit index, proves with a round of heartbeats sent
 * afterwards that it still leads, and answers with the index. Rounds have numbers that are never used twice in a term;
 * many reads share one round. There are no lease reads, so no clock is trusted.
 */

/** This node wants to read. */
export function askRead(s: CoreState, id: number): void {
  if (s.role === "leader") return queueRead(s, s.id, id);
  if (s.leader === null) {
    s.readsDone.push({ id, index: -1 });
    return;
  }
  s.readsAsked.add(id);
  s.send(s.leader, { type: "readIndex", term: s.term, id });
}

/** A follower wants to read. */
export function onReadIndex(s: CoreState, from: NodeId, id: number): void {
  if (s.role === "leader") queueRead(s, from, id);
  else s.send(from, { type: "readIndexReply", term: s.term, id, index: -1 });
}

export function onReadIndexReply(s: CoreState, from: NodeId, reply: ReadIndexReply): void {
  if (from !== s.leader || !s.readsAsked.delete(reply.id)) return;
  s.readsDone.push({ id: reply.id, index: reply.index });
}

function queueRead(s: CoreState, from: NodeId, id: number): void {
  s.readsWaiting.push({ from, id });
  startReadRound(s);
}

/** Starts a round for the reads that wait, unless one is under way or this term has committed nothing yet (R5). */
export function startReadRound(s: CoreState): void {
  if (s.readRoundUnderWay !== null || s.readsWaiting.length === 0 || s.commit < s.termStart) return;
  const index = s.commit;
  const reads = s.readsWaiting.map((read) => ({ ...read, index }));
  s.readsWaiting = [];
  s.readRound++;
  const acks = new Set(s.configurations.isVoter(s.id) ? [s.id] : []);
  s.readRoundUnderWay = { round: s.readRound, reads, acks };
  if (!finishReadRound(s)) sendHeartbeats(s);
}

/** A heartbeat of this round, or of a later one, was answered: the peer still followed when it was sent. */
export function onReadAck(s: CoreState, from: NodeId, reply: HeartbeatReply): void {
  const underWay = s.readRoundUnderWay;
  if (underWay === null || reply.round < underWay.round) return;
  underWay.acks.add(from);
  finishReadRound(s);
}

/** Also called when the membership changed: the majority is that of now. */
export function finishReadRound(s: CoreState): boolean {
  const underWay = s.readRoundUnderWay;
  if (underWay === null) return false;
  const acks = s.voters.filter((voter) => underWay.acks.has(voter)).length;
  if (s.voters.length === 0 || acks < majorityOf(s.voters.length)) return false;
  s.readRoundUnderWay = null;
  for (const { from, id, index } of underWay.reads) {
    if (from === s.id) s.readsDone.push({ id, index });
    else s.send(from, { type: "readIndexReply", term: s.term, id, index });
  }
  startReadRound(s);
  return true;
}
