import type { Candidate } from "@dister/balance";
import { instanceAddress, type Service, type ServiceInstance, STATUS } from "@dister/types";
import type { LatenciesMs } from "./asked-latencies.ts";

/** An instance of a service as something to choose. */
export interface Choice extends Candidate {
  readonly id: string;
  readonly host: string | null;
  readonly port: string | null;
  readonly instance: ServiceInstance;
}

/** The instances of a service in their order. */
export function choicesOf(service: Service, latenciesMs: LatenciesMs = []): Choice[] {
  return service.node.map((instance, position) => {
    const { id, priority, status, kept, mode, sinceMs, tags } = instance;
    return {
      id,
      ...instanceAddress(instance),
      weight: Number(priority),
      // What is kept by a protection is chosen as if it were alive: see docs/guides/health-checks.md.
      alive: status === STATUS.alive || kept,
      takenOut: mode === "active" ? undefined : mode,
      // Kept, or never checked: it did not recover just now.
      healthySinceMs: status === STATUS.alive && sinceMs > 0 ? sinceMs : undefined,
      latencyMs: latenciesMs[position],
      tags,
      instance,
    };
  });
}
