import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { NO_LOGGER, type ServiceNode, STATUS, type Status } from "@dister/types";
import { ServiceConfigSchema } from "@dister/types/schemas";
import { systemClock, systemRng } from "@dister/types/system";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CheckScheduler, type CheckTarget, type ProbedType, probeFor, type StatusDecision } from "../../src/index.ts";
import { until } from "../servers.ts";
import { installed, type RealServer, startServer } from "./process.ts";
import { haproxy } from "./recipes.ts";

const { alive, dead } = STATUS;
const TIMEOUT_MS = 1_500;

/** A small application behind the proxy. It always says that it is ready, however it serves. */
class Application {
  serves: "at once" | "slowly" | "never" = "at once";
  #server: Server | undefined;
  #port = 0;

  get port(): number {
    return this.#port;
  }

  async start(): Promise<void> {
    this.#server = createServer((request, response) => this.#answer(request.url!, response));
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const closed = once(this.#server!, "close");
    this.#server!.close();
    this.#server!.closeAllConnections();
    await closed;
  }

  #answer(path: string, response: ServerResponse): void {
    if (path === "/ready" || this.serves === "at once") response.end("well\n");
    else if (this.serves === "slowly") setTimeout(() => response.end("well\n"), TIMEOUT_MS / 10);
  }
}

interface Target extends CheckTarget {
  readonly type: ProbedType;
  readonly node: ServiceNode;
}

/** Checks of the proxy by a scheduler, whose decisions are taken into force at once. */
class Watch {
  readonly decisions: StatusDecision[] = [];
  readonly #targets: Target[];
  readonly #scheduler: CheckScheduler<Target>;

  constructor(port: number) {
    const target = (type: ProbedType, fields: object): Target => {
      const { node } = ServiceConfigSchema.parse({ name: "s", type, node: [{ timeout: TIMEOUT_MS, ...fields }] });
      const pace = { intervalMs: 100, timeoutMs: TIMEOUT_MS, rise: 1, fall: 2 };
      return { key: type, definedIndex: 1, ...pace, status: dead, type, node: node[0]! };
    };
    this.#targets = [
      target("web", { url: `http://127.0.0.1:${port}/`, contains: "well" }),
      target("tcp", { host: "127.0.0.1", port }),
    ];
    this.#scheduler = new CheckScheduler<Target>({
      clock: systemClock,
      rng: systemRng,
      logger: NO_LOGGER,
      prober: ({ type, node }, signal) => probeFor(type, node)(signal),
      onChange: (decision) => this.#decided(decision),
    });
    this.#scheduler.update(this.#targets);
  }

  /** The statuses in force, and why. */
  get says(): Record<string, [Status | null, string | undefined]> {
    const last = (key: string) => this.decisions.findLast((decision) => decision.key === key)?.output;
    return Object.fromEntries(this.#targets.map(({ key, status }) => [key, [status, last(key)]]));
  }

  async becomes(type: ProbedType, status: Status): Promise<void> {
    await until(() => this.says[type]![0] === status);
  }

  /** Waits until so many more checks of both kinds have ended. */
  async checks(count: number): Promise<void> {
    const wanted = this.#targets.map(({ key }) => [key, this.#count(key) + count] as const);
    await until(() => wanted.every(([key, least]) => this.#count(key) >= least));
  }

  stop(): void {
    this.#scheduler.stop();
  }

  #count(key: string): number {
    return this.#scheduler.report(key)!.checks;
  }

  #decided(decision: StatusDecision): void {
    this.decisions.push(decision);
    const at = this.#targets.findIndex(({ key }) => key === decision.key);
    this.#targets[at] = { ...this.#targets[at]!, status: decision.status };
    this.#scheduler.update(this.#targets);
  }
}

const isMissing = installed(haproxy([])) === undefined;

describe.skipIf(isMissing)(
  "web and tcp checks of a real HAProxy in front of two applications",
  { timeout: 30_000 },
  () => {
    const applications = [new Application(), new Application()];
    const [one, two] = applications as [Application, Application];
    let proxy: RealServer;
    let watch: Watch;
    beforeAll(async () => {
      for (const application of applications) await application.start();
      proxy = await startServer(haproxy(applications.map(({ port }) => port)));
      watch = new Watch(proxy.port);
    }, 60_000);
    afterAll(async () => {
      watch?.stop();
      await proxy?.end();
      for (const application of applications) await application.stop();
    });

    test("both are up", async () => {
      await watch.becomes("web", alive);
      await watch.becomes("tcp", alive);
      expect(watch.says).toEqual({ web: [alive, "status 200"], tcp: [alive, "connected"] });
    });

    test("one application goes: the proxy goes round it, and nothing changes", async () => {
      const before = watch.decisions.length;
      await one.stop();
      await watch.checks(10);
      expect(watch.decisions.slice(before)).toEqual([]);
    });

    test("both are gone: web is down with the proxy's own 503, tcp is up, as the proxy takes connections", async () => {
      await two.stop();
      await watch.becomes("web", dead);
      await watch.checks(5);
      expect(watch.says).toEqual({ web: [dead, "status 503"], tcp: [alive, "connected"] });
      await one.start();
      await watch.becomes("web", alive);
      await two.start();
    });

    test("slow, but in time, is up", async () => {
      for (const application of applications) application.serves = "slowly";
      const before = watch.decisions.length;
      await watch.checks(10);
      expect(watch.decisions.slice(before)).toEqual([]);
    });

    test("applications that hang behind the proxy: web ends in time and is down, tcp sees nothing of it", async () => {
      for (const application of applications) application.serves = "never";
      await watch.becomes("web", dead);
      expect(watch.says).toEqual({ web: [dead, `timed out after ${TIMEOUT_MS} ms`], tcp: [alive, "connected"] });
      for (const application of applications) application.serves = "at once";
      await watch.becomes("web", alive);
    });

    test("the proxy is killed with -9: both are down, and started again, both are up", async () => {
      await proxy.kill();
      await watch.becomes("web", dead);
      await watch.becomes("tcp", dead);
      expect(watch.says).toEqual({ web: [dead, "connect ECONNREFUSED"], tcp: [dead, "connect ECONNREFUSED"] });
      await proxy.restart();
      await watch.becomes("web", alive);
      await watch.becomes("tcp", alive);
    });
  },
);
