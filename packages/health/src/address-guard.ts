import { lookup as systemLookup } from "node:dns/promises";
import { BlockList, isIP, type LookupFunction } from "node:net";

/** Resolves a name to every address that it has. */
export type NameLookup = (name: string) => Promise<readonly { readonly address: string; readonly family: number }[]>;

/**
 * Link-local addresses, where clouds answer with a machine's credentials, and the metadata addresses outside of that
 * range. The two last ranges are link-local IPv4 inside IPv6 (NAT64 and 6to4).
 */
const REFUSED = new BlockList();
REFUSED.addSubnet("169.254.0.0", 16, "ipv4");
REFUSED.addSubnet("fe80::", 10, "ipv6");
REFUSED.addAddress("100.100.100.200", "ipv4");
REFUSED.addAddress("fd00:ec2::254", "ipv6");
REFUSED.addAddress("fd20:ce::254", "ipv6");
REFUSED.addSubnet("64:ff9b::a9fe:0", 112, "ipv6");
REFUSED.addSubnet("2002:a9fe::", 32, "ipv6");

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
  lookup: NameLookup = (name) => systemLookup(name, { all: true }),
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
