import { closeSync, fstatSync, mkdirSync, openSync, readdirSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

/** How log files are kept. */
export interface RollingFileOptions {
  /** Folder of the files; made when it does not exist. */
  readonly folder: string;
  /** Files are called `<name>.<number>.log`; the highest number is the newest. */
  readonly name: string;
  /** A file that a further line would make larger than this is not written any more, in bytes. */
  readonly bytesMax: number;
  /** Files that are kept, the newest included. */
  readonly filesMax: number;
}

/** Between two tries to write where writing has failed. */
const RETRY_MS = 1_000;
/** Between two looks whether the file is still there: somebody may have removed the whole folder. */
const LOOK_MS = 1_000;

/**
 * Lines into files of a limited size and number. Writing is synchronous, so that the last line before a crash is there;
 * it never throws: where the folder cannot be written, lines are lost, that is told once, and it is tried again.
 */
export class RollingFile {
  readonly #options: RollingFileOptions;
  readonly #tell: (text: string) => void;
  readonly #nowMs: () => number;
  #file: number | null = null;
  #number = 0;
  #bytes = 0;
  /** The last line was written in part: what follows begins on a line of its own. */
  #cut = false;
  #lookMs = 0;
  #failing: { lost: number; retryMs: number } | null = null;

  /**
   * Opens the newest file, or a first one.
   * @param parts.tell - takes one line for people when writing fails, and one when it works again.
   * @throws the system's error when the folder cannot be used.
   */
  constructor(options: RollingFileOptions, parts: { tell: (text: string) => void; nowMs: () => number }) {
    this.#options = options;
    this.#tell = parts.tell;
    this.#nowMs = parts.nowMs;
    this.#open();
  }

  write(line: string): void {
    const nowMs = this.#nowMs();
    if (this.#failing !== null && nowMs < this.#failing.retryMs) {
      this.#failing.lost++;
      return;
    }
    try {
      this.#look(nowMs);
      this.#put(line);
      this.#works();
    } catch (error) {
      this.#fails(error, nowMs);
    }
  }

  close(): void {
    const file = this.#file;
    this.#file = null;
    if (file !== null) closeSync(file);
  }

  /** Lets go of a file that was removed under this process: what is written to it nobody will ever read. */
  #look(nowMs: number): void {
    if (this.#file === null || nowMs < this.#lookMs) return;
    this.#lookMs = nowMs + LOOK_MS;
    if (fstatSync(this.#file).nlink === 0) this.close();
  }

  #put(line: string): void {
    const bytes = Buffer.from(this.#cut ? `\n${line}` : line);
    if (this.#file === null) this.#open();
    if (this.#bytes > 0 && this.#bytes + bytes.length > this.#options.bytesMax) this.#roll();
    for (let done = 0; done < bytes.length; ) {
      const written = writeSync(this.#file!, bytes, done);
      done += written;
      this.#bytes += written;
      this.#cut = done < bytes.length;
    }
  }

  #open(): void {
    const { folder } = this.#options;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#number = Math.max(this.#number, this.#numbers().at(-1) ?? 1);
    this.#take(this.#number);
  }

  #roll(): void {
    this.#take(this.#number + 1);
    for (const number of this.#numbers().slice(0, -this.#options.filesMax)) rmSync(this.#path(number), { force: true });
  }

  /** Opens a file before the old one is let go of. */
  #take(number: number): void {
    const file = openSync(this.#path(number), "a", 0o600);
    if (this.#file !== null) closeSync(this.#file);
    this.#file = file;
    this.#number = number;
    this.#bytes = fstatSync(file).size;
  }

  #path(number: number): string {
    return join(this.#options.folder, `${this.#options.name}.${number}.log`);
  }

  /** Numbers of the files that are there, ascending. */
  #numbers(): number[] {
    const { folder, name } = this.#options;
    const numbers = readdirSync(folder).flatMap((file) => {
      const number = file.startsWith(`${name}.`)
        ? /^(\d{1,9})\.log$/.exec(file.slice(name.length + 1))?.[1]
        : undefined;
      return number === undefined ? [] : [Number(number)];
    });
    return numbers.sort((a, b) => a - b);
  }

  #fails(error: unknown, nowMs: number): void {
    const { folder } = this.#options;
    if (this.#failing === null) {
      const reason = (error as Error).message;
      this.#tell(`log lines cannot be written to ${folder} and are lost until they can: ${reason}`);
    }
    this.#letGo();
    this.#failing = { lost: (this.#failing?.lost ?? 0) + 1, retryMs: nowMs + RETRY_MS };
  }

  /** The next try opens a file anew. */
  #letGo(): void {
    try {
      this.close();
    } catch {
      // What cannot be closed is lost all the same.
    }
  }

  #works(): void {
    if (this.#failing === null) return;
    const { lost } = this.#failing;
    this.#failing = null;
    this.#tell(`log lines are written to ${this.#options.folder} again; ${lost} were lost`);
  }
}
