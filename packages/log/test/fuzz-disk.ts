import { NO_LOGGER } from "@dister/types";
import { MemoryFileSystem, type SeededRng } from "@dister/types/testing";
import { type DiskLog, type LogTuning, openLog } from "../src/index.ts";

export const FOLDER = "/log";
const IDENTITY = { group: "test", nodeId: "00000000000000AB", clusterId: "00000000000000C1" };

/** The files of a folder at rest, by their names. */
export type Image = ReadonlyMap<string, Uint8Array>;

export function imageOf(fileSystem: MemoryFileSystem): Image {
  const names = fileSystem.list(FOLDER).filter((name) => name !== "lock");
  return new Map(names.map((name) => [name, fileSystem.contents(`${FOLDER}/${name}`)]));
}

/** A disk of its own with the files of an image, all of them durable. */
export function diskOf(image: Image): MemoryFileSystem {
  const fileSystem = new MemoryFileSystem();
  fileSystem.makeDirectory(FOLDER);
  for (const [name, bytes] of image) {
    const file = fileSystem.open(`${FOLDER}/${name}`, "create");
    file.writeAt([bytes], 0);
    file.datasyncNow();
    file.close();
  }
  fileSystem.syncDirectory(FOLDER);
  fileSystem.syncDirectory("/");
  return fileSystem;
}

export function openOn(fileSystem: MemoryFileSystem, tuning: Partial<LogTuning>): Promise<DiskLog> {
  return openLog({
    components: { fileSystem, logger: NO_LOGGER },
    options: { directory: FOLDER, identity: IDENTITY, cacheBytes: 0, ...tuning },
  });
}

/** Draws from a seeded sequence. */
export class Dice {
  readonly rng: SeededRng;

  constructor(rng: SeededRng) {
    this.rng = rng;
  }

  /** A whole number, both ends included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.rng.next() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.rng.next() < probability;
  }

  of<T>(choices: readonly T[]): T {
    return choices[this.between(0, choices.length - 1)]!;
  }
}
