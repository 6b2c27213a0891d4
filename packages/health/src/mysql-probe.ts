import type { Connection } from "mysql2";
import { type DatabaseProbeOptions, databaseProbe, judgeOne } from "./database-probe.ts";
import { type DriverSocket, driver } from "./driver-socket.ts";
import { type Finish, type ProbeComponents, type ProbeResult, reasonOf } from "./probe.ts";

/** Logs in to MySQL or MariaDB and asks `select 1`. Needs the driver `mysql2`. */
export function mysqlProbe(options: DatabaseProbeOptions, components: ProbeComponents = {}): Promise<ProbeResult> {
  return databaseProbe({ ask, reasonOf }, options, components);
}

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
  limitWarnings(connection);
  let answered = false;
  connection.query("select 1 as one", (error, rows) => {
    if (error !== null) return finish(false, codeOf(error));
    answered = true;
    const first: unknown = Array.isArray(rows) ? rows[0] : undefined;
    judgeOne((first as { one?: unknown } | undefined)?.one, finish);
  });
  return () => {
    if (answered) connection.end(() => undefined);
    return answered;
  };
}

/**
 * The driver writes a line to stderr for each packet out of order. Some servers do not count well, and a check takes fewer
 * packets than this; a target that sends thousands would fill the log. What is thrown here ends the probe.
 */
const WARNINGS_MAX = 16;

function limitWarnings(connection: Connection): void {
  let warnings = 0;
  connection.on("warn", () => {
    if (++warnings > WARNINGS_MAX) throw new Error("packets out of order");
  });
}

/** Codes of the driver are words of its own table; what a server sends in their place is not repeated. */
function codeOf(error: unknown): string {
  const reason = reasonOf(error);
  return /^(?:connect )?[A-Za-z_0-9 ]{1,60}$/.test(reason) ? reason : "failed";
}
