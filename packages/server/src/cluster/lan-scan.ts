import type { Clock, Logger, Timer } from "@dister/types";
import type { HostNetwork } from "./host-network.ts";
import { type ScanNetwork, scanNetworks, scanTargets } from "./scan-targets.ts";

/** Between two addresses in the first round, in milliseconds: a /24 takes five seconds. */
const FIRST_EVERY_MS = 20;
/** Between two addresses in later rounds. */
const LATER_EVERY_MS = 200;
/** Between two rounds. */
const ROUND_REST_MS = 60_000;
/** How long an address may take to answer: in the own network that is thousandths of a second. */
const ANSWER_MS = 1_000;
/** Addresses that are waited for at the same time. */
const UNDER_WAY_MAX = 64;
/** Networks that are looked at; a machine with more has them for its containers. */
const NETWORKS_MAX = 16;

/** What a scan works with. */
export interface LanScanParts {
  readonly network: Pick<HostNetwork, "interfaces">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Says hello to an address; rejects when no node of the group is there. */
  readonly hello: (host: string, timeoutMs: number) => Promise<unknown>;
  /** True when nothing new can be heard at an address. */
  readonly isConnected: (host: string) => boolean;
}

/**
 * Looks for nodes of the group in the networks around the own addresses: one round at once, further ones slowly, until it
 * is stopped. An address gets one attempt to connect per round.
 */
export class LanScan {
  readonly #parts: LanScanParts;
  #timer: Timer | null = null;
  #stopped = true;
  #finishedOnce = false;
  #underWay = 0;
  /** What was last said of the networks, so that it is said once. */
  #said: string | undefined;
  #targets: Iterator<string> | null = null;

  constructor(parts: LanScanParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#stopped = false;
    this.#timer = this.#parts.clock.setTimer(0, () => this.#next());
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** Has every address had its time to answer once? */
  get finishedOnce(): boolean {
    return this.#finishedOnce;
  }

  #next(): void {
    if (this.#stopped) return;
    this.#targets ??= this.#round();
    let restMs = this.#finishedOnce ? LATER_EVERY_MS : FIRST_EVERY_MS;
    if (this.#underWay < UNDER_WAY_MAX) {
      const host = this.#nextHost(this.#targets);
      if (host !== undefined) this.#ask(host);
      else if (this.#underWay === 0) {
        this.#finishedOnce = true;
        this.#targets = null;
        restMs = ROUND_REST_MS;
      }
    }
    this.#timer = this.#parts.clock.setTimer(restMs, () => this.#next());
  }

  #round(): Iterator<string> {
    const interfaces = this.#parts.network.interfaces();
    const networks = scanNetworks(interfaces);
    this.#say(networks);
    return scanTargets(networks.slice(0, NETWORKS_MAX), interfaces);
  }

  #say(networks: readonly ScanNetwork[]): void {
    const names = networks.map(({ name }) => name);
    const what = names.join(", ");
    if (what === this.#said) return;
    this.#said = what;
    const { logger } = this.#parts;
    const looked = { networks: names.slice(0, NETWORKS_MAX).join(", ") };
    if (what === "") logger.warn("Scan finds no private IPv4 network on this machine: name the others in Peers");
    else logger.info("looking for nodes of the group on the local network", looked);
    if (names.length > NETWORKS_MAX) {
      const fields = { found: names.length, allowed: NETWORKS_MAX };
      logger.warn("Scan leaves out networks, because there are too many: name nodes there in Peers", fields);
    }
  }

  #nextHost(targets: Iterator<string>): string | undefined {
    for (;;) {
      const { value, done } = targets.next();
      if (done === true) return undefined;
      if (!this.#parts.isConnected(value)) return value;
    }
  }

  #ask(host: string): void {
    this.#underWay++;
    this.#parts
      .hello(host, ANSWER_MS)
      // That nobody answers, or somebody else, is the usual case.
      .catch(() => undefined)
      .finally(() => {
        this.#underWay--;
      });
  }
}
