import type { Client } from "pg";
import { type DatabaseProbeOptions, databaseProbe, judgeOne } from "./database-probe.ts";
import { type DriverSocket, driver } from "./driver-socket.ts";
import { type Finish, type ProbeComponents, type ProbeResult, reasonOf } from "./probe.ts";

const NOT_UNDERSTOOD = "refused or not understood";

/** Logs in to PostgreSQL and asks `select 1`. Needs the driver `pg`. */
export function pgsqlProbe(options: DatabaseProbeOptions, components: ProbeComponents = {}): Promise<ProbeResult> {
  return databaseProbe({ ask, reasonOf: codeOf }, options, components);
}

async function ask(options: DatabaseProbeOptions, socket: DriverSocket, finish: Finish): Promise<() => boolean> {
  const { host, port, user, pass } = options;
  const { default: pg } = await driver("pg", () => import("pg"));
  if (socket.destroyed) return () => false;
  // Each setting is given: the driver would take what is left out from the environment or a file of the machine that
  // checks, its passwords too, and send them to whatever target somebody registered.
  const client = new pg.Client({
    host,
    port,
    user,
    password: () => pass ?? "",
    database: options.database ?? user,
    ssl: false,
    sslnegotiation: "postgres",
    client_encoding: "utf8",
    application_name: "dister-health",
    connectionTimeoutMillis: 0,
    keepAlive: false,
    stream: () => socket,
  });
  forgetEnvironment(client);
  hashOnce(client);
  const fail = (error: unknown): void => {
    finish(false, error instanceof pg.DatabaseError ? sqlStateOf(error.code) : codeOf(error));
  };
  client.on("error", fail);
  let answered = false;
  const query = async (): Promise<void> => {
    await client.connect();
    const { rows } = await client.query<{ one: unknown }>("select 1 as one");
    answered = true;
    judgeOne(rows[0]?.one, finish);
  };
  query().catch(fail);
  return () => {
    if (answered) client.end().catch(() => undefined);
    return answered;
  };
}

/**
 * Settings that the driver takes from the environment and that cannot be given as none. Any other value in their place would
 * be sent, and a pool in front of a server refuses start-up settings that it does not know.
 */
function forgetEnvironment(client: Client): void {
  type Parameters = { replication?: unknown; options?: unknown };
  const { connectionParameters } = client as Client & { readonly connectionParameters: Parameters };
  connectionParameters.replication = undefined;
  connectionParameters.options = undefined;
}

/**
 * A server says how often the password is to be hashed, and the driver hashes anew for each time that it says so, in the
 * threads that the process needs for its files. No server says so twice, and what is thrown here ends the probe.
 */
function hashOnce({ connection }: Client): void {
  let asked = false;
  connection.on("authenticationSASLContinue", () => {
    if (asked) throw new Error("asked twice for a proof");
    asked = true;
  });
}

/** The five characters of an SQLSTATE; a server may send any other text in their place, and that is not repeated. */
function sqlStateOf(code: string | undefined): string {
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code) && /\d/.test(code) ? `SQLSTATE ${code}` : NOT_UNDERSTOOD;
}

/** The code of the connection, or why there was none; what the driver finds wrong with the server has no code. */
function codeOf(error: unknown): string {
  const { code, syscall } = error as { code?: unknown; syscall?: unknown };
  const ours =
    typeof syscall === "string" ||
    error instanceof AggregateError ||
    /^(?:E[A-Z]+|address|the driver)/.test(String(code));
  return ours ? reasonOf(error) : NOT_UNDERSTOOD;
}
