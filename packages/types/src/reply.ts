/** What a reply of the HTTP API says of its value, beside it. */
export interface ReplyMarks {
  /** From the cache of a client node. */
  readonly cached?: true;
  /** From a client node that is connected to no server now. */
  readonly stale?: true;
  /** With `cached` or `stale`: milliseconds since the node last heard that nothing newer is missing. */
  readonly ageMs?: number;
  /** With `cached` or `stale`: the value holds everything up to this log id. */
  readonly logid?: number;
  /** Of services: instances of one are used on though they are critical, for it is protected against a mass failure. */
  readonly protected?: true;
}

/** Who was sent a change: members that have applied it, and client nodes that follow them. */
export interface WatchersTold {
  readonly told: number;
  /** Names of those that were not, as far as is known, when the wait was over. */
  readonly waiting: readonly string[];
}
