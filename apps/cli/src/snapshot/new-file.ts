import { type FileHandle, link, lstat, open, rename, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { DisterError } from "@dister/types";

/** Readable by its owner only: a backup holds the passwords of services. */
const FILE_MODE = 0o600;
/** What file systems without hard links answer. */
const NO_LINKS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

/** A file that gets its name when it is whole and durable; until then it lies beside under another. */
export class NewFile {
  readonly #path: string;
  readonly #draft: string;
  readonly #force: boolean;
  readonly #handle: FileHandle;
  #bytes = 0;

  /**
   * @param options.force - take the place of a file that exists.
   * @throws DisterError `DISTER_ERR_INVALID` when there is something of that name already, `DISTER_ERR_DISK`.
   */
  static async create(path: string, { force }: { force: boolean }): Promise<NewFile> {
    await assertFree(path, force);
    const draft = `${path}.${process.pid}.part`;
    const handle = await guard("make", draft, () => open(draft, "wx", FILE_MODE));
    return new NewFile({ path, draft, force, handle });
  }

  private constructor(parts: { path: string; draft: string; force: boolean; handle: FileHandle }) {
    this.#path = parts.path;
    this.#draft = parts.draft;
    this.#force = parts.force;
    this.#handle = parts.handle;
  }

  /** Bytes written so far. */
  get bytes(): number {
    return this.#bytes;
  }

  async write(piece: Uint8Array): Promise<void> {
    for (let at = 0; at < piece.length; ) {
      const { bytesWritten } = await guard("write", this.#draft, () => this.#handle.write(piece, at));
      at += bytesWritten;
      this.#bytes += bytesWritten;
    }
  }

  /** Makes the file durable and gives it its name. */
  async finish(): Promise<void> {
    await guard("sync", this.#draft, () => this.#handle.sync());
    await guard("close", this.#draft, () => this.#handle.close());
    await this.#name();
    await guard("sync", dirname(this.#path), () => syncFolder(dirname(this.#path)));
  }

  /** Removes what there is of it. The first failure is what is told, so none comes from here. */
  async abandon(): Promise<void> {
    await this.#handle.close().catch(() => undefined);
    await unlink(this.#draft).catch(() => undefined);
  }

  async #name(): Promise<void> {
    if (this.#force) return guard("name", this.#path, () => rename(this.#draft, this.#path));
    // A second name, unlike a rename, never takes the place of what came there meanwhile.
    try {
      await link(this.#draft, this.#path);
    } catch (error) {
      const code = String((error as NodeJS.ErrnoException).code);
      if (code === "EEXIST") throw exists(this.#path);
      if (!NO_LINKS.has(code)) throw diskError("name", this.#path, error);
      await assertFree(this.#path, false);
      return guard("name", this.#path, () => rename(this.#draft, this.#path));
    }
    await guard("remove", this.#draft, () => unlink(this.#draft));
  }
}

async function assertFree(path: string, force: boolean): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined || (force && found.isFile())) return;
  if (!force) throw exists(path);
  throw new DisterError("DISTER_ERR_INVALID", { field: path, got: "what is no file", allowed: "a file" });
}

function exists(path: string): DisterError {
  return new DisterError("DISTER_ERR_INVALID", {
    field: path,
    got: "a file that exists",
    allowed: "a new name, or --force to replace it",
  });
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function guard<T>(operation: string, path: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw diskError(operation, path, error);
  }
}

function diskError(operation: string, path: string, cause: unknown): DisterError {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT") return new DisterError("DISTER_ERR_DISK_FULL", { path }, { cause });
  return new DisterError("DISTER_ERR_DISK", { operation, path, reason: code ?? message }, { cause });
}
