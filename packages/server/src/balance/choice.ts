import type { Candidate } from "@dister/balance";
import { instanceAddress, type Service, type ServiceInstance, STATUS } from "@dister/types";
import type { LatenciesMs } from "./asked-latencies.ts";
import type { BackSinceMs } from "./recoveries.ts";

/** An instance of a service as something to choose. */
export interface Choice extends Candidate {
  readonly id: string;
  readonly host: string | null;
  readonly port: string | null;
  readonly instance: ServiceInstance;
}

/** What a choice goes by beside the service itself. */
interface Measures {
  /** By position. */
  readonly latenciesMs?: LatenciesMs | undefined;
  /** For slow start. */
  readonly backSinceMs?: BackSinceMs | undefined;
}

/** The instances of a service in their order. */
export function choicesOf(service: Service, { latenciesMs, backSinceMs }: Measures = {}): Choice[] {
  return service.node.map((instance, position) => {
    const { id, priority, status, kept, mode, tags } = instance;
    return {
      id,
      ...instanceAddress(instance),
      weight: Number(priority),
      // What is kept by a protection is chosen as if it were alive: see docs/guides/health-checks.md.
      alive: status === STATUS.alive || kept,
      takenOut: mode === "active" ? undefined : mode,
      healthySinceMs: backSinceMs?.get(id),
      latencyMs: latenciesMs?.[position],
      tags,
      instance,
    };
  });
}
