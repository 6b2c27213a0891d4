import type { NodeId } from "@dister/types";
import type { Machine } from "../world/machine.ts";
import { ElectionSafety } from "./01-election-safety.ts";
import { LeaderAppendOnly } from "./02-leader-append-only.ts";
import { LogMatching } from "./03-log-matching.ts";
import { LeaderCompleteness } from "./04-leader-completeness.ts";
import { StateMachineSafety } from "./05-state-machine-safety.ts";
import { NothingGoesBack } from "./06-nothing-goes-back.ts";
import { OneVote } from "./07-one-vote.ts";
import { CommittedOnMajority } from "./08-committed-on-a-majority.ts";
import { MembershipsOverlap } from "./09-memberships-overlap.ts";
import { ReadsSeeEveryCommit } from "./10-reads-see-every-commit.ts";
import { AppliedOnce } from "./11-applied-once.ts";
import { OrderOfPositions } from "./12-order-of-positions.ts";
import { ChangeStreams } from "./13-change-streams.ts";
import { RestartIdentity } from "./14-restart-identity.ts";
import { Bounds } from "./15-bounds.ts";
import type { Facts } from "./facts.ts";
import type { Invariant } from "./invariant.ts";

export interface Rules {
  readonly all: readonly Invariant[];
  readonly reads: ReadsSeeEveryCommit;
  readonly once: AppliedOnce;
}

/** The fifteen rules; what clients saw (13-histories) is looked at when a run is over. */
export function everyRule(facts: Facts, machines: ReadonlyMap<NodeId, Machine>): Rules {
  const reads = new ReadsSeeEveryCommit(facts);
  const once = new AppliedOnce();
  const all = [
    new ElectionSafety(),
    new LeaderAppendOnly(),
    new LogMatching(facts),
    new LeaderCompleteness(facts),
    new StateMachineSafety(),
    new NothingGoesBack(),
    new OneVote(),
    new CommittedOnMajority(machines),
    new MembershipsOverlap(facts),
    reads,
    once,
    new OrderOfPositions(),
    new ChangeStreams(),
    new RestartIdentity(),
    new Bounds(),
  ];
  return { all, reads, once };
}
