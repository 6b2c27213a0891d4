import type { CoreState } from "./state.ts";

/** Tells every peer that this node leads, up to where it may commit, and which read round an answer confirms. */
export function sendHeartbeats(s: CoreState): void {
  const round = s.readRoundUnderWay?.round ?? s.readRound;
  for (const [id, progress] of s.progress) {
    if (id === s.id) continue;
    s.send(id, { type: "heartbeat", term: s.term, commit: Math.min(s.commit, progress.match), round });
  }
}
