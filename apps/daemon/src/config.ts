import { readFileSync } from "node:fs";
import { DisterError, ROLE } from "@dister/types";
import { CONFIG_DEFAULTS, type Config, ConfigSchema, firstProblem } from "@dister/types/schemas";
import { type ParseError, parse, printParseErrorCode } from "jsonc-parser";
import { isLoopback } from "./loopback.ts";
import { nearest } from "./nearest.ts";

/** Where a configuration comes from; later ones win. */
export interface ConfigSources {
  /** Path of the file; without one, `dister.json` of the working folder if it is there. */
  readonly cfg?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Flags by lower-case name, `minnode`, with their text. */
  readonly flags: ReadonlyMap<string, string>;
}

type Tree = { [key: string]: unknown };

/**
 * Environment variables that are not configuration: two of ours, and those that Kubernetes gives every process beside a
 * service called `dister`.
 */
const OTHER_VARIABLES = /^DISTER_(URL|CFG|PORT|PORT_.*|SERVICE_HOST|SERVICE_PORT.*)$/;

/** Flags that are shorter than the way to the key they set. */
const SHORT_FLAGS: ReadonlyMap<string, readonly string[]> = new Map([
  ["raftport", ["Ports", "raft"]],
  ["replport", ["Ports", "repl"]],
  ["apiport", ["Ports", "api"]],
  ["apihost", ["Api", "host"]],
  ["apihosts", ["Api", "hosts"]],
  ["apiorigins", ["Api", "origins"]],
  ["tlscert", ["Tls", "cert"]],
  ["tlskey", ["Tls", "key"]],
  ["tlsca", ["Tls", "ca"]],
  ["tlsstricthosts", ["Tls", "strictHosts"]],
  ["heartbeatms", ["Election", "heartbeatMs"]],
  ["timeoutms", ["Election", "timeoutMs"]],
  ["checkscustom", ["Checks", "custom"]],
  ["checksobservers", ["Checks", "observers"]],
  ["checksdampingms", ["Checks", "dampingMs"]],
  ["cachebytes", ["Cache", "bytes"]],
  ["deadafterms", ["Cleanup", "deadAfterMs"]],
  ["minvoters", ["Cleanup", "minVoters"]],
]);

/** Every flag that sets a key, lower-case. */
export const CONFIG_FLAGS: readonly string[] = [
  ...Object.entries(CONFIG_DEFAULTS)
    .filter(([, value]) => typeof value !== "object" || Array.isArray(value))
    .map(([key]) => key.toLowerCase()),
  ...SHORT_FLAGS.keys(),
];

/**
 * Reads the configuration: file, then environment, then flags. Keys are matched without regard to case, so that a file
 * of the system of 2018 loads unchanged.
 * @throws DisterError `DISTER_ERR_CONFIG` in one line that names the key, what was found and what is allowed.
 */
export function loadConfig(sources: ConfigSources): Config {
  const tree: Tree = {};
  const file = readConfigFile(sources.cfg ?? sources.env["DISTER_CFG"]);
  if (file !== undefined) mergeFile(tree, file, CONFIG_DEFAULTS as Tree, "");
  for (const [name, text] of Object.entries(sources.env)) {
    if (text === undefined || !name.startsWith("DISTER_") || OTHER_VARIABLES.test(name)) continue;
    setByPath(tree, name.slice("DISTER_".length).split("_"), text, name);
  }
  for (const [flag, text] of sources.flags) setByPath(tree, [...(SHORT_FLAGS.get(flag) ?? [flag])], text, `--${flag}`);
  const read = ConfigSchema.safeParse(tree);
  if (!read.success) {
    const { field, got, allowed } = firstProblem(read.error, tree, "configuration");
    throw new DisterError("DISTER_ERR_CONFIG", { key: field, got, allowed });
  }
  assertPossible(read.data);
  return read.data;
}

/** The configuration file that is read, if it sets a secret: others should not be able to read it then. */
export function fileWithSecret(sources: Pick<ConfigSources, "cfg" | "env">): string | undefined {
  const path = sources.cfg ?? sources.env["DISTER_CFG"];
  const tree = readConfigFile(path) ?? {};
  const set = Object.entries(tree).some(([key, value]) => key.toLowerCase() === "secret" && value !== "");
  return set ? (path ?? "dister.json") : undefined;
}

