import { ERRORS } from "@dister/types";
import { describe, expect, it } from "vitest";
import { outcomeOf } from "./outcome.ts";

const reply = (status: number, result: number | undefined, code?: string) =>
  outcomeOf({ kind: "reply", status, result, code });

describe("the outcome rule", () => {
  it("calls done what was answered with result 1", () => {
    expect(reply(200, 1)).toBe("ok");
    expect(reply(500, 1)).toBe("unknown");
  });

  it("believes every documented refusal except for the two codes that leave it open", () => {
    const open = Object.keys(ERRORS).filter((code) => reply(503, 0, code) === "unknown");
    expect(open.sort()).toEqual(["DISTER_ERR_TIMEOUT", "DISTER_ERR_UNKNOWN_OUTCOME"]);
    expect(reply(400, 0, "DISTER_ERR_INVALID")).toBe("refused");
    expect(reply(503, 0, "DISTER_ERR_NO_LEADER")).toBe("refused");
  });

  it("leaves open every 504, whatever stands in it", () => {
    expect(reply(504, 0, "DISTER_ERR_UNKNOWN_OUTCOME")).toBe("unknown");
    expect(reply(504, 0, "DISTER_ERR_NO_LEADER")).toBe("unknown");
    expect(reply(504, undefined)).toBe("unknown");
  });

  it("leaves open a reply that is not in the API's form or has a code that nobody knows", () => {
    expect(reply(500, undefined)).toBe("unknown");
    expect(reply(503, 0)).toBe("unknown");
    expect(reply(503, 0, "DISTER_ERR_NO_SUCH_CODE")).toBe("unknown");
    expect(reply(503, 0, "toString")).toBe("unknown");
  });

  it("calls surely not done what was never sent, and leaves open a reset or a time-out after that", () => {
    expect(outcomeOf({ kind: "failure", sent: false })).toBe("refused");
    expect(outcomeOf({ kind: "failure", sent: true })).toBe("unknown");
  });
});
