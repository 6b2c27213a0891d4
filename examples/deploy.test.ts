import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createNode, loadConfig, type RunningNode } from "@dister/daemon";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { freePorts } from "./free-ports.mjs";
import { isInstalled, PROGRAMS_ENV } from "./needs.mjs";
import { outcomeOf } from "./programs.ts";

const folder = fileURLToPath(new URL("deploy/", import.meta.url));
const docs = fileURLToPath(new URL("../docs/reference/", import.meta.url));
const text = (name: string): string => readFileSync(join(folder, name), "utf8");

let temporary: string;
beforeAll(() => {
  temporary = mkdtempSync(join(tmpdir(), "dister-deploy-"));
});
afterAll(() => rmSync(temporary, { recursive: true }));

it("every file is listed in the README", () => {
  const listed = [...readFileSync(join(folder, "../README.md"), "utf8").matchAll(/`deploy\/([\w.-]+)` *\|/g)];
  expect(listed.map(([, file]) => file).sort()).toEqual(readdirSync(folder).sort());
});

describe.skipIf(!isInstalled("systemd-analyze"))("disterd.service", () => {
  const unit = (): string => {
    // Whether the program is there is not what is checked.
    const path = join(temporary, "disterd.service");
    writeFileSync(path, text("disterd.service").replace("/usr/local/bin/disterd", process.execPath));
    return path;
  };

  it("is understood by systemd, without a warning", async () => {
    expect(await outcomeOf("systemd-analyze", ["verify", unit()])).toEqual({ code: 0, output: "" });
  });

  it("exposes little", async () => {
    const { output } = await outcomeOf("systemd-analyze", ["security", "--offline=yes", "--no-pager", unit()]);
    const exposure = Number(/exposure level for \S+: (\d+\.\d+)/.exec(output)?.[1]);
    expect(exposure).toBeLessThan(2);
  });
});

type Environment = Record<string, string>;

/** What Compose makes of the file: anchors are the reader's, the secret is given by the operator. */
function composed(): Record<string, { environment: Environment; volumes: string[]; ports: string[] }> {
  const filled = text("compose.yaml").replace(/\$\{DISTER_SECRET:\?[^}]*\}/, "a-long-random-text");
  return (parse(filled, { merge: true }) as { services: ReturnType<typeof composed> }).services;
}

function imageEnvironment(): Environment {
  const block = /^ENV ((?:.*\\\n)*.*)$/m.exec(text("Containerfile"))![1]!;
  return Object.fromEntries(block.split(/\s*\\\n\s*/).map((pair) => pair.split("=") as [string, string]));
}

interface Pod {
  readonly terminationGracePeriodSeconds: number;
  readonly enableServiceLinks: boolean;
  readonly containers: {
    readonly env: { readonly name: string; readonly value?: string }[];
    readonly livenessProbe: { readonly httpGet: { readonly path: string } };
    readonly readinessProbe: { readonly httpGet: { readonly path: string } };
  }[];
}

function pod(): Pod {
  const documents = parseAllDocuments(text("kubernetes.yaml")).map((one) => one.toJS() as { kind: string });
  const set = documents.find(({ kind }) => kind === "StatefulSet") as unknown as { spec: { template: { spec: Pod } } };
  return set.spec.template.spec;
}

describe("environments", () => {
  const read = (env: Environment) => loadConfig({ env, flags: new Map() });

  it("of compose.yaml are configurations of three nodes that find each other", () => {
    const services = composed();
    expect(Object.keys(services)).toEqual(["one", "two", "three"]);
    for (const [name, { environment, volumes, ports }] of Object.entries(services)) {
      const config = read({ ...imageEnvironment(), ...environment });
      expect(config).toMatchObject({ Name: name, MinNode: 3, Peers: ["one", "two", "three"], SavePath: "/data" });
      expect(config.Api.hosts).toContain(name);
      expect(volumes).toEqual([`${name}:/data`]);
      expect(ports.every((port) => port.startsWith("127.0.0.1:"))).toBe(true);
    }
  });

  it("of kubernetes.yaml are a configuration, and services add nothing to it", () => {
    const { env } = pod().containers[0]!;
    const given = Object.fromEntries(env.map(({ name, value }) => [name, value ?? "10.0.0.1"]));
    expect(read({ ...imageEnvironment(), ...given })).toMatchObject({ MinNode: 3, Ip: "10.0.0.1" });
    expect(pod().enableServiceLinks).toBe(false);
  });
});

