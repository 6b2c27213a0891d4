import type { Logger } from "@dister/types";
import { MEMORY_PATH } from "./database.ts";
import { incomingPiecesPath, removeFile } from "./database-file.ts";
import { membershipJson } from "./membership-json.ts";
import { PieceFile } from "./piece-file.ts";
import { type Announced, MemoryPieces, type Pieces } from "./pieces.ts";

/** Pieces that came in, and the head that tells of which snapshot. */
interface Kept {
  readonly head: string;
  readonly pieces: Pieces;
}

/** The pieces of the one snapshot that is being received, or was; those in a file outlast the process. */
export class IncomingPieces {
  readonly #path: string;
  readonly #logger: Logger;
  #kept: Kept | undefined;

  constructor(path: string, logger: Logger) {
    this.#path = path;
    this.#logger = logger;
  }

  /** Takes over what an earlier process has received, unless the state is beyond it already. */
  async adopt(appliedIndex: number): Promise<void> {
    if (this.#path === MEMORY_PATH) return;
    const path = incomingPiecesPath(this.#path);
    const found = await PieceFile.open(path);
    const meant = found && readHead(found.head);
    if (found === undefined || meant === undefined || meant.index <= appliedIndex) {
      found?.file.close();
      removeFile(path);
      return;
    }
    await found.file.countSound(meant.pieceCount);
    this.#kept = { head: found.head, pieces: found.file };
    this.#logger.info("part of a snapshot is here", { index: meant.index, pieces: found.file.count });
  }

  /** The pieces that are here of a snapshot, none at first. Those of another are removed. */
  async of(announced: Announced): Promise<Pieces> {
    await this.#kept?.pieces.settled();
    const head = headOf(announced);
    const kept = this.#kept?.pieces.removed === true ? undefined : this.#kept;
    if (kept !== undefined && kept.head === head && announced.content !== undefined) return kept.pieces;
    if (kept !== undefined && kept.pieces.count > 0) {
      this.#logger.info("part of a snapshot is given up: another one is sent", { pieces: kept.pieces.count });
    }
    this.remove();
    const pieces = await this.#make(head);
    this.#kept = { head, pieces };
    return pieces;
  }

  /** Removes what is here when the state has come that far without it. */
  removeUpTo(appliedIndex: number): void {
    const meant = this.#kept && readHead(this.#kept.head);
    if (meant !== undefined && meant.index <= appliedIndex) this.remove();
  }

  remove(): void {
    this.#kept?.pieces.remove();
    this.#kept = undefined;
  }

  close(): void {
    this.#kept?.pieces.close();
  }

  async #make(head: string): Promise<Pieces> {
    if (this.#path === MEMORY_PATH) return new MemoryPieces();
    const file = await PieceFile.create(incomingPiecesPath(this.#path));
    await file.writeHead(head);
    return file;
  }
}

/** What a file of pieces holds, as it stands in its head. */
export function headOf({ position, membership, content }: Announced): string {
  const { index, term } = position;
  return JSON.stringify({ v: 1, index, term, membership: membershipJson(membership), ...content });
}

/** What a head says, as far as it has to be known before the pieces are read; undefined for any other text. */
export function readHead(text: string): { index: number; pieceCount: number } | undefined {
  let head: { v?: unknown; index?: unknown; pieceCount?: unknown } | null;
  try {
    head = JSON.parse(text);
  } catch {
    return undefined;
  }
  const [index, pieceCount] = [Number(head?.index), Number(head?.pieceCount)];
  return head?.v === 1 && Number.isSafeInteger(index) && Number.isSafeInteger(pieceCount)
    ? { index, pieceCount }
    : undefined;
}
