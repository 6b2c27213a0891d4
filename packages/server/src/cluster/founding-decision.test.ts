import { DEFAULT_PORTS, membershipOf, type NodeInfo, RAFT_ROLE, ROLE, STATUS } from "@dister/types";
import { describe, expect, it } from "vitest";
import { decideFounding, type FounderState, foundersLost, isFounded } from "./founding-decision.ts";

const ID = { a: "000000000000000A", b: "000000000000000B", c: "000000000000000C", d: "000000000000000D" };
const OURS = "1111111111111111";
const OTHER = "2222222222222222";

function info(id: string, cluster = ""): NodeInfo {
  return {
    name: id,
    group: "g",
    id,
    ip: "127.0.0.1",
    status: STATUS.alive,
    role: ROLE.server,
    raft: RAFT_ROLE.follower,
    logid: 0,
    serviceid: 0,
    version: "0",
    ports: DEFAULT_PORTS,
    cluster,
    stateVersion: 1,
    boot: id,
  };
}

function decide(
  minNode: number,
  free: string[],
  more: { self?: string; formed?: NodeInfo[]; searched?: boolean } = {},
) {
  const { self = ID.a, formed = [], searched = true } = more;
  return decideFounding({ self, minNode, free: free.map((id) => info(id)), formed, searchedOnce: searched });
}

describe("the decision to found", () => {
  it.each([
    [1, [], [ID.a]],
    [1, [ID.b], [ID.a, ID.b]],
    [2, [ID.b], [ID.a, ID.b]],
    [2, [ID.c, ID.b], [ID.a, ID.b, ID.c]],
    [3, [ID.b, ID.c], [ID.a, ID.b, ID.c]],
    [5, [ID.b, ID.c, ID.d, "000000000000000E"], [ID.a, ID.b, ID.c, ID.d, "000000000000000E"]],
  ])("with MinNode %i and %j found, the lowest id proposes all, sorted", (minNode, free, founders) => {
    expect(decide(minNode, free)).toEqual({ do: "propose", founders });
  });

  it.each([
    [2, [], "found 0 of the 1 other servers that MinNode asks for: start the others, and name one that runs in Peers"],
    [
      3,
      [ID.b],
      "found 1 of the 2 other servers that MinNode asks for: start the others, and name one that runs in Peers",
    ],
    [
      5,
      [ID.b, ID.c, ID.d],
      "found 3 of the 4 other servers that MinNode asks for: start the others, and name one that runs in Peers",
    ],
  ])("with MinNode %i and %j found, waits and says for whom", (minNode, free, reason) => {
    expect(decide(minNode, free)).toEqual({ do: "wait", reason });
  });

  it("leaves the proposal to the lowest id", () => {
    expect(decide(2, [ID.a], { self: ID.b })).toEqual({ do: "wait", reason: `${ID.a} proposes the cluster` });
  });

  it("looks around once before it founds, also alone", () => {
    expect(decide(1, [], { searched: false })).toEqual({ do: "wait", reason: "looking for other servers once" });
  });

  it("joins a cluster that is there, whatever MinNode says and however many free servers there are", () => {
    const formed = [info(ID.c, OURS), info(ID.d, OURS)];
    expect(decide(1, [ID.b], { formed })).toEqual({ do: "join", cluster: OURS });
    expect(decide(5, [], { formed, searched: false })).toEqual({ do: "join", cluster: OURS });
  });

  it("joins none of several clusters of its group and says so", () => {
    const step = decide(1, [], { formed: [info(ID.c, OURS), info(ID.d, OTHER)] });
    expect(step).toEqual({
      do: "wait",
      reason: "found 2 clusters of this group: keep one, and run `dister node reset` on the nodes of the others",
    });
  });
});

describe("the end of a founding", () => {
  const address = { host: "127.0.0.1", ports: DEFAULT_PORTS };
  const members = [ID.a, ID.b, ID.c].map((id) => ({ id, name: id, role: ROLE.server, voter: true, address }));
  const proposal = { clusterId: OURS, membership: membershipOf(members) };
  const accepted = (cluster: string): FounderState => ({ clusterId: "", accepted: cluster });
  const states = (...each: (FounderState | undefined)[]): Map<string, FounderState> => {
    const found = new Map<string, FounderState>();
    [ID.a, ID.b, ID.c].forEach((id, position) => {
      const state = each[position];
      if (state !== undefined) found.set(id, state);
    });
    return found;
  };

  it.each([
    ["all accepted", states(accepted(OURS), accepted(OURS), accepted(OURS)), true],
    ["one is silent", states(accepted(OURS), accepted(OURS)), false],
    ["a majority accepted and one has not yet", states(accepted(OURS), accepted(OURS), accepted("")), false],
    ["one accepted elsewhere", states(accepted(OURS), accepted(OURS), accepted(OTHER)), false],
    ["nobody answered", states(), false],
    ["one saw that all did, the others are silent", states(accepted(OURS), { clusterId: OURS, accepted: OURS }), true],
    ["one belongs to another cluster", states(accepted(OURS), { clusterId: OTHER, accepted: "" }), false],
  ])("%s: founded is %s", (_name, found, founded) => {
    expect(isFounded(proposal, found)).toBe(founded);
  });

  it("names the founders that can never accept: promised or belonging elsewhere", () => {
    const lost = states(accepted(OTHER), { clusterId: OTHER, accepted: "" }, accepted(OURS));
    expect(foundersLost(proposal, lost)).toEqual([ID.a, ID.b]);
  });

  it("does not give up founders that are silent, undecided, or in this very cluster", () => {
    expect(foundersLost(proposal, states(undefined, accepted(""), { clusterId: OURS, accepted: OURS }))).toEqual([]);
  });

  it("cannot found two clusters that share a founder, whatever that founder says", () => {
    const other = { clusterId: OTHER, membership: proposal.membership };
    for (const b of [accepted(""), accepted(OURS), accepted(OTHER)]) {
      const both = states(accepted(OURS), b, accepted(OTHER));
      expect(isFounded(proposal, both) && isFounded(other, both)).toBe(false);
    }
  });
});
