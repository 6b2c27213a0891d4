import { isIPv4 } from "node:net";
import type { InterfaceAddress } from "./host-network.ts";

/** The networks that belong to whoever uses them (RFC 1918), as the first address and the length of the prefix. */
const PRIVATE: readonly (readonly [string, number])[] = [
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
];

/** Never more than the 254 neighbours around an own address. */
const PREFIX_LENGTH_MIN = 24;
/** A network that is looked at, for people: `10.1.2.0/24`. */
export interface ScanNetwork {
  readonly name: string;
  readonly first: number;
  readonly last: number;
}

/**
 * The networks around the own addresses of this machine: of each private IPv4 interface its own network or, where that is
 * larger, the /24 around the own address. Not loopback and nothing public. Not 169.254.0.0/16 either: such an address was
 * taken because nobody gave one, changes with the next start, and the same network is where clouds answer for credentials.
 */
export function scanNetworks(interfaces: readonly InterfaceAddress[]): ScanNetwork[] {
  const networks = new Map<string, ScanNetwork>();
  for (const { address, prefixLength, internal } of interfaces) {
    if (internal || !isPrivate(address)) continue;
    if (!Number.isInteger(prefixLength) || prefixLength < 0 || prefixLength > 31) continue; // Nobody else is in a /32.
    const length = Math.max(prefixLength, PREFIX_LENGTH_MIN);
    const size = 2 ** (32 - length);
    const start = Math.floor(numberOf(address) / size) * size;
    // The first address names the network and the last one is everybody, but for the two ends of a line (RFC 3021).
    const edge = length === 31 ? 0 : 1;
    const name = `${textOf(start)}/${length}`;
    networks.set(name, { name, first: start + edge, last: start + size - 1 - edge });
  }
  return [...networks.values()];
}

/** The addresses to look at, each once, without those of this machine. */
export function* scanTargets(
  networks: readonly ScanNetwork[],
  interfaces: readonly InterfaceAddress[],
): Generator<string, undefined, undefined> {
  const done = new Set(interfaces.filter(({ address }) => isIPv4(address)).map(({ address }) => numberOf(address)));
  for (const { first, last } of networks) {
    for (let number = first; number <= last; number++) {
      if (done.has(number)) continue; // An own one, or in two networks of which one lies in the other.
      done.add(number);
      yield textOf(number);
    }
  }
  return undefined;
}

function isPrivate(address: string): boolean {
  if (!isIPv4(address)) return false;
  return PRIVATE.some(([first, length]) => {
    const size = 2 ** (32 - length);
    return Math.floor(numberOf(address) / size) * size === numberOf(first);
  });
}

function numberOf(address: string): number {
  return address.split(".").reduce((number, part) => number * 256 + Number(part), 0);
}

function textOf(number: number): string {
  return [24, 16, 8, 0].map((bits) => Math.floor(number / 2 ** bits) % 256).join(".");
}
