/** Exit codes of `dister`; part of its interface, the README lists them. */
export const EXIT = Object.freeze({
  /** Done. */
  done: 0,
  /** The node refused, or could not do it; surely not done. */
  failed: 1,
  /** The command line is wrong; nothing was asked. */
  usage: 2,
  /** No node answered, or none in time. */
  unreachable: 3,
  /** What was asked for does not exist. */
  notFound: 4,
  /** A write may or may not be done. */
  unknown: 5,
  /** `status`: the node answered, and the cluster has no leader, or the node belongs to none. */
  noLeader: 6,
  /** `service drain`: done, and somebody who is to hear of it was not told in time. */
  notTold: 7,
} as const);
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
