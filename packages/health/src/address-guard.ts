import { lookup } from "node:dns/promises";
import { BlockList, isIP, type LookupFunction } from "node:net";

/** Resolves a name to every address that it has. */
export type NameLookup = (name: string) => Promise<readonly { readonly address: string; readonly family: number }[]>;

/** As the system resolves, by files and servers. */
export const systemLookup: NameLookup = (name) => lookup(name, { all: true });

/**
 * Link-local addresses, where clouds answer with a machine's credentials, and the metadata addresses outside of that
 * range.
 */
const REFUSED = new BlockList();
refuseIpv4("169.254.0.0", 16);
refuseIpv4("100.100.100.200", 32);
refuseIpv4("168.63.129.16", 32);
refuseIpv4("192.0.0.192", 32);
REFUSED.addSubnet("fe80::", 10, "ipv6");
// Metadata at ::254, credentials of containers at ::23; all of it belongs to the cloud.
REFUSED.addSubnet("fd00:ec2::", 32, "ipv6");
REFUSED.addAddress("fd20:ce::254", "ipv6");

/**
 * An IPv4 range in each of its forms. A block list itself sees it inside `::ffff:0:0/96`; the others are the form
 * without the ffff, NAT64 with its two prefixes, and 6to4.
 */
function refuseIpv4(address: string, prefix: number): void {
  REFUSED.addSubnet(address, prefix, "ipv4");
  for (const before of ["::", "64:ff9b::", "64:ff9b:1::"]) REFUSED.addSubnet(before + address, 96 + prefix, "ipv6");
  const [a, b, c, d] = address.split(".").map(Number) as [number, number, number, number];
  REFUSED.addSubnet(`2002:${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}::`, 16 + prefix, "ipv6");
}

/**
 * The addresses that probes connect to unless told otherwise: all but link-local and metadata ones, in whatever way
 * they are written. What is not an address at all is refused. Private addresses are allowed: services live there.
 */
export function allowAddress(address: string): boolean {
  // A zone, as in fe80::1%eth0, says through which interface and nothing about the address.
  const bare = address.split("%", 1)[0]!;
  const family = isIP(bare);
  return family !== 0 && !REFUSED.check(bare, family === 4 ? "ipv4" : "ipv6");
}

/** The error of a connection to an address that is not allowed. */
class AddressRefused extends Error {
  readonly code = "address refused";
}

/**
 * Guards a connection that is about to be made to `host`.
 *
 * Names are checked when the connection asks for their addresses, not before: a name that resolves differently the
 * second time gains nothing. An address that stands in place of a name is never looked up, so it is checked at once.
 * @throws Error with code `address refused`; as an error of the connection where it is found by the lookup.
 */
export function guardedLookup(
  host: string,
  allow: (address: string) => boolean = allowAddress,
  lookup: NameLookup = systemLookup,
): LookupFunction {
  if (isIP(host) !== 0 && !allow(host)) throw new AddressRefused();
  const allowed = async (name: string) => (await lookup(name)).filter(({ address }) => allow(address));
  return (name, options, done) => {
    allowed(name).then(
      (addresses) => {
        const first = addresses[0];
        if (first === undefined) done(new AddressRefused(), []);
        else if (options.all === true) done(null, addresses);
        else done(null, first.address, first.family);
      },
      (error: Error) => done(error, []),
    );
  };
}
