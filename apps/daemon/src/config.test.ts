import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDisterError } from "@dister/types";
import { CONFIG_DEFAULTS, ConfigSchema } from "@dister/types/schemas";
import { afterAll, describe, expect, it } from "vitest";
import { loadConfig } from "./config.ts";
import { parseFlags } from "./flags.ts";

const folder = mkdtempSync(join(tmpdir(), "dister-config-"));
afterAll(() => rmSync(folder, { recursive: true }));

function load(text: string, argv: readonly string[] = [], env: Record<string, string> = {}) {
  const cfg = join(folder, "dister.json");
  writeFileSync(cfg, text);
  return loadConfig({ cfg, env, flags: parseFlags(argv).config });
}

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (isDisterError(error, "DISTER_ERR_CONFIG")) return error.message;
    throw error;
  }
  throw new Error("was not refused");
}

/** The form of the original's own file: every key there, empty where it has a default, comments behind each. */
const ORIGINAL = `{
    "Group"    : "",    // (optional) name of the cluster
    "SavePath" : "",    // (optional) where the data lies
    "Name"     : "",
    "Ip"       : "",
    "Scan"     : false,
    "LogPath"  : "",
    "MinNode"  : 2,     // at least so many nodes
    "Role"     : 0,     // 0: server
                        // 1: client
    "Peers"    : []
}`;

describe("the configuration", () => {
  it("of the original loads unchanged and means its defaults", () => {
    expect(load(ORIGINAL)).toEqual(CONFIG_DEFAULTS);
    expect(CONFIG_DEFAULTS).toMatchObject({ Group: "default.group.dister", SavePath: "./", MinNode: 2, Role: 0 });
    expect(CONFIG_DEFAULTS.Ports).toEqual({ raft: 4166, repl: 4167, api: 4168 });
  });

  it("matches keys without regard to case and takes comments and trailing commas", () => {
    const config = load('{ "GROUP": "g", "minnode": 3, /* here */ "ports": { "RAFT": 5000 }, }');
    expect(config).toMatchObject({ Group: "g", MinNode: 3, Ports: { raft: 5000, repl: 4167, api: 4168 } });
  });

  it("is overridden by the environment, and that by flags", () => {
    const env = {
      DISTER_GROUP: "env",
      DISTER_MINNODE: "5",
      DISTER_PORTS_RAFT: "6000",
      DISTER_PEERS: "a,b:1",
      PATH: "x",
    };
    const config = load('{ "Group": "file", "Name": "file" }', ["--Group=flag", "--RaftPort", "7000"], env);
    expect(config).toMatchObject({ Group: "flag", Name: "file", MinNode: 5, Peers: ["a", "b:1"] });
    expect(config.Ports.raft).toBe(7000);
  });

  it("takes an empty text for the default of any key, and numbers as text", () => {
    const empty = Object.fromEntries(Object.keys(CONFIG_DEFAULTS).map((key) => [key, ""]));
    expect(load(JSON.stringify(empty))).toEqual(CONFIG_DEFAULTS);
    expect(load('{ "Role": "2", "MinNode": "3", "Scan": "true", "Peers": "a,b" }')).toMatchObject({
      ...{ Role: 2, MinNode: 3, Scan: true, Peers: ["a", "b"] },
    });
    expect(load("{}", ["--MinNode="], { DISTER_ROLE: "" })).toEqual(CONFIG_DEFAULTS);
  });

  it("takes how services are checked from the file, the environment and flags", () => {
    const file = '{ "Checks": { "observers": 3 } }';
    expect(load(file).Checks).toEqual({ custom: "off", observers: 3, dampingMs: 5_000 });
    expect(load(file, [], { DISTER_CHECKS_OBSERVERS: "5", DISTER_CHECKS_DAMPINGMS: "0" }).Checks).toMatchObject({
      ...{ observers: 5, dampingMs: 0 },
    });
    expect(load(file, ["--ChecksObservers=1", "--ChecksDampingMs", "250"]).Checks).toMatchObject({
      ...{ observers: 1, dampingMs: 250 },
    });
  });

  it("passes over what Kubernetes sets beside a service called dister", () => {
    const env = { DISTER_SERVICE_HOST: "10.0.0.1", DISTER_PORT: "tcp://10.0.0.1:4168", DISTER_PORT_4168_TCP: "x" };
    expect(load("{}", [], env)).toEqual(CONFIG_DEFAULTS);
  });

  it("takes roles by name and by number", () => {
    expect(load('{ "Role": "monitor" }').Role).toBe(2);
    expect(load("{}", ["--Role=server"]).Role).toBe(0);
    expect(load("{}", ["--role=2"]).Role).toBe(2);
  });
});

