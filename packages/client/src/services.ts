import { isDisterError, type ServiceConfig, type ServiceNode, type ServiceType } from "@dister/types";
import type { Caller, WriteOptions } from "./caller.ts";
import type { ReadOptions, WriteResult } from "./kv.ts";
import { checkedName } from "./settings.ts";
import { objectOf } from "./shape.ts";

/** A node of a service as it is registered; numbers may be texts, as replies have them. */
export interface ServiceNodeDefinition {
  /** Host name or address, and TCP port; needed for every type but `web` and `custom`. */
  readonly host?: string;
  readonly port?: number | string;
  /** What a `web` check asks for. */
  readonly url?: string;
  /** How a `web` check asks (`GET`, `HEAD` or `OPTIONS`), and its headers, one in a line; these are never shown. */
  readonly method?: string;
  readonly headers?: string;
  /** What a `web` check expects: statuses such as `200-299,401`, a text in the body, the whole body. */
  readonly expect?: string;
  readonly contains?: string;
  readonly equals?: string;
  /** What a `grpc` check asks for. */
  readonly service?: string;
  /** Login of `mysql`, `pgsql` and `redis` checks; the password is never shown. */
  readonly user?: string;
  readonly pass?: string;
  readonly database?: string;
  /** Milliseconds for which a report of a node of type `ttl` counts. */
  readonly ttl?: number | string;
  /** Executable of a `custom` check, and its words; each server allows it in its own configuration. */
  readonly script?: string;
  /** Weight for balancing, 0 to 1,000,000, default 100; 0 is never chosen. */
  readonly priority?: number | string;
  /** Milliseconds between two checks, default 2,000. */
  readonly interval?: number | string;
  /** Milliseconds after which a check failed, default 2,000. */
  readonly timeout?: number | string;
  /** Successes in a row that make it alive, default 1. */
  readonly rise?: number | string;
  /** Failures in a row that make it dead, default 2. */
  readonly fall?: number | string;
  /** Ignored: checks decide it. Allowed, so that what was read can be registered again. */
  readonly status?: ServiceNode["status"];
}

/** A service as it is registered. */
export interface ServiceDefinition {
  readonly name: string;
  readonly type: ServiceType;
  readonly node: readonly ServiceNodeDefinition[];
}

/** What an application says of itself; `status` is 1, alive, unless set. */
export interface ServiceReport {
  readonly name: string;
  /** Host and port of the node, as they were registered. */
  readonly host: string;
  readonly port?: number | string;
  readonly status?: 0 | 1;
}

/** Services. By default they are read from the node that is asked, see {@link ReadOptions.consistency}. */
export interface ServicesClient {
  /** All services with their nodes and statuses; passwords are not shown. */
  list(options?: ReadOptions): Promise<ServiceConfig[]>;
  /** One service, undefined when it does not exist. */
  get(name: string, options?: ReadOptions): Promise<ServiceConfig | undefined>;
  /** Registers services or replaces them, all or none. Each node is dead until its first check. */
  register(services: ServiceDefinition | readonly ServiceDefinition[], options?: WriteOptions): Promise<WriteResult>;
  /**
   * Says of this application, a node of a service of type `ttl`, that it is alive or dead. Counts for the `ttl` of the node,
   * so report a few times as often. A repetition does no harm.
   */
  report(report: ServiceReport | readonly ServiceReport[], options?: WriteOptions): Promise<void>;
  /** Removes services by name, all at once; those that do not exist are passed over. */
  remove(names: string | readonly string[], options?: WriteOptions): Promise<WriteResult>;
}

export class HttpServices implements ServicesClient {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  async list(options: ReadOptions = {}): Promise<ServiceConfig[]> {
    const query = { consistency: options.consistency };
    const data = await this.#caller.read({ method: "GET", path: "/service", query }, options);
    return Object.values(objectOf<Record<string, ServiceConfig>>(data, "GET /service"));
  }

  async get(name: string, options: ReadOptions = {}): Promise<ServiceConfig | undefined> {
    const query = { name: checkedName(name), consistency: options.consistency };
    try {
      const data = await this.#caller.read({ method: "GET", path: "/service", query }, options);
      return objectOf<ServiceConfig>(data, "GET /service?name=");
    } catch (error) {
      if (isDisterError(error, "DISTER_ERR_SERVICE_NOT_FOUND")) return undefined;
      throw error;
    }
  }

  async register(
    services: ServiceDefinition | readonly ServiceDefinition[],
    options: WriteOptions = {},
  ): Promise<WriteResult> {
    const body = JSON.stringify([services].flat());
    const data = await this.#caller.write({ method: "POST", path: "/service", body }, options);
    return objectOf<WriteResult>(data, "POST /service");
  }

  async report(report: ServiceReport | readonly ServiceReport[], options: WriteOptions = {}): Promise<void> {
    const body = JSON.stringify([report].flat());
    await this.#caller.write({ method: "POST", path: "/service/report", body }, options);
  }

  async remove(names: string | readonly string[], options: WriteOptions = {}): Promise<WriteResult> {
    const body = JSON.stringify([names].flat());
    const data = await this.#caller.write({ method: "DELETE", path: "/service", body }, options);
    return objectOf<WriteResult>(data, "DELETE /service");
  }
}
