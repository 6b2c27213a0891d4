import { expect, test } from "vitest";
import { clusterOf } from "./model.ts";

test("a reply of GET /cluster/status is read, the leader's name with it", () => {
  const status = {
    node: { id: "BB", name: "beta", group: "g", version: "1.2.3" },
    cluster: "CC",
    waitingFor: null,
    raft: {
      role: "follower",
      term: 7,
      leader: "AA",
      reason: "higher term",
      roleForMs: 5.5,
      commitIndex: 2,
      appliedIndex: 1,
      membership: {
        members: [
          { id: "AA", name: "alpha" },
          { id: "BB", name: "beta" },
        ],
      },
    },
    up: ["AA"],
    appliedLogId: 10_001,
    keys: 3,
    services: 2,
  };
  expect(clusterOf(status)).toEqual({
    nodeId: "BB",
    nodeName: "beta",
    group: "g",
    version: "1.2.3",
    clusterId: "CC",
    waitingFor: null,
    raft: {
      role: "follower",
      term: 7,
      leader: { id: "AA", name: "alpha" },
      reason: "higher term",
      roleForMs: 5.5,
      commitIndex: 2,
      appliedIndex: 1,
    },
    members: 2,
    membersUp: 1,
    keys: 3,
    services: 2,
    appliedLogId: 10_001,
  });
});

test("a node without a cluster has no raft", () => {
  const view = clusterOf({ node: { id: "BB" }, cluster: null, waitingFor: "starting", raft: null });
  expect([view.raft, view.clusterId, view.waitingFor]).toEqual([null, null, "starting"]);
});

test("a reply of another form is read as empty and never fails", () => {
  for (const reply of [{}, { node: 1, raft: 2, up: 3, keys: "4" }, { raft: { membership: { members: [null, 1] } } }]) {
    expect(clusterOf(reply)).toMatchObject({ nodeId: "", keys: 0, membersUp: 0 });
  }
});
