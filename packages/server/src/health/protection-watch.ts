import { type Clock, isProtectionOver, type Logger, protectionOf, type Service, type Timer } from "@dister/types";
import type { Gateway } from "../gateway.ts";

const LOOK_MS = 1_000;

interface WatchParts {
  readonly state: { services(): Service[] };
  readonly gateway: Pick<Gateway, "writeAsLeader">;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Watches over services that are protected against a mass failure: tells when one begins and ends to be, and has the end
 * by its limit replicated, for the state machine knows no time but that of commands.
 */
export class ProtectionWatch {
  readonly #parts: WatchParts;
  readonly #protected = new Map<string, Service>();
  #timer: Timer;
  #stopped = false;

  constructor(parts: WatchParts) {
    this.#parts = parts;
    for (const service of parts.state.services()) this.serviceChanged(service.name, service);
    this.#timer = parts.clock.setTimer(LOOK_MS, () => void this.#look());
  }

  serviceChanged(name: string, service: Service | null): void {
    const { logger } = this.#parts;
    const was = this.#protected.get(name);
    if (service === null || service.protectedMs === 0) {
      this.#protected.delete(name);
      if (was !== undefined) logger.info("service protection ended", { service: name, ...counts(service) });
      return;
    }
    this.#protected.set(name, service);
    if (was === undefined) {
      const reason = "too many instances turned critical at once: they are used on, see the health checks guide";
      logger.warn("service protected", { service: name, ...counts(service), reason });
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#timer.cancel();
  }

  async #look(): Promise<void> {
    const { gateway, logger } = this.#parts;
    if ([...this.#protected.values()].some((service) => this.#isOver(service))) {
      await gateway.writeAsLeader({ type: "serviceStatus", changes: [] }).catch((error: unknown) => {
        if (!this.#stopped) logger.warn("the end of a protection could not be replicated", { error });
      });
    }
    if (!this.#stopped) this.#timer = this.#parts.clock.setTimer(LOOK_MS, () => void this.#look());
  }

  #isOver(service: Service): boolean {
    const settings = protectionOf(service);
    return settings !== null && isProtectionOver(service, settings, this.#parts.clock.wallMs());
  }
}

function counts(service: Service | null): { instances: number; kept: number } {
  const instances = service?.node ?? [];
  return { instances: instances.length, kept: instances.filter(({ kept }) => kept).length };
}
