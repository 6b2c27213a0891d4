import type { ChangeReason } from "@dister/raft";

/** Reasons as labels: a small fixed set, whatever the words for people are. */
const LABELS: Readonly<Record<ChangeReason, string>> = {
  start: "start",
  "silence of the leader": "silence",
  "connection to the leader closed": "connection_closed",
  "asked to stand by a peer": "asked_to_stand",
  "leadership was handed over": "handed_over",
  "only voter": "only_voter",
  "higher term": "higher_term",
  "lost touch with a majority": "no_majority",
  "removed from the membership": "removed",
  "own disk does not answer": "disk",
  "leader announced itself": "announced",
};

export function reasonLabel(reason: ChangeReason): string {
  return LABELS[reason];
}
