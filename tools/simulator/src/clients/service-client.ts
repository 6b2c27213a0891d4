import { encodeCommand } from "@dister/store";
import {
  type Command,
  INSTANCE_MODES,
  type InstanceConfig,
  REDACTED,
  type Service,
  type ServiceConfig,
} from "@dister/types";
import type { Cluster } from "../world/cluster.ts";
import type { Dice } from "../world/dice.ts";
import { call } from "./call.ts";

const NAMES = ["web", "db"];
const IDS = ["1", "2", "3", "4", "5"];
const CHECKS = { priority: "100", interval: "2000", timeout: "2000", rise: "1", fall: "2" };
/** Short, so that a protection begins and ends within one storm. */
const PROTECT = { window: "2000", limit: "3000" };

/**
 * Registers services, and says what their checks found and what operators want of them. It keeps no history: that all nodes
 * come to the same outcomes, the same changes and in the end the same state is for the rules to see.
 */
export class ServiceClient {
  readonly #cluster: Cluster;
  readonly #dice: Dice;
  #made = 0;
  #isStopped = false;
  readonly done: Promise<void>;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#dice = cluster.world.dice("services");
    this.done = this.#work();
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #work(): Promise<void> {
    const { world } = this.#cluster;
    while (!this.#isStopped) {
      await new Promise<void>((resolve) => world.after(this.#dice.between(10, 250), "services rest", resolve));
      if (!this.#isStopped) await this.#write();
    }
  }

  async #write(): Promise<void> {
    const { world, machines, setting, leader } = this.#cluster;
    const machine = leader !== undefined && this.#dice.chance(0.8) ? leader.machine : this.#dice.pick(machines);
    const command = this.#command(leader?.state.inner.services() ?? []);
    const requestId = `service ${++this.#made}`;
    const result = await call(
      world,
      machine,
      async ({ raft }) => {
        const payload = encodeCommand({ requestId, timeMs: machine.clock.wallMs, command });
        return (await raft!.propose(payload)).result;
      },
      { timeoutMs: 4 * setting.raft.electionTimeoutMs, delayMs: this.#dice.between(0.1, 2) },
    );
    if (result.outcome === "ok" && result.value?.error !== undefined)
      world.coverage.reached("service command refused by the state");
  }

  #command(services: readonly Service[]): Command {
    if (services.some(({ protectedMs }) => protectedMs > 0)) this.#cluster.world.coverage.reached("service protected");
    const name = this.#dice.pick(NAMES);
    const kind = this.#dice.next();
    if (kind < 0.15) return { type: "serviceSet", services: [this.#service(name, IDS)] };
    if (kind < 0.65) return this.#found(services);
    if (kind < 0.75) return { type: "instanceSet", services: [this.#service(name, this.#some())] };
    if (kind < 0.9) {
      const mode = this.#dice.pick(INSTANCE_MODES);
      return { type: "instanceMode", changes: [{ service: name, id: this.#dice.pick(IDS), mode }] };
    }
    if (kind < 0.97) return { type: "instanceDelete", instances: [{ service: name, id: this.#dice.pick(IDS) }] };
    return { type: "serviceDelete", names: [name] };
  }

  /** One status for some instances of every service, as their checks would find when a network breaks and heals. */
  #found(services: readonly Service[]): Command {
    const status = this.#dice.chance(0.5) ? 1 : this.#dice.chance(0.9) ? 0 : null;
    const isHit = (): boolean => this.#dice.chance(0.7);
    const changes = services.flatMap(({ name: service, node }) =>
      node.filter(isHit).map(({ id, definedIndex }) => ({ service, id, definedIndex, status }) as const),
    );
    return { type: "serviceStatus", changes };
  }

  #service(name: string, ids: readonly string[]): ServiceConfig {
    const node = ids.map((id): InstanceConfig => {
      const pass = this.#dice.chance(0.1) ? { pass: REDACTED } : {};
      return { id, host: this.#dice.chance(0.9) ? "h" : "g", port: id, ...pass, ...CHECKS, status: 0 };
    });
    return { name, type: "tcp", protect: PROTECT, node };
  }

  #some(): string[] {
    const some = IDS.filter(() => this.#dice.chance(0.3));
    return some.length === 0 ? [IDS[0]!] : some;
  }
}
