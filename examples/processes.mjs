import { execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { atExit } from "./at-exit.mjs";
import { freePorts } from "./free-ports.mjs";
import { until } from "./until.mjs";

const bin = (path) => fileURLToPath(new URL(`../apps/${path}`, import.meta.url));
const DISTERD = bin("daemon/bin/disterd.js");
const DISTER = bin("cli/bin/dister.js");

/** Nodes on loopback, each a `disterd` of its own, and the `dister` that talks to them: nothing but the two commands. */
export class Cluster {
  #folder = mkdtempSync(join(tmpdir(), "dister-life-"));
  #nodes = new Map();
  #heard = [];

  constructor() {
    atExit(() => {
      for (const node of this.#nodes.values()) node.process?.kill("SIGKILL");
      rmSync(this.#folder, { recursive: true, force: true });
    });
  }

  /** A file in the folder of this run. */
  path(name) {
    return join(this.#folder, name);
  }

  /** What a node is started with. `role` is server, client or monitor; `knows` are the names of the nodes in its Peers. */
  async add(name, { role = "server", minNode = 3, knows = [] }) {
    const [raft, repl, api] = await freePorts(3);
    this.#nodes.set(name, { name, role, minNode, knows, ports: { raft, repl, api }, process: null });
  }

  /** The flags that every command on this node's data folder needs. */
  flags(name) {
    const { ports, role, minNode, knows } = this.#nodes.get(name);
    const peers = knows.map((one) => `127.0.0.1:${this.#nodes.get(one).ports.raft}`);
    return [
      `--Name=${name}`,
      `--Role=${role}`,
      `--MinNode=${minNode}`,
      `--SavePath=${this.path(name)}`,
      `--LogPath=${this.path(`${name}-log`)}`,
      "--Ip=127.0.0.1",
      "--Listen=127.0.0.1",
      `--RaftPort=${ports.raft}`,
      `--ReplPort=${ports.repl}`,
      `--ApiPort=${ports.api}`,
      ...(peers.length === 0 ? [] : [`--Peers=${peers.join(",")}`]),
    ];
  }

  /** Runs `disterd`; it goes on until it is stopped. */
  start(name) {
    const node = this.#nodes.get(name);
    node.process = spawn(process.execPath, [DISTERD, ...this.flags(name)], { stdio: ["ignore", "ignore", "inherit"] });
  }

  /** Ends a node in the usual way and gives its exit code. */
  async stop(name, signal = "SIGTERM") {
    const node = this.#nodes.get(name);
    const child = node.process;
    node.process = null;
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const ended = new Promise((resolve) => child.once("exit", (code) => resolve(code)));
    child.kill(signal);
    return ended;
  }

  /** Takes a node's disk away. */
  wipe(name) {
    rmSync(this.path(name), { recursive: true });
  }

  has(name) {
    return existsSync(this.path(name));
  }

  /** Runs `dister --json …`, at a node or, with null, without one, and gives what it prints. */
  async dister(name, ...args) {
    const { code, output } = await this.type(name, "--json", ...args);
    if (code !== 0) throw new Error(`dister ${args.join(" ")}: ${output}`);
    return JSON.parse(output);
  }

  /** Runs `dister …` as somebody would type it, and gives its exit code and what it says. */
  type(name, ...args) {
    const at = name === null ? [] : ["--api", this.url(name)];
    return new Promise((resolve, reject) => {
      execFile(process.execPath, [DISTER, ...at, ...args], (error, stdout, stderr) => {
        this.#heard.push(stdout, stderr);
        if (error !== null && typeof error.code !== "number") reject(error);
        else resolve({ code: error?.code ?? 0, output: (stdout || stderr).trimEnd() });
      });
    });
  }

  /** Where a node's API answers. */
  url(name) {
    return `http://127.0.0.1:${this.#nodes.get(name).ports.api}`;
  }

  /** `GET` of a node's API: the HTTP status and the body as it came. */
  async get(name, path) {
    const reply = await fetch(this.url(name) + path);
    const body = await reply.text();
    this.#heard.push(body);
    return { status: reply.status, body };
  }

  /** All that nodes and commands have said so far to those who asked. */
  heard() {
    return this.#heard.join("\n");
  }

  /** All that a node has written into its log files. */
  log(name) {
    const folder = this.path(`${name}-log`);
    return readdirSync(folder)
      .map((file) => readFileSync(join(folder, file), "utf8"))
      .join("");
  }

  /** Members as a node sees them, by name. */
  async members(name) {
    const { members, raft } = (await this.dister(name, "status")).data;
    return new Map(members.map((member) => [member.name, { ...member, leads: member.id === raft?.leader }]));
  }

  /** Waits until these nodes, and no others, are members, with these votes, and gives the leader's name. */
  settled(name, voters, others = []) {
    const wanted = new Set([...voters.map((one) => `${one} votes`), ...others.map((one) => `${one} stores`)]);
    return until(`members ${[...wanted].join(", ")}`, async () => {
      const members = await this.members(name);
      const found = [...members.values()].map((one) => `${one.name} ${one.voter ? "votes" : "stores"}`);
      if (found.length !== wanted.size || !found.every((one) => wanted.has(one))) return false;
      return [...members.values()].find((member) => member.leads)?.name;
    });
  }

  /** Stops what still runs and removes every trace. */
  async end() {
    const running = [...this.#nodes.values()].filter((node) => node.process !== null);
    const codes = await Promise.all(running.map(({ name }) => this.stop(name)));
    rmSync(this.#folder, { recursive: true, force: true });
    return codes;
  }
}
