import {
  type InstanceMode,
  isDisterError,
  LIMITS,
  type ServiceChecks,
  type ServiceType,
  type ShownInstance,
  type ShownService,
  type WatchersTold,
} from "@dister/types";
import type { Call, Caller, MarkedOptions, WriteOptions } from "./caller.ts";
import type { ReadOptions, WriteResult } from "./kv.ts";
import { checkedName, invalid } from "./settings.ts";
import { objectOf } from "./shape.ts";

/** An instance of a service as it is registered; numbers may be texts, and fields undefined, as replies have them. */
export interface ServiceNodeDefinition {
  /** Names it within its service; its address unless set. */
  readonly id?: string | undefined;
  /** What it is called by, for the policy `first` and for Prometheus; without spaces and commas. */
  readonly tags?: readonly string[] | undefined;
  /** Whatever its users want to know of it, by name. */
  readonly meta?: Readonly<Record<string, string>> | undefined;
  /** Host name or address, and TCP port; needed for every type but `web` and `custom`. */
  readonly host?: string | undefined;
  readonly port?: number | string | undefined;
  /** What a `web` check asks for. */
  readonly url?: string | undefined;
  /** How a `web` check asks (`GET`, `HEAD` or `OPTIONS`), and its headers, one in a line; these are never shown. */
  readonly method?: string | undefined;
  readonly headers?: string | undefined;
  /** What a `web` check expects: statuses such as `200-299,401`, a text in the body, the whole body. */
  readonly expect?: string | undefined;
  readonly contains?: string | undefined;
  readonly equals?: string | undefined;
  /** What a `grpc` check asks for. */
  readonly service?: string | undefined;
  /**
   * Login of `mysql`, `pgsql` and `redis` checks. The password is never shown: six stars, as replies have them, keep the one
   * that is stored.
   */
  readonly user?: string | undefined;
  readonly pass?: string | undefined;
  readonly database?: string | undefined;
  /** Milliseconds for which a report of a node of type `ttl` counts. */
  readonly ttl?: number | string | undefined;
  /** Executable of a `custom` check, and its words; each server allows it in its own configuration. */
  readonly script?: string | undefined;
  /** Weight for balancing, 0 to 1,000,000, default 100; 0 is never chosen. */
  readonly priority?: number | string | undefined;
  /** Milliseconds between two checks, default 2,000. */
  readonly interval?: number | string | undefined;
  /** Milliseconds after which a check failed, default 2,000. */
  readonly timeout?: number | string | undefined;
  /** Successes in a row that make it alive, default 1. */
  readonly rise?: number | string | undefined;
  /** Failures in a row that make it dead, default 2. */
  readonly fall?: number | string | undefined;
  /** Percent of the interval by which each check comes later, drawn anew each time, 0 to 50, default 10. */
  readonly jitter?: number | string | undefined;
  /** What it counts as until its first checks have decided, default `critical`. */
  readonly start?: "critical" | "passing" | undefined;
  /** Ignored: checks and modes decide them. Allowed, so that what was read can be registered again. */
  readonly status?: ShownInstance["status"] | undefined;
  readonly state?: ShownInstance["state"] | undefined;
  readonly since?: string | undefined;
}

/** A service as it is registered. */
export interface ServiceDefinition {
  readonly name: string;
  readonly type: ServiceType;
  /**
   * Mass-failure protection: `off`, or when it begins (more than `percent`, 50, within `window` ms, 60,000) and when it
   * ends at the latest (after `limit` ms, 300,000, if some are passing).
   */
  readonly protect?:
    | "off"
    | {
        readonly percent?: number | string | undefined;
        readonly window?: number | string | undefined;
        readonly limit?: number | string | undefined;
      }
    | undefined;
  /** Milliseconds in which an instance that recovered gets its whole weight back; at once without it. */
  readonly slowstart?: number | string | undefined;
  /** Ignored, as the state of an instance. */
  readonly protection?: ShownService["protection"] | undefined;
  readonly node: readonly ServiceNodeDefinition[];
}

/** Names an instance. */
export interface InstanceName {
  /** Of the service. */
  readonly name: string;
  readonly id: string;
}

/** What an operator says of an instance: `draining` and `maintenance` are never chosen, `active` is as its checks say. */
export interface InstanceModeChange extends InstanceName {
  readonly mode: InstanceMode;
}

export interface ModeOptions extends WriteOptions {
  /**
   * Milliseconds to wait, when it is done, until everybody who is connected was told; 0 to `LIMITS.watcherWaitMsMax`,
   * default 0. It comes on top of `timeoutMs`.
   */
  readonly waitMs?: number;
}

export interface ModeResult extends WriteResult {
  /** With `waitMs` above 0. */
  readonly watchers?: WatchersTold;
}

/** What an application says of itself; `status` is 1, alive, unless set. */
export interface ServiceReport {
  readonly name: string;
  /** Which instance: by its id, or by host and port as they were registered. */
  readonly id?: string;
  readonly host?: string;
  readonly port?: number | string;
  readonly status?: 0 | 1;
}

