import type { NodeInfo } from "./node-info.ts";

/**
 * The original's message between nodes: a number that says what it is, a body, and who says it.
 * @see docs/formats/message.md
 */
export interface Msg {
  /** What the message is, 0 to 65535; the numbers below 600 are the original's and mean what they meant there. */
  readonly head: number;
  readonly body: Uint8Array;
  readonly info: NodeInfo;
}

/** Heads that are in use. Heads of the original that no longer exist are never given to something else. */
export const MSG_HEAD = Object.freeze({
  /** "Here I am": asks for the other side's node info. */
  raftHi: 110,
  /** Answer to `raftHi`. */
  raftHi2: 120,
} as const);
