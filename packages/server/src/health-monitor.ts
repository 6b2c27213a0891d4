import {
  CheckScheduler,
  type CheckTarget,
  type CustomChecks,
  type ProbeResult,
  probeFor,
  type StatusDecision,
  TtlReports,
} from "@dister/health";
import type { CoreStatus } from "@dister/raft";
import {
  type Clock,
  DisterError,
  type LogFields,
  type Logger,
  type Rng,
  type Service,
  type ServiceNode,
  type ServiceType,
  type StateReader,
  type StatusChange,
} from "@dister/types";
import type { ServiceReport } from "@dister/types/schemas";
import { CheckLatencies, checkKey, type LatenciesMs } from "./balance/check-latencies.ts";
import type { Gateway } from "./gateway.ts";

/** Decisions of this time are proposed together. */
const COALESCE_MS = 5;

interface Target extends CheckTarget {
  readonly service: string;
  readonly position: number;
  readonly type: ServiceType;
  readonly node: ServiceNode;
}

/** Names a node of a service to those who report of it, whatever place it has in the list. */
function reportKey(service: string, host: string | undefined, port: string | undefined): string {
  return JSON.stringify([service, host, port ?? ""]);
}

function targetsOf(service: Service): Target[] {
  return service.node.map((node, position) => ({
    key: checkKey(service.name, position),
    definedIndex: service.definedIndex,
    intervalMs: Number(node.interval),
    timeoutMs: Number(node.timeout),
    rise: Number(node.rise),
    fall: Number(node.fall),
    status: node.status,
    service: service.name,
    position,
    type: service.type,
    node,
  }));
}

/** Checks the nodes of every service while this node leads, and replicates a status when it changes. */
export class HealthMonitor {
  readonly #raft: { status(): Pick<CoreStatus, "role"> };
  readonly #state: Pick<StateReader, "services" | "service" | "onChange">;
  readonly #gateway: Pick<Gateway, "write">;
  readonly #components: { clock: Clock; rng: Rng; logger: Logger };
  readonly #custom: CustomChecks;
  #scheduler: CheckScheduler<Target> | null = null;
  #latencies = new CheckLatencies();
  #reports: TtlReports;
  readonly #decided = new Map<string, StatusChange>();
  readonly #told = new Map<string, string>();
  #proposing = false;
  #stopListening: (() => void) | null = null;
  #refreshing = false;

  constructor(
    parts: {
      raft: { status(): Pick<CoreStatus, "role"> };
      state: Pick<StateReader, "services" | "service" | "onChange">;
      gateway: Pick<Gateway, "write">;
      clock: Clock;
      rng: Rng;
      logger: Logger;
    },
    checks: { readonly custom: CustomChecks } = { custom: "off" },
  ) {
    this.#custom = checks.custom;
    this.#reports = new TtlReports(parts.clock);
    this.#raft = parts.raft;
    this.#state = parts.state;
    this.#gateway = parts.gateway;
    this.#components = { clock: parts.clock, rng: parts.rng, logger: parts.logger };
  }

