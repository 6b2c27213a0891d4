import { encodeCommand } from "@dister/store";
import { isDisterError } from "@dister/types";
import type { Cluster } from "../world/cluster.ts";
import { Dice } from "../world/dice.ts";
import type { Machine } from "../world/machine.ts";
import type { Process } from "../world/process.ts";
import type { Fault } from "./plan.ts";

/*
 * Sequences that lead to the rare orders of events for which rules of the algorithm exist. A story reacts to what the
 * cluster does; everything in it that is chance comes from the numbers of its fault.
 */

export function diceOf({ whom, how, more }: Fault): Dice {
  return Dice.of(Math.floor(how * 2 ** 31), `story ${whom} ${more}`);
}

/** Goes on with a story after a while, unless the storm is over. */
export function later(cluster: Cluster, ms: number, label: string, run: () => void): void {
  cluster.world.after(ms, `story: ${label}`, () => {
    if (!cluster.isCalm) run();
  });
}

/** Begins a story with whoever leads, or with the next who does. */
export function withLeader(cluster: Cluster, tell: (leader: Process) => void): void {
  const { leader, moments } = cluster;
  if (leader === undefined) moments.at("begins to lead", {}, tell);
  else tell(leader);
}

export const NEVER = Number.POSITIVE_INFINITY;

/** Cuts a machine off from all but these. */
export function leaveOnly({ machines, network }: Cluster, alone: Machine, reached: readonly Machine[]): void {
  for (const other of machines) {
    if (other === alone || reached.includes(other)) continue;
    network.cut(alone.id, other.id);
    network.cut(other.id, alone.id);
  }
}

/** Writes at a leader, whatever it comes to: entries of some size, of which a message does not hold many. */
export function write(cluster: Cluster, { raft, machine }: Process, dice: Dice): void {
  for (let left = 1 + dice.below(3); left > 0; left--) {
    const value = "x".repeat(30 + dice.below(110));
    const requestId = `story ${machine.name} ${cluster.world.nowMs} ${left}`;
    const command = { type: "kvSet", pairs: [[`x/${dice.below(3)}`, value]] } as const;
    const payload = encodeCommand({ requestId, timeMs: machine.clock.wallMs, command });
    raft!.propose(payload).catch((error: unknown) => {
      if (!isDisterError(error)) cluster.world.fail(error as Error);
    });
  }
}
