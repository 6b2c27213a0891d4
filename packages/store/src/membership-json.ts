import { encodeMembership, type Membership } from "@dister/types";

/** The one form of a membership in the database and in snapshots: the payload of its entry, as text. */
export function membershipJson(membership: Membership): string {
  return Buffer.from(encodeMembership(membership)).toString();
}
