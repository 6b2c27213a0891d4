import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts, until } from "./daemons.ts";

/** Debian's Prometheus, or one that was installed by hand; undefined where there is none: then its tests are skipped. */
export const PROMETHEUS = ["/usr/bin/prometheus", "/usr/local/bin/prometheus"].find((path) => existsSync(path));

/** A target as Prometheus tells of it. */
export interface Target {
  /** As they were discovered, before relabelling. */
  readonly discoveredLabels: Readonly<Record<string, string>>;
  /** What is left behind relabelling, and what the last scrape came to; only of a target that is scraped. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly scrapeUrl?: string;
  readonly health?: "up" | "down" | "unknown";
}

/** A job of a single target that is read from a file: what Prometheus was told before a change of it, it has taken by then. */
const MARKER = "marker";

/** An unchanged Prometheus on a port of 127.0.0.1, on a folder of its own. */
export class Prometheus {
  readonly #folder: string;
  readonly #url: string;
  readonly #process: ChildProcess;
  #output = "";
  #marks = 0;

  /** @param config - `prometheus.yml`, with `scrape_configs` as its last section. */
  static async start(config: string): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), "dister-prometheus-"));
    const [port] = (await freePorts(1)) as [number];
    const marker = `\n  - job_name: ${MARKER}\n    scrape_interval: 1h\n    file_sd_configs: [{ files: [marker.json], refresh_interval: 1s }]\n`;
    mkdirSync(join(folder, "data"));
    writeFileSync(join(folder, "prometheus.yml"), `${config}${marker}`);
    const prometheus = new Prometheus(folder, port);
    await until(() => prometheus.#isReady(), prometheus.#tell);
    return prometheus;
  }

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.#url = `http://127.0.0.1:${port}`;
    const args = [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
      // What was discovered is handed to the scrapers each 5 s; these take it over at once, in place of each 5 s again.
      "--scrape.discovery-reload-interval=100ms",
    ];
    this.#process = spawn(PROMETHEUS!, args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
    this.#process.stderr!.on("data", (chunk: Buffer) => {
      this.#output += chunk.toString();
    });
  }

  /** Targets of a job; those that relabelling has dropped as well. */
  async targets(job: string): Promise<{ readonly active: Target[]; readonly dropped: Target[] }> {
    const { activeTargets, droppedTargets } = await this.#api<Record<string, Target[]>>("/api/v1/targets");
    const of = (targets: Target[] = []) => targets.filter(({ discoveredLabels }) => discoveredLabels["job"] === job);
    return { active: of(activeTargets), dropped: of(droppedTargets) };
  }

  /** The value of an instant query of one series, or undefined without any. */
  async query(expression: string): Promise<number | undefined> {
    const path = `/api/v1/query?query=${encodeURIComponent(expression)}`;
    const { result } = await this.#api<{ result: { value: [number, string] }[] }>(path);
    return result[0] === undefined ? undefined : Number(result[0].value[1]);
  }

  /** Resolves when it has logged of its service discovery over HTTP that it could not be asked, for this reason. */
  async says(reason: string): Promise<void> {
    const isSaid = (line: string): boolean => line.includes("discovery=http") && line.includes(reason);
    await until(async () => this.#output.split("\n").some(isSaid), this.#tell);
  }

  /** Resolves when all that discovery has told until now has been taken over. */
  async settled(): Promise<void> {
    const address = `127.0.0.1:${++this.#marks}`;
    writeFileSync(join(this.#folder, "marker.json"), JSON.stringify([{ targets: [address] }]));
    await until(async () => {
      const { active } = await this.targets(MARKER);
      return active.some(({ discoveredLabels }) => discoveredLabels["__address__"] === address);
    }, this.#tell);
  }

  async end(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const ended = once(this.#process, "exit");
      this.#process.kill("SIGKILL");
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  readonly #tell = (): string => this.#output;

  async #isReady(): Promise<boolean> {
    if (this.#process.exitCode !== null) throw new Error(`Prometheus ended: ${this.#output}`);
    return fetch(`${this.#url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  }

  async #api<T>(path: string): Promise<T> {
    const reply = (await (await fetch(`${this.#url}${path}`)).json()) as { data: T };
    return reply.data;
  }
}
