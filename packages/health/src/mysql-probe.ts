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

/** Codes of the driver are words of its own table; what a server sends in their place is not repeated. */
function codeOf(error: unknown): string {
  const reason = reasonOf(error);
  return /^(?:connect )?[A-Za-z_0-9 ]{1,60}$/.test(reason) ? reason : "failed";
}
