import type { Rng } from "@dister/types";
import { mix, SECTOR_BYTES, type Sector, ZERO_SECTOR } from "./crash-sector.ts";

/** A file at one moment: what is durable of it, and what may have become durable. */
export interface FrozenFile {
  readonly sectors: readonly Sector[];
  readonly size: number;
  /** Size that it has when everything survives. */
  readonly newestSize: number;
  readonly pending: readonly { readonly at: number; readonly versions: readonly Sector[] }[];
  /** Hash of its bytes, where it is known and nothing is pending. */
  readonly hash?: FileHash;
}

interface FileHash {
  readonly a: number;
  readonly b: number;
}

/** A change of a folder that is not synced: a new name, a removal without `to`, or a move. `file` is null for a folder. */
export interface FrozenChange {
  readonly folder: string;
  readonly path: string;
  readonly to: string | undefined;
  readonly file: FrozenFile | null;
}

/** What a crash has left on the disk. */
export interface DiskImage {
  readonly nodes: readonly { readonly path: string; readonly file: FrozenFile | null }[];
  /** Hash of everything: names, sizes and bytes. */
  readonly key: number;
}

/** The choices of one file: for each sector its contents, the durable one first; and whether it has its newest size. */
interface FileChoices {
  readonly file: FrozenFile;
  readonly sectors: readonly { readonly at: number; readonly contents: readonly Sector[] }[];
  /** Place of the first choice of this file among all. */
  readonly from: number;
  readonly growsFreely: boolean;
  /** Hash of the sectors about which there is no choice. */
  readonly rest: FileHash;
}

/**
 * A moment at which the power may fail. Every choice of versions of unsynced sectors, of sizes and of unsynced names is
 * an image; names are kept or lost one by one, in the order in which they were changed.
 */
export class CrashPoint {
  /** Names as they are durable, and how they were changed since. */
  readonly durable: ReadonlyMap<string, FrozenFile | null>;
  readonly changes: readonly FrozenChange[];
  readonly #files = new Map<FrozenFile, FileChoices>();
  /** How many ways there are to decide each choice; the changes of names come first. */
  readonly #ways: number[] = [];

  constructor(durable: ReadonlyMap<string, FrozenFile | null>, changes: readonly FrozenChange[]) {
    this.durable = durable;
    this.changes = changes;
    for (const _ of changes) this.#ways.push(2);
    for (const file of durable.values()) this.#add(file);
    for (const { file } of changes) this.#add(file);
  }

  /** How many choices there are; some lead to the same image. */
  get combinations(): number {
    return this.#ways.reduce((product, ways) => product * ways, 1);
  }

