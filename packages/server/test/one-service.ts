import type { ChangeEvent, Service, StateReader } from "@dister/types";

/** A state that holds one service, and tells of it when it is put. */
export class OneService {
  service: Service;
  readonly #listeners: ((event: ChangeEvent) => void)[] = [];

  constructor(service: Service) {
    this.service = service;
  }

  put(service: Service): void {
    this.service = service;
    for (const tell of this.#listeners) tell({ type: "service", logId: 1, name: service.name, service });
  }

  get reader(): Pick<StateReader, "services" | "service" | "onChange" | "onReset"> {
    return {
      services: () => [this.service],
      service: (name) => (name === this.service.name ? this.service : undefined),
      onChange: (listener) => {
        this.#listeners.push(listener);
        return () => undefined;
      },
      onReset: () => () => undefined,
    };
  }
}
