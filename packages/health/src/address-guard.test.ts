import { expect, test } from "vitest";
import { allowAddress } from "./address-guard.ts";

test.each([
  ["the metadata address of most clouds", "169.254.169.254"],
  ["the first and the last link-local IPv4", "169.254.0.0"],
  ["the first and the last link-local IPv4", "169.254.255.255"],
  ["the same mapped into IPv6", "::ffff:169.254.169.254"],
  ["the same mapped into IPv6, as hexadecimal", "::ffff:a9fe:a9fe"],
  ["the same written in full", "0:0:0:0:0:FFFF:A9FE:A9FE"],
  ["the same behind NAT64", "64:ff9b::a9fe:a9fe"],
  ["the same behind 6to4", "2002:a9fe:a9fe::1"],
  ["the same without the ffff", "::169.254.169.254"],
  ["the same behind a NAT64 of one's own", "64:ff9b:1::a9fe:a9fe"],
  ["metadata of one cloud behind 6to4", "2002:6464:64c8::1"],
  ["metadata of one cloud mapped into IPv6", "::ffff:100.100.100.200"],
  ["metadata of another cloud", "168.63.129.16"],
  ["metadata of a third", "192.0.0.192"],
  ["link-local IPv6", "fe80::1"],
  ["the last link-local IPv6", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["link-local IPv6 with a zone", "fe80::1%eth0"],
  ["metadata over IPv6", "fd00:ec2::254"],
  ["credentials of containers over IPv6", "fd00:ec2::23"],
  ["metadata over IPv6", "fd20:ce::254"],
  ["metadata outside of the link-local range", "100.100.100.200"],
  ["a name", "localhost"],
  ["nothing", ""],
])("%s is refused: %s", (_what, address) => {
  expect(allowAddress(address)).toBe(false);
});

test.each([
  "127.0.0.1",
  "::1",
  "10.0.0.1",
  "192.168.1.1",
  "0.0.0.0",
  "100.100.100.201",
  "168.63.129.15",
  "2002:a9fd:a9fe::1",
  "169.253.255.255",
  "169.255.0.0",
  "::ffff:10.0.0.1",
  "fec0::1",
  "fd00::1",
  "2001:db8::1",
])("%s is allowed", (address) => {
  expect(allowAddress(address)).toBe(true);
});
