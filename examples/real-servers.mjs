import { execFile, spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atExit } from "./at-exit.mjs";
import { freePorts } from "./free-ports.mjs";
import { PROGRAMS_ENV } from "./needs.mjs";
import { until } from "./until.mjs";

const NGINX_CONF = new URL("nginx-8080.conf", import.meta.url);
// MariaDB refuses to run as root, and changes to this user by itself.
const asUser = process.getuid?.() === 0 ? ["--user=mysql"] : [];

/** Servers of other makers on ports of 127.0.0.1, each a plain process in a folder of this run. */
export class RealServers {
  #folder = mkdtempSync(join(tmpdir(), "dister-real-"));
  #servers = new Map();

  constructor() {
    // Only root and the user of MariaDB have to get through, and what is inside has modes of its own.
    chmodSync(this.#folder, 0o711);
    atExit(() => {
      for (const server of this.#servers.values()) server.process?.kill("SIGKILL");
      rmSync(this.#folder, { recursive: true, force: true });
    });
  }

  port(name) {
    return this.#servers.get(name).port;
  }

  /** A MariaDB with one more user, who may log in and do nothing. */
  async addMariaDb(name, { user, pass }) {
    const data = join(this.#folder, name);
    await run("mariadb-install-db", [
      "--no-defaults",
      ...asUser,
      `--datadir=${data}`,
      "--auth-root-authentication-method=normal",
      "--skip-test-db",
    ]);
    const [port] = await freePorts(1);
    const args = [
      "--no-defaults",
      ...asUser,
      `--datadir=${data}`,
      `--socket=${data}/socket`,
      `--pid-file=${data}/pid`,
      "--bind-address=127.0.0.1",
      `--port=${port}`,
      "--skip-log-bin",
      "--innodb-buffer-pool-size=16M",
    ];
    const asRoot = ["--no-defaults", `--socket=${data}/socket`, "-uroot"];
    const isReady = () => run("mariadb-admin", [...asRoot, "ping"]);
    this.#servers.set(name, { port, program: "mariadbd", args, isReady, process: null });
    await this.start(name);
    // By standard input: others on the machine can read the arguments of a process.
    await run("mariadb", asRoot, `create user '${user}'@'127.0.0.1' identified by '${pass}'`);
  }

  /** An nginx that has one page, `/ready`: that of `nginx-8080.conf`, on a port that is free. */
  async addNginx(name) {
    const folder = join(this.#folder, name);
    mkdirSync(folder);
    const [port] = await freePorts(1);
    const config = join(folder, "nginx.conf");
    writeFileSync(config, readFileSync(NGINX_CONF, "utf8").replace("127.0.0.1:8080", `127.0.0.1:${port}`));
    const args = ["-p", folder, "-e", "stderr", "-c", config];
    const isReady = () => fetch(`http://127.0.0.1:${port}/ready`);
    this.#servers.set(name, { port, program: "nginx", args, isReady, process: null });
    await this.start(name);
  }

  /** Starts a server on its data and waits until it serves. */
  async start(name) {
    const server = this.#servers.get(name);
    const child = spawn(server.program, server.args, { env: PROGRAMS_ENV, stdio: ["ignore", "ignore", "pipe"] });
    server.process = child;
    let said = "";
    child.stderr.on("data", (chunk) => {
      said = (said + chunk).slice(-4_000);
    });
    child.once("error", (error) => {
      said = error.message;
    });
    await until(`${name} serves`, async () => hasEnded(child) || (await server.isReady()));
    if (hasEnded(child)) throw new Error(`${server.program} ended: ${said}`);
  }

  /** Ends a server, in the usual way unless told otherwise, and waits until it is gone. */
  async stop(name, signal = "SIGTERM") {
    const server = this.#servers.get(name);
    const child = server.process;
    server.process = null;
    if (hasEnded(child)) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await ended;
  }

  /** Ends what still runs and removes every trace. */
  async end() {
    const running = [...this.#servers].filter(([, server]) => server.process !== null);
    await Promise.all(running.map(([name]) => this.stop(name)));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Whether a process is gone, or never came to be. */
function hasEnded({ pid, exitCode, signalCode }) {
  return pid === undefined || exitCode !== null || signalCode !== null;
}

/** Runs a program to its end and fails with what it says when it fails. */
function run(program, args, input = "") {
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, { env: PROGRAMS_ENV }, (error, stdout, stderr) => {
      if (error !== null) reject(new Error(`${program}: ${stderr || stdout || error.message}`));
      else resolve(true);
    });
    child.stdin.on("error", () => {}); // one that ended before it read tells so by its exit code
    child.stdin.end(input);
  });
}
