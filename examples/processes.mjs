import { execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePorts } from "./free-ports.mjs";

const bin = (path) => fileURLToPath(new URL(`../apps/${path}`, import.meta.url));
const DISTERD = bin("daemon/bin/disterd.js");
const DISTER = bin("cli/bin/dister.js");
const WAIT_MS = 60_000;

/** Nodes on loopback, each a `disterd` of its own, and the `dister` that talks to them: nothing but the two commands. */
export class Cluster {
  #folder = mkdtempSync(join(tmpdir(), "dister-life-"));
  #nodes = new Map();

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
    const ended = new Promise((resolve) => node.process.once("exit", (code) => resolve(code)));
    node.process.kill(signal);
    node.process = null;
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
    const at = name === null ? [] : ["--api", `http://127.0.0.1:${this.#nodes.get(name).ports.api}`];
    return new Promise((resolve, reject) => {
      execFile(process.execPath, [DISTER, "--json", ...at, ...args], (error, stdout, stderr) => {
        if (error !== null) reject(new Error(`dister ${args.join(" ")}: ${stderr || stdout || error.message}`));
        else resolve(JSON.parse(stdout));
      });
    });
  }

  /** Members as a node sees them, by name. */
  async members(name) {
    const { members, raft } = (await this.dister(name, "status")).data;
    return new Map(members.map((member) => [member.name, { ...member, leads: member.id === raft?.leader }]));
  }

  /** Waits until something is as it should be; what fails meanwhile is asked again. */
  async until(what, holds) {
    const endMs = performance.now() + WAIT_MS;
    let last = "";
    while (performance.now() < endMs) {
      const found = await holds().catch((error) => {
        last = error.message;
      });
      if (found) return found;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`not within ${WAIT_MS / 1000} s: ${what} ${last}`);
  }

  /** Waits until these nodes, and no others, are members, with these votes, and gives the leader's name. */
  settled(name, voters, others = []) {
    const wanted = new Set([...voters.map((one) => `${one} votes`), ...others.map((one) => `${one} stores`)]);
    return this.until(`members ${[...wanted].join(", ")}`, async () => {
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
