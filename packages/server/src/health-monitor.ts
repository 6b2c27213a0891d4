import {
  CheckScheduler,
  type CheckTarget,
  type CustomChecks,
  type ProbeResult,
  probeFor,
  type StatusDecision,
} from "@dister/health";
import type { CoreStatus } from "@dister/raft";
import type {
  Clock,
  LogFields,
  Logger,
  Rng,
  Service,
  ServiceNode,
  ServiceType,
  StateReader,
  StatusChange,
} from "@dister/types";
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
      this.#scheduler = new CheckScheduler<Target>({
        ...this.#components,
        prober: (target, signal) => this.#probe(target, signal),
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
    this.#scheduler?.update(targets);
  }

  async #probe(target: Target, signal: AbortSignal): Promise<ProbeResult> {
    const latencies = this.#latencies;
    const result = await probeFor(target.type, target.node, { custom: this.#custom })(signal);
    latencies.note(target.key, target.definedIndex, result);
    return result;
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
