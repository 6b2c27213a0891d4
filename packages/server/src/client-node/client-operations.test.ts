import { DisterError, type NodeInfo, ROLE } from "@dister/types";
import { expect, it } from "vitest";
import { ClientOperations } from "./client-operations.ts";
import { KeyCache } from "./key-cache.ts";
import { Registry } from "./registry.ts";

const nodeOf = (name: string): NodeInfo => ({
  ...{ id: name, name, group: "g", ip: "127.0.0.1", role: ROLE.server, status: 1, raft: 0, logid: 0, serviceid: 0 },
  ...{ version: "0", ports: { raft: 1, repl: 2, api: 3 }, cluster: "C", stateVersion: 1, boot: "b" },
});

function operations(connected: readonly string[], order: () => Promise<never>): ClientOperations {
  return new ClientOperations({
    self: { info: () => nodeOf("client") },
    servers: { ask: order, order, connected: connected.map(nodeOf), missing: "none answers", cluster: "C" },
    follower: { following: null, leader: null, ageMs: null, throughLogId: 0 },
    cache: new KeyCache(0),
    registry: new Registry(),
    isStopping: () => false,
  });
}

it.each([
  [[], new DisterError("DISTER_ERR_NO_SERVER", { reason: "none answers" }), ["client"]],
  [["a", "b"], new DisterError("DISTER_ERR_TIMEOUT", { what: "a call", timeoutMs: 1 }), ["a", "b", "client"]],
])(
  "what is done is done: with servers %j, when none says who knows it, nobody is known to",
  async (connected, error, waiting) => {
    const told = operations(connected, () => Promise.reject(error)).watchersTold(1, 1_000);
    expect(await told).toEqual({ told: 0, waiting });
  },
);
