import { between, type Direction } from "../network/link.ts";

/** The nodes of a cluster of three as a fault sees them, by position. */
export interface Roles {
  readonly leader: number;
  readonly followers: readonly [number, number];
}

/** What is cut and what has to go on meanwhile. */
export interface Fault {
  readonly name: string;
  /** In words, for the table. */
  readonly what: string;
  readonly cut: (roles: Roles) => Direction[];
  /** Nodes that must take writes meanwhile: a majority is connected through the leader that they can reach. */
  readonly served: (roles: Roles) => readonly number[];
  /** Nodes that reach no majority and must acknowledge nothing. */
  readonly alone: (roles: Roles) => readonly number[];
  /** Is the leader itself cut off, so that another has to be elected? */
  readonly needsElection: boolean;
}

const all = ({ leader, followers }: Roles): number[] => [leader, ...followers];
const oneWay = (from: readonly number[], to: readonly number[]): Direction[] =>
  from.flatMap((a) => to.map((b) => ({ from: a, to: b })));

/** The follower that a fault is about, if it is about one. */
const one = ({ followers }: Roles): number => followers[0];
const withoutOne = (roles: Roles): number[] => all(roles).filter((position) => position !== one(roles));

export const FAULTS: readonly Fault[] = [
  {
    name: "none",
    what: "nothing, to compare with",
    cut: () => [],
    served: all,
    alone: () => [],
    needsElection: false,
  },
  {
    name: "bridge-middle",
    what: "the two followers do not see each other, the leader sees both",
    cut: ({ followers: [a, b] }) => between([a], [b]),
    served: all,
    alone: () => [],
    needsElection: false,
  },
  {
    name: "bridge-end",
    what: "the leader and one follower do not see each other, the other follower sees both",
    cut: (roles) => between([roles.leader], [one(roles)]),
    served: withoutOne,
    alone: () => [],
    needsElection: false,
  },
  {
    name: "one-link-one-way",
    what: "nothing passes from the leader to one follower",
    cut: (roles) => oneWay([roles.leader], [one(roles)]),
    served: withoutOne,
    alone: () => [],
    needsElection: false,
  },
  {
    name: "follower-deaf",
    what: "nothing reaches one follower",
    cut: (roles) => oneWay(withoutOne(roles), [one(roles)]),
    served: withoutOne,
    alone: (roles) => [one(roles)],
    needsElection: false,
  },
  {
    name: "follower-mute",
    what: "nothing comes from one follower",
    cut: (roles) => oneWay([one(roles)], withoutOne(roles)),
    served: withoutOne,
    alone: (roles) => [one(roles)],
    needsElection: false,
  },
  {
    name: "follower-alone",
    what: "one follower is cut off, a minority",
    cut: (roles) => between([one(roles)], withoutOne(roles)),
    served: withoutOne,
    alone: (roles) => [one(roles)],
    needsElection: false,
  },
  {
    name: "leader-deaf",
    what: "nothing reaches the leader",
    cut: ({ leader, followers }) => oneWay(followers, [leader]),
    served: ({ followers }) => followers,
    alone: ({ leader }) => [leader],
    needsElection: true,
  },
  {
    name: "leader-mute",
    what: "nothing comes from the leader",
    cut: ({ leader, followers }) => oneWay([leader], followers),
    served: ({ followers }) => followers,
    alone: ({ leader }) => [leader],
    needsElection: true,
  },
  {
    name: "leader-alone",
    what: "the leader is cut off",
    cut: ({ leader, followers }) => between([leader], followers),
    served: ({ followers }) => followers,
    alone: ({ leader }) => [leader],
    needsElection: true,
  },
];
