import { describe, expect, test } from "vitest";
import { Admission, sourceOf } from "./admission.ts";

const LIMITS = { connectionsMax: 10, perAddressMax: 6, unprovenMax: 4 };
const one = (name: string): { name: string } => ({ name });

function admitted(admission: Admission<{ name: string }>, name: string, address: string): string | undefined {
  const verdict = admission.admit(one(name), address);
  if (!verdict.admitted) throw new Error(verdict.reason);
  return verdict.evicted?.name;
}

describe("X2: admission", () => {
  test("beyond the limit of unfinished handshakes the oldest of the source that has most of them goes", () => {
    const admission = new Admission<{ name: string }>(LIMITS);
    expect(["a", "b", "c"].map((name) => admitted(admission, name, "192.0.2.1"))).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(admitted(admission, "other", "192.0.2.2")).toBeUndefined();
    expect(admitted(admission, "d", "192.0.2.1")).toBe("a");
    expect(admitted(admission, "third", "192.0.2.3")).toBe("b");
    expect(admission.count).toBe(4);
  });

  test("a flood from one address never closes a connection of another, nor one that has shaken hands", () => {
    const admission = new Admission<{ name: string }>(LIMITS);
    const [node, slow] = [one("node"), one("slow")];
    admission.admit(node, "192.0.2.1");
    admission.proven(node);
    admission.admit(slow, "192.0.2.2");
    const evicted = Array.from({ length: 1_000 }, (_, at) => admitted(admission, `flood ${at}`, "192.0.2.1"));
    expect(evicted.filter((name) => name !== undefined && !name.startsWith("flood"))).toEqual([]);
    expect(admission.count).toBe(1 + LIMITS.unprovenMax);
    expect(admitted(admission, "a node", "192.0.2.9")).toMatch(/^flood/);
  });

  test("one address holds no more than its share, however many of them have shaken hands", () => {
    const admission = new Admission<{ name: string }>(LIMITS);
    for (let at = 0; at < LIMITS.perAddressMax; at++) {
      const connection = one(`${at}`);
      admission.admit(connection, "192.0.2.1");
      admission.proven(connection);
    }
    expect(admission.admit(one("more"), "192.0.2.1")).toEqual({
      admitted: false,
      reason: "6 connections from one address",
    });
    expect(admission.admit(one("more"), "192.0.2.2").admitted).toBe(true);
  });

  test("a full port refuses, and takes again when one has gone", () => {
    const admission = new Admission<{ name: string }>(LIMITS);
    const held = Array.from({ length: LIMITS.connectionsMax }, (_, at) => one(`${at}`));
    for (const [at, connection] of held.entries()) {
      admission.admit(connection, `192.0.2.${at}`);
      admission.proven(connection);
    }
    const refused = { admitted: false, reason: "10 connections in all" };
    expect(admission.admit(one("more"), "192.0.2.99")).toEqual(refused);
    admission.gone(held[3]!);
    admission.gone(held[3]!);
    expect(admission.admit(one("more"), "192.0.2.99")).toMatchObject({ admitted: true });
    expect(admission.count).toBe(LIMITS.connectionsMax);
  });

  test("what has gone is forgotten whole", () => {
    const admission = new Admission<{ name: string }>(LIMITS);
    for (let round = 0; round < 100; round++) {
      const connection = one(`${round}`);
      expect(admission.admit(connection, "192.0.2.1")).toEqual({ admitted: true, evicted: undefined });
      if (round % 2 === 0) admission.proven(connection);
      admission.gone(connection);
    }
    expect(admission.count).toBe(0);
  });
});

test("X2: an IPv4 address is one source in both its forms, and so is a whole /64 network of IPv6", () => {
  expect(sourceOf("::ffff:192.0.2.1")).toBe("192.0.2.1");
  expect(sourceOf("2001:db8:1:2:3:4:5:6")).toBe("2001:db8:1:2::/64");
  expect(sourceOf("2001:db8:1:2::9")).toBe(sourceOf("2001:0db8:1:2:ffff::1"));
  expect(sourceOf("2001:db8:1:3::9")).not.toBe(sourceOf("2001:db8:1:2::9"));
  expect(sourceOf("fe80::1%eth0")).toBe("fe80:0:0:0::/64");
  expect(sourceOf("::1")).toBe("0:0:0:0::/64");
});