  start(): void {
    this.#stopListening = this.#state.onChange((event) => {
      if (event.type === "service") this.#refresh();
    });
    this.statusChanged();
  }

  stop(): void {
    this.#stopListening?.();
    this.#scheduler?.stop();
    this.#scheduler = null;
  }

  /** Whoever leads checks; a node that no longer leads forgets what it counted. */
  statusChanged(): void {
    const leads = this.#raft.status().role === "leader";
    if (leads && this.#scheduler === null) {
      this.#reports = new TtlReports(this.#components.clock);
      this.#scheduler = new CheckScheduler<Target>({
        ...this.#components,
        prober: (target, signal) => this.#check(target, signal),
        onChange: (decision) => this.#onDecision(decision),
      });
      this.#update();
    }
    if (!leads && this.#scheduler !== null) {
      this.#scheduler.stop();
      this.#scheduler = null;
      this.#latencies = new CheckLatencies();
      this.#decided.clear();
      this.#told.clear();
    }
  }

  /**
   * Takes what applications report of themselves, all or none; the next check of each counts it.
   * @throws DisterError `DISTER_ERR_NOT_LEADER`, `DISTER_ERR_SERVICE_NOT_FOUND`, `DISTER_ERR_INVALID` for what is no
   *   node of type `ttl`.
   */
  report(reports: readonly ServiceReport[]): void {
    if (this.#scheduler === null) throw new DisterError("DISTER_ERR_NOT_LEADER", { leader: "another node" });
    for (const [position, { name, host, port }] of reports.entries()) {
      const service = this.#state.service(name);
      if (service === undefined) throw new DisterError("DISTER_ERR_SERVICE_NOT_FOUND", { name });
      const isNode = service.node.some((node) => node.host === host && (node.port ?? "") === (port ?? ""));
      if (service.type === "ttl" && isNode) continue;
      const got = service.type === "ttl" ? `no node of ${name}` : `a node of type ${service.type}`;
      const allowed = "host and port of a node of a service of type ttl, as registered";
      throw new DisterError("DISTER_ERR_INVALID", { field: `${position}.host`, got, allowed });
    }
    for (const { name, host, port, status } of reports) this.#reports.report(reportKey(name, host, port), status === 1);
  }

  async #check(target: Target, signal: AbortSignal): Promise<ProbeResult> {
    const { key, type, node, service, status, definedIndex } = target;
    if (type === "ttl") {
      // Nothing is asked, so that there is no latency to note.
      return this.#reports.check({ key: reportKey(service, node.host, node.port), ttlMs: Number(node.ttl), status });
    }
    const latencies = this.#latencies;
    const result = await probeFor(type, node, { custom: this.#custom })(signal);
    latencies.note(key, definedIndex, result);
    return result;
  }

  /** Many changes of one moment are one update. */
  #refresh(): void {
    if (this.#scheduler === null || this.#refreshing) return;
    this.#refreshing = true;
    this.#components.clock.setTimer(COALESCE_MS, () => {
      this.#refreshing = false;
      this.#update();
    });
  }

  /** How long the checks of a service took, as far as this node made them. */
  latenciesOf(service: Service): LatenciesMs {
    return this.#latencies.of(service);
  }

  #update(): void {
    const targets = this.#state.services().flatMap(targetsOf);
    this.#latencies.keep(new Set(targets.map(({ key }) => key)));
    this.#reports.keep(new Set(targets.map(({ service, node }) => reportKey(service, node.host, node.port))));
    this.#scheduler?.update(targets);
  }

  #onDecision({ key, definedIndex, status, output }: StatusDecision): void {
    const slash = key.lastIndexOf("/");
    const [service, node] = [key.slice(0, slash), Number(key.slice(slash + 1))];
    this.#decided.set(key, { service, definedIndex, node, status });
    this.#tell(key, `${definedIndex} ${status}`, { service, node, status, output });
    if (this.#proposing) return;
    this.#proposing = true;
    this.#components.clock.setTimer(COALESCE_MS, () => void this.#propose());
  }

  /** One line per change: a decision is repeated with every check until it is in force. */
  #tell(key: string, decision: string, fields: LogFields): void {
    if (this.#told.get(key) === decision) return;
    this.#told.set(key, decision);
    this.#components.logger.info("service node changed", fields);
  }

  async #propose(): Promise<void> {
    for (let changes = this.#takeDecided(); changes.length > 0; changes = this.#takeDecided()) {
      try {
        await this.#gateway.write({ type: "serviceStatus", changes });
      } catch (error) {
        // The next check of each target decides the same again.
        this.#components.logger.warn("a status could not be replicated", { error });
      }
    }
    this.#proposing = false;
  }

  /** A decision is told again until it is in force; what came into force meanwhile is not written a second time. */
  #takeDecided(): StatusChange[] {
    const decided = [...this.#decided.values()];
    this.#decided.clear();
    return decided.filter((change) => {
      const service = this.#state.service(change.service);
      const sameDefinition = service?.definedIndex === change.definedIndex;
      return sameDefinition && service.node[change.node]?.status !== change.status;
    });
  }
}
