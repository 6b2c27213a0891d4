import { readFileSync, statSync } from "node:fs";
import { type Clock, DisterError, isDisterError, type Logger, type Timer } from "@dister/types";
import type { Config } from "@dister/types/schemas";
import { TlsCredentials, type TlsPem } from "@dister/wire";

/** Between two looks at the files, in milliseconds. */
const LOOK_MS = 10_000;
const DAY_MS = 86_400_000;
/** A certificate that ends sooner than this is a warning, once a day, in milliseconds. */
const SOON_MS = 14 * DAY_MS;
const FIELDS = ["cert", "key", "ca"] as const;

interface Parts {
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The certificate files of a node: read at the start, and again when they change. Files that cannot be used never take the
 * place of those that can: the node goes on with what it has and says so.
 */
export class TlsFiles {
  readonly #paths: Config["Tls"];
  readonly #group: string;
  readonly #parts: Parts;
  #current: TlsCredentials;
  /** Of the files that `#current` was read from, and of those that were last seen. */
  #loaded: string;
  #seen: string;
  #timer: Timer | undefined;
  #warnedMs = Number.NEGATIVE_INFINITY;
  #toldExpired = false;

  private constructor(config: Pick<Config, "Tls" | "Group">, parts: Parts) {
    this.#paths = config.Tls;
    this.#group = config.Group;
    this.#parts = parts;
    this.#loaded = this.#fingerprint();
    this.#seen = this.#loaded;
    this.#current = this.#read();
    warnIfReadable(this.#paths.key, "Tls.key", parts.logger);
    this.#warnIfOld();
    this.#wait();
  }

  /**
   * Reads the files and looks at them from then on; undefined when `Tls` is not set.
   * @throws DisterError `DISTER_ERR_CONFIG` that names the key.
   */
  static open(config: Pick<Config, "Tls" | "Group">, parts: Parts): TlsFiles | undefined {
    return config.Tls.cert === "" ? undefined : new TlsFiles(config, parts);
  }

  /** What connections are made with from now on. */
  get current(): TlsCredentials {
    return this.#current;
  }

  /** Reads the files now, changed or not. */
  reload(): void {
    this.#seen = this.#fingerprint();
    this.#load();
  }

  close(): void {
    this.#timer?.cancel();
  }

  #wait(): void {
    this.#timer = this.#parts.clock.setTimer(LOOK_MS, () => {
      this.#wait();
      this.#look();
    });
  }

  /** Certificate and key are two files: what changed is read when it has not changed any more since the last look. */
  #look(): void {
    const before = this.#seen;
    this.#seen = this.#fingerprint();
    if (this.#seen === before && this.#seen !== this.#loaded) this.#load();
    this.#warnIfOld();
  }

  #load(): void {
    const { logger } = this.#parts;
    this.#loaded = this.#seen;
    try {
      this.#current = this.#read();
      const validTo = new Date(this.#current.validToMs).toISOString();
      logger.info("the certificates were read again", { cert: this.#paths.cert, validTo });
      this.#warnedMs = Number.NEGATIVE_INFINITY;
    } catch (error) {
      const reason = isDisterError(error) ? error.message : String(error);
      logger.error("the new certificates cannot be used, the node goes on with the old ones", { reason });
    }
  }

  #read(): TlsCredentials {
    const [cert, key, ca] = FIELDS.map((field) => this.#text(field));
    const pem: TlsPem = { cert: cert!, key: key!, ca: ca! };
    return TlsCredentials.of(pem, { group: this.#group, wallMs: this.#parts.clock.wallMs() });
  }

  #text(field: (typeof FIELDS)[number]): string {
    const path = this.#paths[field];
    try {
      return readFileSync(path, "utf8");
    } catch (cause) {
      const got = `${path} (${(cause as NodeJS.ErrnoException).code ?? "unreadable"})`;
      throw new DisterError(
        "DISTER_ERR_CONFIG",
        { key: `Tls.${field}`, got, allowed: "a readable PEM file" },
        { cause },
      );
    }
  }

  /** Changes when one of the files does; a missing one counts as a state too. */
  #fingerprint(): string {
    const states = FIELDS.map((field) => {
      const found = statSync(this.#paths[field], { throwIfNoEntry: false });
      return found === undefined ? "none" : `${found.ino} ${found.size} ${found.mtimeMs}`;
    });
    return states.join("; ");
  }

  #warnIfOld(): void {
    const { clock, logger } = this.#parts;
    const now = clock.wallMs();
    const leftMs = this.#current.validToMs - now;
    const expired = leftMs <= 0;
    const told = this.#toldExpired === expired && clock.nowMs() - this.#warnedMs < DAY_MS;
    if (leftMs > SOON_MS || told) return;
    this.#warnedMs = clock.nowMs();
    this.#toldExpired = expired;
    const fields = { cert: this.#paths.cert, validTo: new Date(this.#current.validToMs).toISOString() };
    if (!expired) logger.warn("the certificate of this node expires soon", fields);
    else logger.error("the certificate of this node has expired: other nodes refuse new connections", fields);
  }
}

/** A file with a secret that every user of the machine can read keeps none. */
export function warnIfReadable(path: string, key: string, logger: Logger): void {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0;
  if (process.platform === "win32" || (mode & 0o004) === 0) return;
  logger.warn("a file with a secret can be read by every user of this machine", { key, path, allowed: "mode 0600" });
}
