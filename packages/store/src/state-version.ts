import type { Command } from "@dister/types";

/**
 * Newest version of commands and snapshots that this package reads and writes. It goes up with each command, or field of
 * one, that an older version of this package cannot decode; what is in force in a cluster is `Membership.stateVersion`.
 * @see docs/formats/membership.md
 */
export const STATE_VERSION = 1;

/** State version that has to be in force before a command may be proposed. */
const SINCE: Readonly<Record<Command["type"], number>> = {
  kvSet: 1,
  kvDelete: 1,
  serviceSet: 1,
  serviceDelete: 1,
  serviceStatus: 1,
  instanceSet: 1,
  instanceDelete: 1,
  instanceMode: 1,
};

/** State version that a command belongs to: it may be proposed when that, or a newer one, is in force. */
export function commandStateVersion(command: Command): number {
  return SINCE[command.type];
}
