/** Times of `dister up`, in milliseconds unless they say otherwise. */
export interface UpTuning {
  /** From the start until every node must be ready. */
  readonly readyMs: number;
  /** Between two looks at the nodes while something is expected. */
  readonly lookMs: number;
  /** The same while nothing is. */
  readonly calmMs: number;
  /** How long a look waits for the answer. */
  readonly answerMs: number;
  /** Before a node is started again; doubled after each quick end, up to `restartMsMax`. */
  readonly restartMs: number;
  readonly restartMsMax: number;
  /** A node that ended sooner than this after its start ended quickly. */
  readonly quickMs: number;
  /** Restarts after quick ends in a row; then the node is left alone. */
  readonly quickRestartsMax: number;
  /** From the wish to end until the nodes are killed. */
  readonly stopMs: number;
  /** Two signals within this are one: a terminal and a package manager in between may both send it. */
  readonly sameSignalMs: number;
}

export const UP_DEFAULTS: UpTuning = Object.freeze({
  readyMs: 30_000,
  lookMs: 100,
  calmMs: 1_000,
  answerMs: 1_000,
  restartMs: 1_000,
  restartMsMax: 10_000,
  quickMs: 10_000,
  quickRestartsMax: 5,
  stopMs: 10_000,
  sameSignalMs: 500,
});