function readConfigFile(path: string | undefined): Tree | undefined {
  const from = path ?? "dister.json";
  let text: string;
  try {
    text = readFileSync(from, "utf8");
  } catch (cause) {
    if (path === undefined && (cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    const got = (cause as Error).message;
    throw new DisterError("DISTER_ERR_CONFIG", { key: "--cfg", got, allowed: "a readable file" }, { cause });
  }
  const errors: ParseError[] = [];
  const tree: unknown = parse(text, errors, { allowTrailingComma: true });
  const [error] = errors;
  if (error !== undefined) {
    const line = text.slice(0, error.offset).split("\n").length;
    const got = `${printParseErrorCode(error.error)} in line ${line}`;
    throw new DisterError("DISTER_ERR_CONFIG", { key: from, got, allowed: "JSON with comments" });
  }
  if (typeof tree !== "object" || tree === null || Array.isArray(tree)) {
    throw new DisterError("DISTER_ERR_CONFIG", { key: from, got: "no object", allowed: "an object of keys" });
  }
  return tree as Tree;
}

/** The known key that a name stands for, whatever its case. */
function keyOf(name: string, known: Tree, path: string): string {
  const key = Object.keys(known).find((one) => one.toLowerCase() === name.toLowerCase());
  if (key !== undefined) return key;
  const close = nearest(name, Object.keys(known));
  const allowed = close === undefined ? Object.keys(known).join(", ") : `${path}${close}`;
  throw new DisterError("DISTER_ERR_CONFIG", { key: `${path}${name}`, got: "a key that does not exist", allowed });
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function mergeFile(into: Tree, from: Tree, known: Tree, path: string): void {
  for (const [name, value] of Object.entries(from)) {
    const key = keyOf(name, known, path);
    if (isTree(known[key]) && isTree(value)) {
      const inner: Tree = {};
      into[key] = inner;
      mergeFile(inner, value, known[key], `${path}${key}.`);
    } else if (typeof value === "string") setText(into, key, value, known[key]);
    else into[key] = value;
  }
}

/** Sets one key from text, in the type that its default has. */
function setByPath(into: Tree, names: string[], text: string, source: string): void {
  let tree = into;
  let known = CONFIG_DEFAULTS as Tree;
  let path = "";
  for (;;) {
    const key = keyOf(names.shift()!, known, path === "" ? `${source}: ` : path);
    const fallback = known[key];
    if (names.length === 0) {
      return setText(tree, key, text, fallback);
    }
    if (!isTree(fallback)) {
      throw new DisterError("DISTER_ERR_CONFIG", {
        key: source,
        got: "a key inside a value",
        allowed: `${path}${key}`,
      });
    }
    tree[key] ??= {};
    tree = tree[key] as Tree;
    known = fallback;
    path = `${path}${key}.`;
  }
}

/** Text, perhaps in place of another type; nothing at all means the default, as it did in the original. */
function setText(tree: Tree, key: string, text: string, fallback: unknown): void {
  if (text === "") delete tree[key];
  else tree[key] = fromText(text, fallback);
}

function fromText(text: string, fallback: unknown): unknown {
  if (typeof fallback === "number") return /^-?\d{1,15}$/.test(text) ? Number(text) : text;
  if (typeof fallback === "boolean")
    return text === "true" || text === "1" ? true : text === "false" || text === "0" ? false : text;
  if (Array.isArray(fallback)) {
    return text
      .split(",")
      .map((item) => item.trim())
      .filter((item) => item !== "");
  }
  return text;
}

/** What cannot come to anything is refused, so that nobody waits for it. */
export function assertPossible(config: Config): void {
  assertScanPossible(config);
  if (config.Role !== ROLE.client || config.Peers.length > 0 || config.Scan) return;
  const allowed = "the address of one server at least, or Scan: a client finds the others from there";
  throw new DisterError("DISTER_ERR_CONFIG", { key: "Peers", got: "none with Role client", allowed });
}

/** Whoever a scan finds on another machine could not answer to an address of this one alone. */
function assertScanPossible({ Scan, Listen }: Config): void {
  if (!Scan || !isLoopback(Listen)) return;
  const allowed = `false while Listen is ${Listen}, where no other machine reaches this node`;
  throw new DisterError("DISTER_ERR_CONFIG", { key: "Scan", got: "true", allowed });
}