  /** Everything that was not synced is lost. */
  lost(): DiskImage {
    return this.image(this.#ways.map(() => 0));
  }

  /** Everything survives. */
  kept(): DiskImage {
    return this.image(this.#ways.map((ways) => ways - 1));
  }

  /** All images when they are at most so many; otherwise the regular ones and so many at random. */
  *images(limit: number, rng: Rng): Generator<DiskImage> {
    const ways = this.#ways;
    if (this.combinations <= limit) {
      yield* this.#every();
      return;
    }
    yield this.lost();
    yield this.kept();
    let left = limit - 2;
    // One thing alone is lost, or kept. Of a few images most are better taken at random.
    for (let at = 0; at < ways.length && left > 6; at++, left -= 2) {
      yield this.image(ways.map((count, each) => (each === at ? 0 : count - 1)));
      yield this.image(ways.map((count, each) => (each === at ? count - 1 : 0)));
    }
    for (; left > 0; left--) {
      const kept = rng.next();
      yield this.image(ways.map((count) => (rng.next() < kept ? 1 + Math.floor(rng.next() * (count - 1)) : 0)));
    }
  }

  *#every(): Generator<DiskImage> {
    const ways = this.#ways;
    const choice = ways.map(() => 0);
    for (;;) {
      yield this.image(choice);
      let at = 0;
      while (at < ways.length && ++choice[at]! === ways[at]) choice[at++] = 0;
      if (at === ways.length) return;
    }
  }

  image(choice: readonly number[]): DiskImage {
    const nodes: { path: string; file: FrozenFile | null }[] = [];
    let [a, b] = [0, 0];
    for (const [path, file] of this.#names(choice)) {
      const [nameA, nameB] = nameHash(path);
      if (file === null) {
        nodes.push({ path, file });
        a = (a + nameA) | 0;
        b = (b + nameB) | 0;
        continue;
      }
      const made = imageOf(this.#files.get(file)!, choice);
      nodes.push({ path, file: made });
      a = (a + mix(mix(nameA, made.hash.a), made.size)) | 0;
      b = (b + mix(mix(nameB, made.hash.b), made.size)) | 0;
    }
    return { nodes, key: (a >>> 0) * 2 ** 21 + (b >>> 11) };
  }

  #names(choice: readonly number[]): ReadonlyMap<string, FrozenFile | null> {
    if (this.changes.length === 0) return this.durable;
    const names = new Map(this.durable);
    for (const [at, { path, to, file }] of this.changes.entries()) {
      if (choice[at] === 0) continue;
      if (to !== path) names.delete(path);
      if (to !== undefined) names.set(to, file);
    }
    // What lay in a folder that is lost is lost with it.
    for (const path of names.keys()) {
      const folder = path.slice(0, path.lastIndexOf("/"));
      if (folder !== "" && !names.has(folder)) names.delete(path);
    }
    return names;
  }

  #add(file: FrozenFile | null): void {
    if (file === null || this.#files.has(file)) return;
    const from = this.#ways.length;
    if (file.hash !== undefined) {
      this.#files.set(file, { file, sectors: [], from, growsFreely: false, rest: file.hash });
      return;
    }
    const sectors: { at: number; contents: Sector[] }[] = [];
    let [a, b] = [0, 0];
    const pending = new Map(file.pending.map(({ at, versions }) => [at, versions]));
    const count = Math.max(file.sectors.length, ...file.pending.map(({ at }) => at + 1));
    for (let at = 0; at < count; at++) {
      const durable = file.sectors[at] ?? ZERO_SECTOR;
      const contents = contentsOf(durable, pending.get(at) ?? []);
      if (contents.length === 1) {
        a = (a + hashA(durable, at)) | 0;
        b = (b + hashB(durable, at)) | 0;
        continue;
      }
      sectors.push({ at, contents });
      this.#ways.push(contents.length);
    }
    const growsFreely = file.newestSize !== file.size;
    if (growsFreely) this.#ways.push(2);
    this.#files.set(file, { file, sectors, from, growsFreely, rest: { a, b } });
  }
}

/** The durable content, the others that there were since, and at the end the newest, which may be the durable one again. */
function contentsOf(durable: Sector, versions: readonly Sector[]): Sector[] {
  const newest = versions.at(-1);
  if (newest === undefined || versions.every((each) => isSame(each, durable))) return [durable];
  const others: Sector[] = [];
  for (const version of versions) {
    if (![durable, newest, ...others].some((each) => isSame(each, version))) others.push(version);
  }
  return [durable, ...others, newest];
}

function imageOf(choices: FileChoices, choice: readonly number[]): FrozenFile & { hash: FileHash } {
  const { file, sectors, from, growsFreely, rest } = choices;
  if (sectors.length === 0 && !growsFreely) return { ...file, hash: rest };
  let { a, b } = rest;
  let size = growsFreely && choice[from + sectors.length] === 1 ? file.newestSize : file.size;
  const made = [...file.sectors];
  for (let each = 0; each < sectors.length; each++) {
    const { at, contents } = sectors[each]!;
    const which = choice[from + each]!;
    const sector = contents[which]!;
    a = (a + hashA(sector, at)) | 0;
    b = (b + hashB(sector, at)) | 0;
    if (which === 0) continue;
    while (made.length < at) made.push(ZERO_SECTOR);
    made[at] = sector;
    // A sector behind the durable end brings the size along.
    const end = Math.min((at + 1) * SECTOR_BYTES, Math.max(file.newestSize, file.size));
    if (end > size) size = end;
  }
  return { sectors: made, size, newestSize: size, pending: [], hash: { a, b } };
}

function isSame(one: Sector, other: Sector): boolean {
  return one === other || (one.a === other.a && one.b === other.b);
}

function hashA(sector: Sector, at: number): number {
  return sector === ZERO_SECTOR ? 0 : mix(sector.a, at + 1);
}

function hashB(sector: Sector, at: number): number {
  return sector === ZERO_SECTOR ? 0 : mix(sector.b, at + 77);
}

const NAME_HASHES = new Map<string, [number, number]>();

function nameHash(name: string): [number, number] {
  let hashes = NAME_HASHES.get(name);
  if (hashes === undefined) {
    hashes = [5, 7];
    for (let at = 0; at < name.length; at++) {
      hashes = [mix(hashes[0], name.charCodeAt(at)), mix(hashes[1] + 1, name.charCodeAt(at))];
    }
    NAME_HASHES.set(name, hashes);
  }
  return hashes;
}
