import { DisterError, LIMITS } from "@dister/types";

/** Tuning of a Raft node. Times are milliseconds, sizes bytes. Every member should run with the same times. */
export interface RaftOptions {
  /** Between two heartbeats of a leader; 10 to 10,000, default 75. Less costs CPU, more notices failures later. */
  readonly heartbeatMs: number;
  /**
   * Silence after which a leader is suspected, at least; the real time is drawn from [this, twice this). At least three
   * heartbeats, default 500. Too small makes elections under load, too large makes outages long.
   */
  readonly electionTimeoutMs: number;
  /** How long a comparison round waits for answers; default 40, below the election timeout. */
  readonly compareMs: number;
  /** Between two measurements of the score while nothing is wrong; default 15,000. */
  readonly measureMs: number;
  /** Unanswered AppendEntries messages per follower; default `LIMITS.inflightAppendsMax`. */
  readonly inflightAppendsMax: number;
  /** Payload in one AppendEntries message; default `LIMITS.appendBytesMax`. */
  readonly appendBytesMax: number;
  /** Payload of proposals that are not committed; beyond it proposals are refused as busy. */
  readonly uncommittedBytesMax: number;
}

export const RAFT_DEFAULTS: RaftOptions = Object.freeze({
  heartbeatMs: 75,
  electionTimeoutMs: 500,
  compareMs: 40,
  measureMs: 15_000,
  inflightAppendsMax: LIMITS.inflightAppendsMax,
  appendBytesMax: LIMITS.appendBytesMax,
  uncommittedBytesMax: LIMITS.uncommittedBytesMax,
});

/**
 * Fills in the defaults and checks the relations between options.
 * @throws DisterError `DISTER_ERR_INVALID` naming the option.
 */
export function raftOptions(given: Partial<RaftOptions>): RaftOptions {
  const options = { ...RAFT_DEFAULTS, ...given };
  const check = (field: keyof RaftOptions, sound: boolean, allowed: string): void => {
    if (!sound) throw new DisterError("DISTER_ERR_INVALID", { field, got: options[field], allowed });
  };
  for (const field of Object.keys(RAFT_DEFAULTS) as (keyof RaftOptions)[]) {
    check(field, Number.isFinite(options[field]) && options[field] > 0, "a number above 0");
  }
  check("electionTimeoutMs", options.electionTimeoutMs >= 3 * options.heartbeatMs, "at least three heartbeats");
  check("compareMs", options.compareMs < options.electionTimeoutMs, "less than the election timeout");
  return options;
}