describe("probes", () => {
  const calls = readFileSync(join(docs, "http-api.md"), "utf8");

  it("ask for calls that exist: live decides about restarts, ready about traffic", () => {
    const { livenessProbe, readinessProbe } = pod().containers[0]!;
    expect([livenessProbe.httpGet.path, readinessProbe.httpGet.path]).toEqual(["/health/live", "/health/ready"]);
    const balanced = /http-check send meth GET uri (\S+)/.exec(text("haproxy.cfg"))![1]!;
    const checked = /127\.0\.0\.1:4168(\/[\w/]+)/.exec(text("Containerfile"))![1]!;
    for (const path of ["/health/live", "/health/ready", balanced, checked])
      expect(calls).toContain(`### \`GET ${path}\``);
  });

  it("the container's health check is content with a node that runs, and with nothing else", async () => {
    const [raft, repl, api] = (await freePorts(3)) as [number, number, number];
    const [program, ...args] = JSON.parse(/^ +CMD (\[.*\])$/m.exec(text("Containerfile"))![1]!) as string[];
    expect(program).toBe("node");
    const check = () =>
      outcomeOf(
        process.execPath,
        args.map((arg) => arg.replace("4168", String(api))),
      );
    const address = { Ip: "127.0.0.1", Listen: "127.0.0.1" };
    // It waits for others for ever: alive, and not ready.
    const config = { SavePath: temporary, MinNode: 3, ...address, Ports: { raft, repl, api } };
    const node = await createNode({ config });
    expect(await check()).toEqual({ code: 0, output: "" });
    await node.stop();
    expect((await check()).code).toBe(1);
  });
});

describe.skipIf(!isInstalled("haproxy"))("haproxy.cfg", () => {
  it("is understood by HAProxy, without a warning", async () => {
    expect(await outcomeOf("haproxy", ["-c", "-dW", "-q", "-f", join(folder, "haproxy.cfg")])).toEqual({
      code: 0,
      output: "",
    });
  });

  it("sends requests only to a node that serves: not to one that waits for others, nor to one that is away", async () => {
    const [front, away, ...ports] = (await freePorts(8)) as [number, number, ...number[]];
    const start = ([raft, repl, api]: number[], MinNode: number): Promise<RunningNode> => {
      const SavePath = join(temporary, `haproxy-${MinNode}`);
      const Ports = { raft: raft!, repl: repl!, api: api! };
      return createNode({ config: { SavePath, MinNode, Ip: "127.0.0.1", Listen: "127.0.0.1", Ports } });
    };
    const nodes = [await start(ports.slice(0, 3), 3), await start(ports.slice(3), 1)];
    const targets = [away, ports[2], ports[5]];
    const config = text("haproxy.cfg")
      .replace("127.0.0.1:8168", `127.0.0.1:${front}`)
      .replace(/10\.0\.0\.(\d):4168/g, (_, n: string) => `127.0.0.1:${targets[Number(n) - 1]}`);
    writeFileSync(join(temporary, "haproxy.cfg"), config);
    const proxy = spawn("haproxy", ["-db", "-f", join(temporary, "haproxy.cfg")], {
      stdio: "ignore",
      env: PROGRAMS_ENV,
    });
    onTestFinished(async () => {
      proxy.kill("SIGKILL");
      await Promise.all(nodes.map((node) => node.stop()));
    });

    const ask = async (): Promise<number> => {
      const init = { method: "POST", headers: { "content-type": "application/json" }, body: '{"a":"1"}' };
      return (await fetch(`http://127.0.0.1:${front}/kv`, init).catch(() => null))?.status ?? 0;
    };
    // The proxy believes in all three until its first checks are over.
    for (let inRow = 0; inRow < 30; ) inRow = (await ask()) === 200 ? inRow + 1 : 0;
  });
});
