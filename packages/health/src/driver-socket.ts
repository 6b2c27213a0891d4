import { Socket } from "node:net";
import { guardedLookup } from "./address-guard.ts";
import type { Finish, ProbeComponents, ProbeOptions } from "./probe.ts";

/** Bytes that a target may send in one check; a login and the answer to `select 1` take less than 4 KiB. */
export const TARGET_BYTES_MAX = 256 * 1024;

/** Where a probe connects to. */
export interface HostOptions extends ProbeOptions {
  /** Name or address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/**
 * A guarded connection for a driver, which may be handed over before it is connected.
 *
 * A driver parses what a target sends inside the events of its socket, and throws there at words that it does not
 * understand. Thrown in an event, that would end the process; here it ends the probe.
 */
export class DriverSocket extends Socket {
  readonly #finish: Finish;
  readonly #dial: () => void;
  #bytes = 0;

  constructor(options: HostOptions, components: ProbeComponents, finish: Finish) {
    super();
    this.#finish = finish;
    const { host, port, allow } = options;
    const lookup = guardedLookup(host, allow, components.lookup);
    this.#dial = () => super.connect({ host, port, lookup });
  }

  /** Connects to the target of the probe, whatever address a driver names. */
  override connect(): this {
    this.#dial();
    return this;
  }

  override emit(event: string | symbol, ...values: unknown[]): boolean {
    if (event === "data" && this.#isTooMuch(values[0])) return true;
    try {
      return super.emit(event, ...values);
    } catch {
      this.#finish(false, "an answer that is not understood");
      return true;
    }
  }

  #isTooMuch(chunk: unknown): boolean {
    if (chunk instanceof Uint8Array) this.#bytes += chunk.length;
    if (this.#bytes <= TARGET_BYTES_MAX) return false;
    this.#finish(false, `more than ${TARGET_BYTES_MAX} bytes`);
    return true;
  }
}

/** Loads a driver that is an optional peer dependency. @throws Error whose code says what to install. */
export async function driver<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const { code } = cause as { code?: unknown };
    if (code !== "ERR_MODULE_NOT_FOUND" && code !== "MODULE_NOT_FOUND") throw cause;
    throw new DriverMissing(name, { cause });
  }
}

/** A driver is not installed. */
class DriverMissing extends Error {
  readonly code: string;

  constructor(name: string, options: ErrorOptions) {
    super(`the driver ${name} is missing`, options);
    this.code = `the driver is not installed beside the node that checks: npm install ${name}`;
  }
}
