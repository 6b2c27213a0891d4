import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { InterfaceAddress } from "./host-network.ts";
import { scanNetworks, scanTargets } from "./scan-targets.ts";

const on = (address: string, prefixLength: number, internal = false): InterfaceAddress => {
  return { address, prefixLength, internal };
};

function targetsOf(...interfaces: InterfaceAddress[]): string[] {
  return [...scanTargets(scanNetworks(interfaces), interfaces)];
}

/** Written anew from the words, bit by bit, so that it does not share a mistake with what it checks. */
const bitsOf = (address: string): string =>
  address
    .split(".")
    .map((part) => Number(part).toString(2).padStart(8, "0"))
    .join("");
const isPrivate = (address: string): boolean =>
  /^00001010/.test(bitsOf(address)) ||
  /^101011000001/.test(bitsOf(address)) ||
  /^1100000010101000/.test(bitsOf(address));

const octet = fc.integer({ min: 0, max: 255 });
const anyAddress = fc.tuple(octet, octet, octet, octet).map((parts) => parts.join("."));
const privateAddress = fc.oneof(
  fc.tuple(octet, octet, octet).map((parts) => `10.${parts.join(".")}`),
  fc.tuple(fc.integer({ min: 16, max: 31 }), octet, octet).map((parts) => `172.${parts.join(".")}`),
  fc.tuple(octet, octet).map((parts) => `192.168.${parts.join(".")}`),
);
const borders = fc.constantFrom(
  ...["9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0"],
  ...["127.0.0.1", "169.254.3.4", "100.64.0.1", "224.0.0.1", "255.255.255.255", "0.0.0.0"],
);
const interfaces = fc.array(
  fc.record({
    address: fc.oneof(privateAddress, anyAddress, borders, fc.constant("fd00::1")),
    prefixLength: fc.integer({ min: 0, max: 32 }),
    internal: fc.boolean(),
  }),
  { maxLength: 6 },
);

describe("the addresses that a scan looks at", () => {
  it("are private, each once, and never an own one", () => {
    fc.assert(
      fc.property(interfaces, (own) => {
        const targets = targetsOf(...own);
        expect(new Set(targets).size).toBe(targets.length);
        for (const target of targets) {
          expect(isPrivate(target)).toBe(true);
          expect(own.some(({ address }) => address === target)).toBe(false);
        }
      }),
    );
  });

  it("lie in the /24 and in the own network of an interface that is not loopback, and are not its edges", () => {
    fc.assert(
      fc.property(interfaces, (own) => {
        const open = own.filter(({ internal, address }) => !internal && isPrivate(address));
        for (const target of targetsOf(...own)) {
          const allowed = open.some(({ address, prefixLength }) => {
            const length = Math.max(24, prefixLength);
            const [here, there] = [bitsOf(address), bitsOf(target)];
            const host = there.slice(length);
            const isEdge = length < 31 && (/^0+$/.test(host) || /^1+$/.test(host));
            return here.slice(0, length) === there.slice(0, length) && !isEdge;
          });
          expect([target, allowed]).toEqual([target, true]);
        }
      }),
    );
  });

  it("are all others of a /24", () => {
    const targets = targetsOf(on("192.168.7.20", 24));
    expect(targets).toHaveLength(253);
    expect([targets[0], targets.at(-1)]).toEqual(["192.168.7.1", "192.168.7.254"]);
    expect(targets).not.toContain("192.168.7.20");
  });

  it("are the /24 around the own address in a larger network", () => {
    expect(targetsOf(on("10.20.30.40", 8))).toEqual(targetsOf(on("10.20.30.40", 24)));
    expect(targetsOf(on("172.17.0.1", 16))).toHaveLength(253);
  });

  it("are no more than the own network where that is smaller", () => {
    expect(targetsOf(on("10.0.0.5", 29))).toEqual(["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.6"]);
    expect(targetsOf(on("10.0.0.5", 30))).toEqual(["10.0.0.6"]);
    expect(targetsOf(on("10.0.0.4", 31))).toEqual(["10.0.0.5"]);
    expect(targetsOf(on("10.0.0.4", 32))).toEqual([]);
  });

  it.each([
    ["loopback", on("127.0.0.1", 8, true)],
    ["a private address on loopback", on("10.0.0.1", 24, true)],
    ["a public address", on("203.0.113.7", 24)],
    ["an address that nobody gave", on("169.254.3.4", 16)],
    ["an address of a carrier", on("100.64.0.7", 10)],
    ["an IPv6 address", on("fd00::1", 64)],
    ["a network that cannot be", on("10.0.0.1", Number.NaN)],
  ])("are none for %s", (_what, own) => {
    expect(targetsOf(own)).toEqual([]);
  });

  it("leave out the own addresses of every interface, also where networks lie in one another", () => {
    const targets = targetsOf(on("10.0.0.1", 24), on("10.0.0.2", 30), on("10.0.0.200", 16));
    expect(targets).toHaveLength(254 - 3);
    expect(targets).not.toContain("10.0.0.200");
  });
});
