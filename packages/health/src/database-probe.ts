import { DriverSocket, type HostOptions } from "./driver-socket.ts";
import { type Finish, type ProbeComponents, type ProbeResult, runProbe } from "./probe.ts";

export interface DatabaseProbeOptions extends HostOptions {
  readonly user: string;
  readonly pass?: string | undefined;
  /** Without one, none is chosen (MySQL), or that of the user's name (PostgreSQL). */
  readonly database?: string | undefined;
}

/** One check by a driver: it goes over the socket of the probe, and knows how to leave. */
export interface DatabaseCheck {
  /**
   * Begins, and gives back how to say goodbye, which is true when there was anything to say it for: a server counts those
   * who leave without a word as aborted.
   */
  readonly ask: (options: DatabaseProbeOptions, socket: DriverSocket, finish: Finish) => Promise<() => boolean>;
  /** Why it could not even begin. */
  readonly reasonOf: (error: unknown) => string;
}

/** Logs in to a database and asks `select 1`. */
export function databaseProbe(
  check: DatabaseCheck,
  options: DatabaseProbeOptions,
  components: ProbeComponents,
): Promise<ProbeResult> {
  return runProbe(options, components, (finish) => {
    const socket = new DriverSocket(options, components, finish);
    let leave = (): boolean => false;
    check.ask(options, socket, finish).then(
      (end) => {
        leave = end;
      },
      (error: unknown) => finish(false, check.reasonOf(error)),
    );
    return () => {
      if (leave()) socket.destroySoon();
      else socket.destroy();
    };
  });
}

/** Judges the answer to `select 1 as one`. */
export function judgeOne(one: unknown, finish: Finish): void {
  finish(one === 1, one === 1 ? "logged in and answered" : "an answer that is not understood");
}
