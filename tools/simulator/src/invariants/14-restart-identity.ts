import type { LogStore } from "@dister/types";
import { type LogImage, lastIn } from "../world/log-model.ts";
import type { Process } from "../world/process.ts";
import type { Invariant } from "./invariant.ts";

/**
 * A log that is opened again is what it had called durable, possibly with some of what it was asked for since, without
 * holes. What damage took away is known to be missing.
 */
export class RestartIdentity implements Invariant {
  readonly name = "14-restart-identity";

  opened({ machine, name }: Process, log: LogStore, found: LogImage): void {
    const { model, damage } = machine;
    if (model === null) return;
    const suspect = log.suspect();
    if (suspect.index === 0) {
      const objection = model.objection(found);
      if (objection !== undefined) throw new Error(`${name}: ${objection}`);
      return;
    }
    if (damage === "none") throw new Error(`${name} suspects a log that nobody damaged: ${log.recovery.damage}`);
    const { durable, leastLast } = model;
    if (lastIn(found) < leastLast && suspect.index < leastLast) {
      throw new Error(`${name} lost entries to ${leastLast} and suspects only those to ${suspect.index}`);
    }
    if (found.hardState.term < durable.hardState.term) throw new Error(`${name} forgot its term`);
    if (found.hardState.term === durable.hardState.term && durable.hardState.vote !== null) {
      if (found.hardState.vote !== durable.hardState.vote) throw new Error(`${name} forgot its vote`);
    }
  }
}
