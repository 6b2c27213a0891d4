import { openLog } from "@dister/log";
import { RaftNode } from "@dister/raft";
import { openStore } from "@dister/store";
import {
  type Clock,
  type CommandOutcome,
  DisterError,
  isDisterError,
  type Logger,
  type LogPosition,
  type Membership,
  NO_LOGGER,
  NO_MEMBERSHIP,
  type NodeId,
} from "@dister/types";
import type { CrashChoice } from "@dister/types/testing";
import type { Dice } from "./dice.ts";
import { MachineDisk } from "./disk.ts";
import type { LogModel } from "./log-model.ts";
import type { Network } from "./network.ts";
import type { Process } from "./process.ts";
import { MachineClock } from "./process-clock.ts";
import type { Setting } from "./setting.ts";
import { Violation } from "./violation.ts";
import type { Watch } from "./watch.ts";
import type { DatabaseImage } from "./watched-state.ts";
import type { World } from "./world.ts";

/** Little memory, and snapshots of many pieces, so that one can break off between two of them. */
const SMALL = { cacheBytesMax: 256 * 1024, pieceBytes: 64 };

/** Damage that was done to the files of a machine while it was down. */
export type Damage = "none" | "log";

/** One machine: its disk, its clocks, and the process that may be running on it. */
export class Machine {
  readonly id: NodeId;
  readonly name: string;
  readonly world: World;
  readonly network: Network;
  readonly setting: Setting;
  readonly disk: MachineDisk;
  readonly clock: MachineClock;
  readonly dice: Dice;
  readonly founding: Membership;
  readonly watch: Watch;
  readonly #newProcess: (machine: Machine) => Process;
  process: Process | null = null;
  /** The database as it would be found: as of the last checkpoint, and as of now. */
  imageDurable: Uint8Array | null = null;
  imageLatest: Uint8Array | null = null;
  appliedDurable: LogPosition = { index: 0, term: 0 };
  appliedLatest: LogPosition = { index: 0, term: 0 };
  damage: Damage = "none";
  /** What its log had called durable when its last process ended. */
  model: LogModel | null = null;
  /** It was refused to start because of damage, as documented; it stays down. */
  refused = false;
  starts = 0;
  /** A supervisor does not start it before this. */
  restartAtMs = 0;

  constructor(parts: {
    id: NodeId;
    name: string;
    world: World;
    network: Network;
    setting: Setting;
    founding: Membership;
    watch: Watch;
    newProcess: (machine: Machine) => Process;
  }) {
    this.id = parts.id;
    this.name = parts.name;
    this.world = parts.world;
    this.network = parts.network;
    this.setting = parts.setting;
    this.founding = parts.founding;
    this.watch = parts.watch;
    this.#newProcess = parts.newProcess;
    this.dice = this.world.dice(`machine ${this.name}`);
    this.disk = new MachineDisk(this.world, this.name);
    this.clock = new MachineClock(this.world, this.name, this.dice.between(0, 1e6));
    this.disk.files.makeDirectory("/data");
    this.disk.files.syncDirectory("/");
  }

  /** What a process leaves in the database file when the power goes. */
  keepDurable({ bytes, applied }: DatabaseImage): void {
    this.imageDurable = bytes;
    this.imageLatest = bytes;
    this.appliedDurable = applied;
  }

  /** What it leaves when it ends otherwise: all that was committed, durable or not. */
  keepLatest({ bytes, applied }: DatabaseImage): void {
    this.imageLatest = bytes;
    this.appliedLatest = applied;
  }

  /** Starts a process, unless one is running. */
  start(): void {
    if (this.process !== null || this.refused) return;
    this.starts++;
    const process = this.#newProcess(this);
    this.process = process;
    void this.#open(process);
  }

  async #open(process: Process): Promise<void> {
    const { setting, world } = this;
    const clock: Clock = this.clock.inside(process.run);
    const logger: Logger = NO_LOGGER;
    try {
      const fileSystem = this.disk.inside({
        run: process.run,
        isAlive: () => process.isAlive,
        syncing: () => this.watch.syncing(process),
      });
      const identity = { group: "sim", nodeId: this.id, clusterId: "00000000000000C1" };
      const log = await openLog({
        components: { fileSystem, logger },
        options: { directory: "/data/log", identity, ...setting.log },
      });
      if (!process.isAlive) return;
      const image = this.imageLatest;
      const state = await openStore({
        components: { logger },
        options: { path: ":memory:", ...(image === null ? {} : { image }), ...SMALL },
      });
      if (!process.isAlive) return void state.close();
      process.opened(log, state);
      const raft = await RaftNode.start<CommandOutcome>(
        {
          log: process.log,
          stateMachine: process.state,
          transport: this.network.transportOf(this.id, process.run, () => process.isAlive),
          clock,
          rng: world.dice(`raft ${this.name} ${this.starts}`),
          logger,
          defer: (run) => void world.after(0, `${this.name} turn`, () => process.run(run)),
        },
        {
          id: this.id,
          foundingMembership: this.founding.members.some(({ id }) => id === this.id) ? this.founding : NO_MEMBERSHIP,
          raft: setting.raft,
          compaction: setting.compaction,
          onFatal: (error) => process.died(error),
          onRestored: () => process.restored(),
        },
      );
      if (process.isAlive) process.began(raft);
    } catch (error) {
      if (process.isAlive) this.#failedToStart(process, error);
    }
  }

  #failedToStart(process: Process, error: unknown): void {
    if (isDisterError(error, "DISTER_ERR_LOG_CORRUPT") && this.damage !== "none") {
      this.world.coverage.reached("damaged log refused");
      this.refused = true;
      process.end("kill");
      return;
    }
    process.died(error);
  }

  /**
   * Ends the process as kill -9 does, or with the power of the machine.
   * @param keep - share of what was not synced that is kept when the power goes; drawn unless given.
   */
  kill(how: "kill" | "power", keep?: number): void {
    this.process?.end(how, keep);
  }

  /** What is left on the disk when a process ends. */
  settleDisk(how: "kill" | "power", wanted?: number): void {
    const { dice } = this;
    const drawn = dice.next();
    const keep = wanted ?? drawn;
    const choice: CrashChoice =
      how === "kill"
        ? { keepSector: () => true, keepName: () => true }
        : { keepSector: () => dice.next() < keep, keepName: () => dice.next() < keep };
    this.disk.crash(choice);
    if (how === "power" && dice.chance(0.5)) {
      if (this.appliedLatest.index > this.appliedDurable.index) {
        this.world.coverage.reached("restart with a state machine that lost transactions");
      }
      this.imageLatest = this.imageDurable;
    }
  }

  /** A process has stopped itself: was there a reason? */
  explain(error: unknown): void {
    const { coverage } = this.world;
    const { injected, isFull } = this.disk;
    const isDisk = error instanceof DisterError && error.code.startsWith("DISTER_ERR_DISK");
    if (injected === "sync" && isDisk) return coverage.reached("failed sync stopped a node");
    if (injected === "write" && isDisk) return coverage.reached("failed write stopped a node");
    if (isFull && isDisk) return coverage.reached("full disk stopped a node");
    if (this.damage !== "none" && isDisterError(error, "DISTER_ERR_LOG_CORRUPT")) return;
    const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new Violation("unexpected-stop", `${this.name} stopped itself without a reason: ${told}`);
  }
}
