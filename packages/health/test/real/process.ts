import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A real server on a port of 127.0.0.1 that the tests may kill, pause and start again on its data. */
export interface RealServer {
  readonly port: number;
  /** SIGSTOP: the kernel still takes connections, and nobody says a word on them. */
  pause(): void;
  resume(): void;
  kill(): Promise<void>;
  /** Starts it again on the same port and waits until it takes connections. */
  restart(): Promise<void>;
  /** Ends it and removes what it wrote. */
  end(): Promise<void>;
}

/** How to start one kind of server. */
export interface Recipe {
  /** Places where its program may lie; the first that is there is taken. */
  readonly program: readonly string[];
  /** Runs once in a new folder, before the first start. */
  readonly prepare?: (place: Place) => Promise<void> | void;
  readonly args: (place: Place) => readonly string[];
  /** The account it runs under where the tests run as root and it refuses to. */
  readonly user?: string;
  /** Ends well when the server serves. */
  readonly ready: (place: Place) => Promise<unknown>;
  /** Runs once behind the first start. */
  readonly populate?: (place: Place) => Promise<unknown>;
}

/** Where one server lives. */
export interface Place {
  readonly folder: string;
  readonly port: number;
  readonly program: string;
  /** Runs a program to its end, under the server's account. */
  readonly run: (program: string, ...args: string[]) => Promise<unknown>;
}

/** The program of a recipe, or undefined where it is not installed: then its tests are skipped. */
export function installed({ program }: Pick<Recipe, "program">): string | undefined {
  return program.flatMap((pattern) => (existsSync(pattern) ? [pattern] : globSync(pattern).sort())).at(-1);
}

/** Starts a server in a folder of its own. */
export async function startServer(recipe: Recipe): Promise<RealServer> {
  const program = installed(recipe)!;
  const account = process.getuid?.() === 0 ? recipe.user : undefined;
  const under = (command: string, args: readonly string[]): [string, string[]] =>
    account === undefined
      ? [command, [...args]]
      : ["setpriv", ["--reuid", account, "--regid", account, "--clear-groups", command, ...args]];
  const folder = mkdtempSync(join(tmpdir(), "dister-real-"));
  if (account !== undefined) await run("chown", [account, folder]);
  const place: Place = {
    folder,
    port: await freePort(),
    program,
    run: (command, ...args) => run(...under(command, args), { cwd: folder }),
  };
  await recipe.prepare?.(place);
  let child: ChildProcess | undefined;

  const restart = async (): Promise<void> => {
    const started = spawn(...under(program, recipe.args(place)), { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    started.stderr!.on("data", (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4_000);
    });
    child = started;
    for (;;) {
      if (started.exitCode !== null) throw new Error(`${program} ended: ${said}`);
      if (
        await recipe.ready(place).then(
          () => true,
          () => false,
        )
      )
        return;
      await sleep(20);
    }
  };
  const kill = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  };
  const end = async (): Promise<void> => {
    await kill();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await restart();
    await recipe.populate?.(place);
  } catch (error) {
    await end();
    throw error;
  }
  return {
    port: place.port,
    pause: () => child?.kill("SIGSTOP"),
    resume: () => child?.kill("SIGCONT"),
    kill,
    restart,
    end,
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
