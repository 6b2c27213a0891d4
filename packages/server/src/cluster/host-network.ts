/** One address of an interface of this machine. */
export interface InterfaceAddress {
  readonly address: string;
  /** Bits of the address that name its network, 0 to 32 for IPv4 and 0 to 128 for IPv6. */
  readonly prefixLength: number;
  /** True for loopback. */
  readonly internal: boolean;
}

/**
 * What a node asks its machine about the network.
 *
 * Duties:
 * 1. `lookup` is told a name, never an address, and gives all its addresses, each once; IPv6 without brackets. It rejects
 *    when there are none, or when nobody could be asked.
 * 2. `interfaces` tells what is there now; it may be different at the next call.
 */
export interface HostNetwork {
  lookup(name: string): Promise<readonly string[]>;
  interfaces(): readonly InterfaceAddress[];
}