/** Services. By default they are read from the node that is asked, see {@link ReadOptions.consistency}. */
export interface ServicesClient {
  /** All services with their instances and states; passwords are not shown. */
  list(options?: ReadOptions): Promise<ShownService[]>;
  /** One service, undefined when it does not exist. */
  get(name: string, options?: ReadOptions): Promise<ShownService | undefined>;
  /**
   * Registers services or replaces them, all or none. An instance that is registered again as it was keeps its state, one
   * that is new counts as its `start` says until its first checks have decided.
   */
  register(services: ServiceDefinition | readonly ServiceDefinition[], options?: WriteOptions): Promise<WriteResult>;
  /**
   * As {@link register}, but only for the instances that are given: the others of these services stay, as do `protect` and
   * `slowstart` unless they are given. An instance without `host` and `url` needs an `id` here.
   */
  registerInstances(
    services: ServiceDefinition | readonly ServiceDefinition[],
    options?: WriteOptions,
  ): Promise<WriteResult>;
  /**
   * Removes instances, all at once; those that do not exist are passed over. A service that loses its last one is removed.
   */
  removeInstances(instances: InstanceName | readonly InstanceName[], options?: WriteOptions): Promise<WriteResult>;
  /**
   * Takes instances out of use or back into it, all or none; the mode stays until another is set, whatever is registered.
   * @throws DisterError `DISTER_ERR_INSTANCE_NOT_FOUND`.
   */
  setMode(changes: InstanceModeChange | readonly InstanceModeChange[], options?: ModeOptions): Promise<ModeResult>;
  /**
   * What the checks of each instance have found, as the leader has heard it.
   * @throws DisterError `DISTER_ERR_SERVICE_NOT_FOUND`.
   */
  checks(name: string, options?: MarkedOptions): Promise<ServiceChecks>;
  /**
   * Says of this application, an instance of a service of type `ttl`, that it is alive or dead. Counts for the `ttl` of the
   * instance, so report a few times as often. A repetition does no harm.
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

  async list(options: ReadOptions = {}): Promise<ShownService[]> {
    const query = { consistency: options.consistency };
    const data = await this.#caller.read({ method: "GET", path: "/service", query }, options);
    return Object.values(objectOf<Record<string, ShownService>>(data, "GET /service"));
  }

  async get(name: string, options: ReadOptions = {}): Promise<ShownService | undefined> {
    const query = { name: checkedName(name), consistency: options.consistency };
    try {
      const data = await this.#caller.read({ method: "GET", path: "/service", query }, options);
      return objectOf<ShownService>(data, "GET /service?name=");
    } catch (error) {
      if (isDisterError(error, "DISTER_ERR_SERVICE_NOT_FOUND")) return undefined;
      throw error;
    }
  }

  register(
    services: ServiceDefinition | readonly ServiceDefinition[],
    options: WriteOptions = {},
  ): Promise<WriteResult> {
    return this.#write({ method: "POST", path: "/service" }, services, options);
  }

  registerInstances(
    services: ServiceDefinition | readonly ServiceDefinition[],
    options: WriteOptions = {},
  ): Promise<WriteResult> {
    return this.#write({ method: "POST", path: "/service/instance" }, services, options);
  }

  removeInstances(instances: InstanceName | readonly InstanceName[], options: WriteOptions = {}): Promise<WriteResult> {
    return this.#write({ method: "DELETE", path: "/service/instance" }, instances, options);
  }

  async setMode(
    changes: InstanceModeChange | readonly InstanceModeChange[],
    { waitMs = 0, ...options }: ModeOptions = {},
  ): Promise<ModeResult> {
    const holdMs = checkedWait(waitMs);
    const wait = holdMs === 0 ? {} : { query: { wait: holdMs }, holdMs };
    return this.#write<ModeResult>({ method: "POST", path: "/service/mode", ...wait }, changes, options);
  }

  async checks(name: string, options: MarkedOptions = {}): Promise<ServiceChecks> {
    const query = { name: checkedName(name) };
    const data = await this.#caller.read({ method: "GET", path: "/service/checks", query }, options);
    return objectOf<ServiceChecks>(data, "GET /service/checks");
  }

  async report(report: ServiceReport | readonly ServiceReport[], options: WriteOptions = {}): Promise<void> {
    const body = JSON.stringify([report].flat());
    await this.#caller.write({ method: "POST", path: "/service/report", body }, options);
  }

  remove(names: string | readonly string[], options: WriteOptions = {}): Promise<WriteResult> {
    return this.#write({ method: "DELETE", path: "/service" }, names, options);
  }

  /** @param items - one, or a list; the API takes a list. */
  async #write<Result extends WriteResult = WriteResult>(
    call: Omit<Call, "body">,
    items: unknown,
    options: WriteOptions,
  ): Promise<Result> {
    const data = await this.#caller.write({ ...call, body: JSON.stringify([items].flat()) }, options);
    return objectOf<Result>(data, `${call.method} ${call.path}`);
  }
}

function checkedWait(waitMs: number): number {
  if (Number.isSafeInteger(waitMs) && waitMs >= 0 && waitMs <= LIMITS.watcherWaitMsMax) return waitMs;
  throw invalid("waitMs", String(waitMs), `whole milliseconds from 0 to ${LIMITS.watcherWaitMsMax}`);
}
