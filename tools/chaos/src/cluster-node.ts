import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Daemon, type Ended } from "./daemon.ts";
import type { SmallDisk } from "./small-disk.ts";

/** An end of a process that nobody caused. */
export interface UnexpectedExit {
  readonly node: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/** Which ends of its process a node may come to just now. */
export type Excuse = (ended: Ended) => boolean;

/** One place in the cluster: its disk, its addresses, and the process that runs there now, if any. */
export class ClusterNode {
  readonly position: number;
  readonly name: string;
  readonly disk: SmallDisk;
  readonly logPath: string;
  readonly #args: readonly string[];
  readonly #commandBefore: readonly string[];
  readonly #folder: string;
  readonly #onUnexpected: (exit: UnexpectedExit) => void;
  readonly #excuses = new Set<Excuse>();
  #daemon: Daemon | undefined;
  #startCount = 0;
  #claimed = false;
  #id: string | undefined;

  constructor(parts: {
    position: number;
    name: string;
    disk: SmallDisk;
    folder: string;
    args: readonly string[];
    commandBefore: readonly string[];
    onUnexpected: (exit: UnexpectedExit) => void;
  }) {
    this.position = parts.position;
    this.name = parts.name;
    this.disk = parts.disk;
    this.#folder = parts.folder;
    this.#args = parts.args;
    this.#commandBefore = parts.commandBefore;
    this.#onUnexpected = parts.onUnexpected;
    this.logPath = join(parts.folder, `${parts.name}.log`);
  }

  /** The running process. */
  get daemon(): Daemon | undefined {
    return this.#daemon?.isOver === false ? this.#daemon : undefined;
  }

  /** How often it was started: a session of a client ends with the process. */
  get startCount(): number {
    return this.#startCount;
  }

  get dataFolder(): string {
    return join(this.disk.path, "dister.db");
  }

  /** Its id as it stands on its disk, undefined before its first start. */
  get id(): string | undefined {
    const path = join(this.dataFolder, "identity.json");
    if (this.#id === undefined && existsSync(path)) {
      this.#id = (JSON.parse(readFileSync(path, "utf8")) as { nodeId: string }).nodeId;
    }
    return this.#id;
  }

  start(): Daemon {
    const running = this.daemon;
    if (running !== undefined) return running;
    const stderr = join(this.#folder, `${this.name}.${++this.#startCount}.stderr`);
    const files = { cwd: this.#folder, stdout: this.logPath, stderr };
    const daemon = new Daemon(this.#args, files, this.#commandBefore);
    this.#daemon = daemon;
    void daemon.ended.then((ended) => this.#ended(ended));
    return daemon;
  }

  /** Allows certain ends of the process until it is undone. */
  excuse(excuse: Excuse): () => void {
    // Each has its own entry, also when one function is given twice.
    const entry: Excuse = (ended) => excuse(ended);
    this.#excuses.add(entry);
    return () => this.#excuses.delete(entry);
  }

  /** Sends a signal that ends the process, and waits until it has. */
  async end(signal: "SIGKILL" | "SIGTERM"): Promise<Ended | undefined> {
    const daemon = this.daemon;
    if (daemon === undefined) return undefined;
    // The excuse of a kill: this very signal, or what the process came to in the moment before it arrived.
    const undo = this.excuse((ended) => ended.signal === signal || (signal === "SIGTERM" && isStop(ended)));
    daemon.signal(signal);
    const ended = await daemon.ended;
    undo();
    return ended;
  }

  /** Keeps other nemeses from starting and ending this node; false when one of them has it. */
  claim(): boolean {
    if (this.#claimed) return false;
    this.#claimed = true;
    return true;
  }

  release(): void {
    this.#claimed = false;
  }

  get isClaimed(): boolean {
    return this.#claimed;
  }

  #ended(ended: Ended): void {
    const { code, signal, stderr } = ended;
    appendFileSync(join(this.#folder, `${this.name}.exits`), `${JSON.stringify({ code, signal, stderr })}\n`);
    if ([...this.#excuses].some((excuse) => excuse(ended))) return;
    this.#onUnexpected({ node: this.name, code, signal, stderr: stderr.slice(-2_000) });
  }
}

/**
 * A stop that was asked for: code 0, or 1 without a word, which says that something it waited for did not come within the
 * eight seconds that a stop may take.
 */
function isStop({ code, signal, stderr }: Ended): boolean {
  return signal === "SIGTERM" || code === 0 || (code === 1 && stderr === "");
}
