import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { DisterError, ERRORS, type ErrorCode, invariant, isDisterError } from "./errors.ts";

describe("the error catalogue", () => {
  it("is equal to docs/reference/errors.md in both directions: code, status, retryable and message", async () => {
    const text = await readFile(new URL("../../../docs/reference/errors.md", import.meta.url), "utf8");
    const rows = [...text.matchAll(/^\| `(DISTER_ERR_\w+)` +\| (\d+) +\| (yes|no) +\| (.*?) +\|$/gm)];
    const documented = rows.map(([, code, status, retryable, message]) => [code, Number(status), retryable, message]);
    const defined = Object.entries(ERRORS).map(([code, kind]) => [
      code,
      kind.status,
      kind.retryable ? "yes" : "no",
      kind.message,
    ]);
    const byCode = (a: unknown[], b: unknown[]): number => (String(a[0]) < String(b[0]) ? -1 : 1);
    expect(documented.sort(byCode)).toEqual(defined.sort(byCode));
  });

  it.each(Object.entries(ERRORS))(
    "%s has a well-formed code, an HTTP status of an error and one line of text",
    (code, kind) => {
      expect(code).toMatch(/^DISTER_ERR_[A-Z]+(_[A-Z]+)*$/);
      expect(kind.status).toBeGreaterThanOrEqual(400);
      expect(kind.status).toBeLessThanOrEqual(599);
      expect(kind.message).toMatch(/^[^\n|]+[^.\n|]$/);
      expect(Object.isFrozen(kind)).toBe(true);
    },
  );

  it("calls retryable only what the server is the reason of: the same bad request stays bad", () => {
    for (const kind of Object.values(ERRORS)) if (kind.retryable) expect(kind.status).toBeGreaterThanOrEqual(500);
  });

  it("cannot be changed", () => {
    expect(Object.isFrozen(ERRORS)).toBe(true);
  });
});

describe("a DisterError", () => {
  it("fills its message from its details and carries code, status, retryable and cause", () => {
    const cause = new Error("the reason");
    const error = new DisterError("DISTER_ERR_TIMEOUT", { what: "call x", timeoutMs: 5 }, { cause });
    expect(error.message).toBe("call x took longer than 5 ms");
    expect(error).toMatchObject({
      name: "DisterError",
      code: "DISTER_ERR_TIMEOUT",
      status: 504,
      retryable: true,
      cause,
    });
    expect(error).toBeInstanceOf(Error);
  });

  it("leaves a placeholder alone that has no detail, and does not look into prototypes for one", () => {
    expect(new DisterError("DISTER_ERR_BODY").message).toBe("the request body is not usable: {reason}");
  });

  it("puts a detail in as it is: no pattern in it means anything", () => {
    const error = new DisterError("DISTER_ERR_INVALID", { field: "$&{got}", got: "{allowed}$1", allowed: "x" });
    expect(error.message).toBe("$&{got}: got {allowed}$1, allowed is x");
  });

  it("takes a message that was made elsewhere, as of another node", () => {
    expect(new DisterError("DISTER_ERR_BUSY", {}, { message: "told by a peer" }).message).toBe("told by a peer");
  });
});

describe("isDisterError", () => {
  it("knows one by its name and code, also of another copy of this package", () => {
    const foreign = Object.assign(new Error("x"), { name: "DisterError", code: "DISTER_ERR_BUSY" });
    expect(isDisterError(foreign)).toBe(true);
    expect(isDisterError(foreign, "DISTER_ERR_BUSY")).toBe(true);
    expect(isDisterError(foreign, "DISTER_ERR_BODY")).toBe(false);
  });

  it.each([
    null,
    undefined,
    "DISTER_ERR_BUSY",
    { name: "DisterError", code: "DISTER_ERR_BUSY" },
    new Error("x"),
    Object.assign(new Error("x"), { name: "DisterError" }),
    Object.assign(new Error("x"), { name: "DisterError", code: "DISTER_ERR_NEW" }),
    Object.assign(new Error("x"), { name: "DisterError", code: "toString" as ErrorCode }),
  ])("knows that %s is none", (value) => {
    expect(isDisterError(value)).toBe(false);
  });
});

describe("invariant", () => {
  it("lets pass what holds and throws what is no DisterError when it does not", () => {
    expect(() => invariant(true, "holds")).not.toThrow();
    expect(() => invariant(false, "one leader per term")).toThrow("invariant broken: one leader per term");
    try {
      invariant(false, "x");
    } catch (error) {
      expect(isDisterError(error)).toBe(false);
    }
  });
});
