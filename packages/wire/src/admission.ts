import { isIPv6 } from "node:net";

/** How many connections a port takes. */
export interface AdmissionLimits {
  /** In all. */
  readonly connectionsMax: number;
  /** From one address; of IPv6, where one host has as many addresses as it likes, from one /64 network. */
  readonly perAddressMax: number;
  /** Those whose handshake is not done, in all. */
  readonly unprovenMax: number;
}

/** Why a connection is closed again as soon as it came, or to make room for another. */
export type Verdict<T> =
  | { readonly admitted: true /** To be closed, so that there is room. */; readonly evicted: T | undefined }
  | { readonly admitted: false; readonly reason: string };

interface Source<T> {
  readonly key: string;
  count: number;
  /** In the order in which they came. */
  readonly unproven: Set<T>;
}

/**
 * Decides which connections a port keeps. Who has shaken hands is never closed for others; of the rest, the source that
 * has most gives up its oldest. So whoever opens connections and says nothing gets in the way of nobody else.
 */
export class Admission<T extends object> {
  readonly #limits: AdmissionLimits;
  readonly #sourceOf = new Map<T, Source<T>>();
  readonly #sources = new Map<string, Source<T>>();
  #unproven = 0;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  /** Connections that are counted now. */
  get count(): number {
    return this.#sourceOf.size;
  }

  /** Counts a new connection, unless it is refused. One that is evicted is not counted any more. */
  admit(connection: T, address: string): Verdict<T> {
    const { connectionsMax, perAddressMax, unprovenMax } = this.#limits;
    const key = sourceOf(address);
    const known = this.#sources.get(key);
    let evicted: T | undefined;
    if (known !== undefined && known.count >= perAddressMax) {
      evicted = oldest(known);
      if (evicted === undefined) return { admitted: false, reason: `${perAddressMax} connections from one address` };
    } else if (this.count >= connectionsMax || this.#unproven >= unprovenMax) {
      evicted = this.#oldestOfMost();
      if (evicted === undefined) return { admitted: false, reason: `${connectionsMax} connections in all` };
    }
    if (evicted !== undefined) this.gone(evicted);
    const source = this.#sources.get(key) ?? { key, count: 0, unproven: new Set<T>() };
    this.#sources.set(key, source);
    source.count++;
    source.unproven.add(connection);
    this.#unproven++;
    this.#sourceOf.set(connection, source);
    return { admitted: true, evicted };
  }

  /** The handshake of a connection is done. */
  proven(connection: T): void {
    if (this.#sourceOf.get(connection)?.unproven.delete(connection) === true) this.#unproven--;
  }

  /** A connection is closed; harmless when it is not counted. */
  gone(connection: T): void {
    const source = this.#sourceOf.get(connection);
    if (source === undefined) return;
    this.proven(connection);
    this.#sourceOf.delete(connection);
    source.count--;
    if (source.count === 0) this.#sources.delete(source.key);
  }

  #oldestOfMost(): T | undefined {
    let most: Source<T> | undefined;
    for (const source of this.#sources.values()) {
      if (source.unproven.size > (most?.unproven.size ?? 0)) most = source;
    }
    return most === undefined ? undefined : oldest(most);
  }
}

function oldest<T>(source: Source<T>): T | undefined {
  const [first] = source.unproven;
  return first;
}

/** What counts as one source: an IPv4 address, or the first 64 bits of an IPv6 one. */
export function sourceOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, "").replace(/%.*$/, "");
  if (!isIPv6(plain)) return plain;
  const [head = "", tail] = plain.split("::");
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    const rest = tail === "" ? [] : tail.split(":");
    while (groups.length + rest.length < 8) groups.push("0");
    groups.push(...rest);
  }
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")}::/64`;
}
