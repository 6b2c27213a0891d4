import { isDisterError, LIMITS } from "@dister/types";
import { describe, expect, it } from "vitest";
import { RAFT_DEFAULTS, raftOptions } from "./options.ts";

describe("raftOptions", () => {
  it("fills in the defaults, which stand within their own limits", () => {
    expect(raftOptions({})).toEqual(RAFT_DEFAULTS);
    expect(raftOptions({ heartbeatMs: 20 })).toEqual({ ...RAFT_DEFAULTS, heartbeatMs: 20 });
    expect(RAFT_DEFAULTS).toMatchObject({
      heartbeatMs: 75,
      electionTimeoutMs: 500,
      compareMs: 40,
      measureMs: 15_000,
      appendBytesMax: LIMITS.appendBytesMax,
    });
  });

  it.each([
    ["heartbeatMs", { heartbeatMs: 0 }],
    ["heartbeatMs", { heartbeatMs: Number.NaN }],
    ["measureMs", { measureMs: Number.POSITIVE_INFINITY }],
    ["inflightAppendsMax", { inflightAppendsMax: -1 }],
    ["electionTimeoutMs", { heartbeatMs: 200 }],
    ["electionTimeoutMs", { electionTimeoutMs: 224 }],
    ["compareMs", { compareMs: 500 }],
  ])("refuses what cannot be, naming %s", (field, given) => {
    let refusal: unknown;
    try {
      raftOptions(given);
    } catch (error) {
      refusal = error;
    }
    expect(isDisterError(refusal, "DISTER_ERR_INVALID") && refusal.details["field"]).toBe(field);
  });

  it("takes the border of three heartbeats", () => {
    expect(raftOptions({ electionTimeoutMs: 225 }).electionTimeoutMs).toBe(225);
  });
});