describe("a configuration that cannot be meant is refused in one line that names the key", () => {
  const rows: [what: string, run: () => unknown, ...says: string[]][] = [
    ["a typo", () => load('{ "Gruop": "x" }'), "Gruop", "Group"],
    ["a typo inside", () => load('{ "Ports": { "rafft": 1 } }'), "Ports.rafft", "Ports.raft"],
    ["an unknown key", () => load('{ "Colour": "red" }'), "Colour", "Group, Name"],
    ["a wrong type", () => load('{ "MinNode": "three" }'), "MinNode", '"three"'],
    ["a wrong element", () => load('{ "Peers": ["a", 5] }'), "Peers.1", "5"],
    ["a port out of range", () => load('{ "Ports": { "api": 70000 } }'), "Ports.api", "70000"],
    ["one port for two", () => load('{ "Ports": { "api": 4166 } }'), "Ports", "three different ports"],
    [
      "too short a time-out",
      () => load('{ "Election": { "heartbeatMs": 100, "timeoutMs": 200 } }'),
      "Election.timeoutMs",
      "heartbeats",
    ],
    ["no JSON", () => load('{ "Group": '), "dister.json", "line 1"],
    ["a list", () => load("[]"), "dister.json", "no object"],
    ["a missing file", () => loadConfig({ cfg: join(folder, "none"), env: {}, flags: new Map() }), "--cfg", "ENOENT"],
    ["an unknown flag", () => parseFlags(["--MinNodes=3"]), "--MinNodes", "--minnode"],
    ["a flag without its value", () => parseFlags(["--Group"]), "--Group", "a value"],
    ["a word", () => parseFlags(["start"]), "start", "--key=value"],
    ["an unknown variable", () => load("{}", [], { DISTER_GRUOP: "x" }), "GRUOP", "Group"],
    ["no observer", () => load('{ "Checks": { "observers": 0 } }'), "Checks.observers", "0"],
    ["half an observer", () => load("{}", ["--ChecksObservers=1.5"]), "Checks.observers", "1.5"],
    ["a window before time", () => load("{}", [], { DISTER_CHECKS_DAMPINGMS: "-1" }), "Checks.dampingMs", "-1"],
    ["a number that is none, in a flag", () => load("{}", ["--MinNode=2abc"]), "MinNode", '"2abc"'],
    ["a role that does not exist", () => load('{ "Role": 7 }'), "Role", "7"],
    [
      "a scan by a node that nobody reaches",
      () => load('{ "Scan": true, "Listen": "127.0.0.1" }'),
      "Scan",
      "Listen is",
    ],
    ["a client that is told of no server", () => load('{ "Role": 1 }'), "Peers", "one server at least"],
  ];
  it.each(rows)("%s", (_what, run, ...says) => {
    const message = refusal(run);
    expect(message).not.toContain("\n");
    for (const part of says) expect(message).toContain(part);
  });

  it("and a secret is not repeated", () => {
    expect(refusal(() => load('{ "Secret": 12345 }'))).not.toContain("12345");
  });
});

describe("docs/reference/configuration.md", () => {
  const page = readFileSync(new URL("../../../docs/reference/configuration.md", import.meta.url), "utf8");

  it("names every key with its default and meaning, and no other", () => {
    const rows = [...page.matchAll(/^\| `([\w.]+)` \| `(.*?)` \| (.*?) \|$/gm)].map(([, key, fallback, meaning]) => ({
      key,
      fallback,
      meaning,
    }));
    expect(rows).toEqual(documentedKeys());
  });
});

interface Field {
  readonly description?: string | undefined;
  readonly shape?: Record<string, Field>;
  readonly def?: { readonly innerType?: Field };
}

function shapeOf(field: Field): Record<string, Field> | undefined {
  return field.shape ?? (field.def?.innerType === undefined ? undefined : shapeOf(field.def.innerType));
}

function documentedKeys(): { key: string; fallback: string; meaning: string }[] {
  const rows: { key: string; fallback: string; meaning: string }[] = [];
  const visit = (fields: Record<string, Field>, values: Record<string, unknown>, path: string): void => {
    for (const [key, field] of Object.entries(fields)) {
      const inner = shapeOf(field);
      const value = values[key];
      if (inner !== undefined) visit(inner, value as Record<string, unknown>, `${path}${key}.`);
      else rows.push({ key: `${path}${key}`, fallback: JSON.stringify(value), meaning: field.description ?? "" });
    }
  };
  visit(ConfigSchema.shape as Record<string, Field>, CONFIG_DEFAULTS, "");
  return rows;
}
