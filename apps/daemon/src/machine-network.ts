import { lookup } from "node:dns/promises";
import { networkInterfaces } from "node:os";
import type { HostNetwork } from "@dister/server";

/** What this machine knows of the network: its resolver, with the hosts file, and its interfaces. */
export const machineNetwork: HostNetwork = {
  lookup: async (name) => {
    const found = await lookup(name, { all: true, order: "verbatim" });
    return [...new Set(found.map(({ address }) => address))];
  },
  interfaces: () =>
    Object.values(networkInterfaces()).flatMap((addresses) =>
      (addresses ?? []).map(({ address, cidr, internal }) => ({
        address,
        // Without a network that the system can tell, an address stands alone.
        prefixLength: cidr === null ? 128 : Number(cidr.slice(cidr.indexOf("/") + 1)),
        internal,
      })),
    ),
};
