import type { ChangeEvent, LogId, Service } from "@dister/types";
import type { Process } from "../world/process.ts";
import type { Invariant } from "./invariant.ts";

/** Who listens to the changes of a node gets each once, in the order of the log, the same ones on every node. */
export class ChangeStreams implements Invariant {
  readonly name = "13-change-streams";
  readonly #all: { readonly logId: LogId; readonly text: string }[] = [];
  /** Where each node's stream stands in `#all`; unknown after a start or a snapshot. */
  readonly #at = new Map<Process, number>();

  streamReset(process: Process): void {
    this.#at.delete(process);
  }

  ended(process: Process): void {
    this.#at.delete(process);
  }

  changed(process: Process, event: ChangeEvent): void {
    const text = textOf(event);
    const at = (this.#at.get(process) ?? this.#find(event, text)) + 1;
    const known = this.#all[at];
    if (known === undefined) {
      const last = this.#all.at(-1)?.logId ?? 0;
      if (event.logId < last) throw new Error(`${process.name} tells of ${event.logId} after ${last}`);
      for (let before = this.#all.length - 1; this.#all[before]?.logId === event.logId; before--) {
        if (this.#all[before]!.text === text) throw new Error(`${process.name} tells ${text} twice`);
      }
      this.#all.push({ logId: event.logId, text });
    } else if (known.text !== text) {
      throw new Error(`${process.name} tells ${text} where another node told ${known.text}`);
    }
    this.#at.set(process, at);
  }

  /** Position right before the first event of this entry. */
  #find(event: ChangeEvent, text: string): number {
    for (let at = this.#all.length - 1; at >= 0; at--) {
      const { logId } = this.#all[at]!;
      if (logId < event.logId) return at;
      if (logId === event.logId && this.#all[at]!.text === text) return at - 1;
    }
    return -1;
  }
}

function textOf(event: ChangeEvent): string {
  if (event.type === "service") return `${event.logId} service ${event.name} ${serviceText(event.service)}`;
  return `${event.logId} ${event.key}=${event.record?.value ?? ""} v${event.record?.version ?? 0}`;
}

function serviceText(service: Service | null): string {
  if (service === null) return "removed";
  const instances = service.node.map((one) => {
    const { id, host, status, checked, mode, kept, definedIndex, sinceMs, fellMs } = one;
    return [id, host, status, checked, mode, kept, definedIndex, sinceMs, fellMs].join(" ");
  });
  return [service.definedIndex, service.modifyIndex, service.protectedMs, ...instances].join(", ");
}
