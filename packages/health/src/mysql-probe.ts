import { DriverSocket, driver, type HostOptions } from "./driver-socket.ts";
import { type Finish, type ProbeComponents, type ProbeResult, reasonOf, runProbe } from "./probe.ts";

export interface DatabaseProbeOptions extends HostOptions {
  readonly user: string;
  readonly pass?: string | undefined;
  /** Without one, none is chosen (MySQL), or that of the user's name (PostgreSQL). */
  readonly database?: string | undefined;
}

/** Logs in to MySQL or MariaDB and asks `select 1`. Needs the driver `mysql2`. */
export function mysqlProbe(options: DatabaseProbeOptions, components: ProbeComponents = {}): Promise<ProbeResult> {
  return runProbe(options, components, (finish) => {
    const socket = new DriverSocket(options, components, finish);
    let leave = (): boolean => false;
    ask(options, socket, finish).then(
      (end) => {
        leave = end;
      },
      (error: unknown) => finish(false, reasonOf(error)),
    );
    return () => {
      if (leave()) socket.destroySoon();
      else socket.destroy();
    };
  });
}

/** Begins, and gives back how to say goodbye, which is true when there was anything to say it for: a server counts those who leave without a word as aborted. */
async function ask(options: DatabaseProbeOptions, socket: DriverSocket, finish: Finish): Promise<() => boolean> {
  const { default: mysql } = await driver("mysql2", () => import("mysql2"));
  if (socket.destroyed) return () => false;
  const connection = mysql.createConnection({
    user: options.user,
    password: options.pass ?? "",
    ...(options.database === undefined ? {} : { database: options.database }),
    stream: () => socket.connect(),
    // The probe has a limit of its own; a timer of the driver would outlive it.
    connectTimeout: 0,
    // A server may ask for the password in plain words; only the driver's other methods hide it.
    enableCleartextPlugin: false,
  });
  connection.on("error", (error: unknown) => finish(false, codeOf(error)));
  let answered = false;
  connection.query("select 1 as one", (error, rows) => {
    if (error !== null) return finish(false, codeOf(error));
    answered = true;
    const first: unknown = Array.isArray(rows) ? rows[0] : undefined;
    const ok = (first as { one?: unknown } | undefined)?.one === 1;
    finish(ok, ok ? "logged in and answered" : "an answer that is not understood");
  });
  return () => {
    if (answered) connection.end(() => undefined);
    return answered;
  };
}

/** Codes of the driver are words of its own table; what a server sends in their place is not repeated. */
function codeOf(error: unknown): string {
  const reason = reasonOf(error);
  return /^(?:connect )?[A-Za-z_0-9 ]{1,60}$/.test(reason) ? reason : "failed";
}
