import { type Clock, isDisterError, type NodeId, type NodeInfo } from "@dister/types";
import type { HelloAddress } from "./peer-address.ts";

/** Between two hellos to one address: the first wait, and the longest. */
const HELLO_MS_MIN = 100;
const HELLO_MS_MAX = 2_000;

interface Target extends HelloAddress {
  nextMs: number;
  waitMs: number;
  underWay: boolean;
  isTried: boolean;
  /** The node itself answers there. */
  isItself: boolean;
  /** Who answered there last. */
  node: NodeId | null;
}

/** Says hello to a set of addresses that may change, to each with waits of its own, until somebody there is connected. */
export class HelloRound {
  readonly #clock: Clock;
  readonly #hello: (address: HelloAddress) => Promise<NodeInfo>;
  readonly #isUp: (id: NodeId) => boolean;
  readonly #targets = new Map<string, Target>();

  constructor(parts: {
    clock: Clock;
    hello: (address: HelloAddress) => Promise<NodeInfo>;
    isUp: (id: NodeId) => boolean;
  }) {
    this.#clock = parts.clock;
    this.#hello = parts.hello;
    this.#isUp = parts.isUp;
  }

  /** Takes the addresses that there are now; those that stay keep their waits. */
  setAddresses(addresses: readonly HelloAddress[]): void {
    const wanted = new Map(addresses.map((address) => [keyOf(address), address]));
    for (const key of this.#targets.keys()) if (!wanted.has(key)) this.#targets.delete(key);
    for (const [key, address] of wanted) {
      if (this.#targets.has(key)) continue;
      const state = { nextMs: 0, waitMs: HELLO_MS_MIN, underWay: false, isTried: false, isItself: false, node: null };
      this.#targets.set(key, { ...address, ...state });
    }
  }

  /** Has every address been tried? */
  get isTried(): boolean {
    return [...this.#targets.values()].every(({ isTried }) => isTried);
  }

  /** True for an address where nothing new is to be heard: the node there is connected, or it is this one. */
  isSettled(address: HelloAddress): boolean {
    const target = this.#targets.get(keyOf(address));
    if (target === undefined) return false;
    return target.isItself || (target.node !== null && this.#isUp(target.node));
  }

  /** Says the hellos that are due. */
  look(): void {
    const nowMs = this.#clock.nowMs();
    for (const target of this.#targets.values()) {
      if (target.underWay || target.nextMs > nowMs || this.isSettled(target)) continue;
      void this.#say(target);
    }
  }

  async #say(target: Target): Promise<void> {
    target.underWay = true;
    try {
      const { id } = await this.#hello({ host: target.host, raftPort: target.raftPort });
      target.node = id;
      target.waitMs = HELLO_MS_MAX;
    } catch (error) {
      // Every node may list every node, itself included: the address is then no longer asked.
      target.isItself = isDisterError(error, "DISTER_ERR_HANDSHAKE") && error.details["itself"] === true;
      target.waitMs = Math.min(HELLO_MS_MAX, target.waitMs * 2);
    } finally {
      target.underWay = false;
      target.isTried = true;
      target.nextMs = this.#clock.nowMs() + target.waitMs;
    }
  }
}

function keyOf({ host, raftPort }: HelloAddress): string {
  return `${host} ${raftPort}`;
}
