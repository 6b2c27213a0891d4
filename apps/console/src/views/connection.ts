import type { Snapshot } from "../model.ts";
import { momentText } from "./text.ts";

/** How the node answers, in one line. */
export interface Connection {
  readonly level: "wait" | "good" | "warn" | "bad";
  readonly word: string;
  /** Empty when the word says it all. */
  readonly detail: string;
}

/**
 * @param snapshot - the last one; null before the first.
 * @param answeredAtMs - when the node answered last, by the wall clock; null when it never has.
 */
export function connectionOf(snapshot: Snapshot | null, answeredAtMs: number | null): Connection {
  if (snapshot === null) return { level: "wait", word: "Asking", detail: "Waiting for the node's first answer." };
  if (!snapshot.answered) {
    const shown =
      answeredAtMs === null
        ? "It has not answered since this page was opened."
        : `What is shown here is from ${momentText(answeredAtMs)}.`;
    return { level: "bad", word: "No answer", detail: `The node does not answer: ${snapshot.message}. ${shown}` };
  }
  const { ready, reason } = snapshot.health;
  if (ready) return { level: "good", word: "Ready", detail: "" };
  return { level: "warn", word: "Not ready", detail: `The node is not ready: ${reason ?? "it does not say why"}.` };
}
