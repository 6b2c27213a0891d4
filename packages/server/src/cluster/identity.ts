import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import {
  type ClusterId,
  DisterError,
  type FileSystem,
  hexIdOf,
  isHexId,
  type Membership,
  NO_MEMBERSHIP,
  type NodeId,
  type Rng,
} from "@dister/types";

/** A proposal to found a cluster: which id it gets and who its first members are. */
export interface FoundingProposal {
  readonly clusterId: ClusterId;
  readonly membership: Membership;
}

/** What a node is for ever, and what it has promised. Everything here is durable before anybody hears of it. */
export interface Identity {
  readonly nodeId: NodeId;
  readonly group: string;
  /** Cluster that the node belongs to; empty for none. Set once. */
  readonly clusterId: ClusterId;
  /** The one founding proposal that the node has accepted in its life. */
  readonly accepted: FoundingProposal | null;
  /** The log was made: from now on an empty log folder means that votes and entries were lost. */
  readonly logMade: boolean;
}

const FORMAT = 1;

/**
 * The identity file `identity.json`. Every change is written beside, synced and put in place, so that a crash leaves the
 * old or the new one.
 */
export class IdentityFile {
  readonly #fileSystem: FileSystem;
  readonly #folder: string;
  #identity: Identity;

  /**
   * Reads the identity of a data folder, or makes one.
   * @throws DisterError `DISTER_ERR_IDENTITY` when the folder belongs to another group, or the file is not readable.
   */
  static open(parts: { fileSystem: FileSystem; rng: Rng; folder: string; group: string }): IdentityFile {
    const { fileSystem, folder, group, rng } = parts;
    fileSystem.makeDirectory(folder);
    const path = `${folder}/identity.json`;
    if (fileSystem.exists(path)) {
      const identity = readIdentity(fileSystem, path);
      if (identity.group !== group) {
        const reason = `it belongs to the group ${identity.group}, the configured group is ${group}`;
        throw new DisterError("DISTER_ERR_IDENTITY", { reason });
      }
      return new IdentityFile(fileSystem, folder, identity);
    }
    const nodeId = hexIdOf(rng.bytes(8));
    const file = new IdentityFile(fileSystem, folder, { nodeId, group, clusterId: "", accepted: null, logMade: false });
    file.#save(file.#identity);
    // The folder is new as well: without this a power loss could take it, and a second start would be another node.
    fileSystem.syncDirectory(dirname(folder));
    return file;
  }

  /**
   * Reads the identity of a data folder, whatever its group.
   * @throws DisterError `DISTER_ERR_IDENTITY` when there is none, or it cannot be read.
   */
  static read(fileSystem: FileSystem, folder: string): Identity {
    const path = `${folder}/identity.json`;
    if (fileSystem.exists(path)) return readIdentity(fileSystem, path);
    throw new DisterError("DISTER_ERR_IDENTITY", { reason: `there is no ${path}` });
  }

  /** Writes the identity of a data folder that is made with its cluster at once; durable when it returns. */
  static make(parts: { fileSystem: FileSystem; folder: string; identity: Identity }): void {
    new IdentityFile(parts.fileSystem, parts.folder, parts.identity).#save(parts.identity);
  }

  private constructor(fileSystem: FileSystem, folder: string, identity: Identity) {
    this.#fileSystem = fileSystem;
    this.#folder = folder;
    this.#identity = identity;
  }

  get current(): Identity {
    return this.#identity;
  }

  /** Membership that the cluster was founded with, empty for a node that joined later. */
  get foundingMembership(): Membership {
    const { accepted, clusterId } = this.#identity;
    return accepted !== null && accepted.clusterId === clusterId ? accepted.membership : NO_MEMBERSHIP;
  }

  /** Accepts a founding proposal, once in a life. */
  accept(proposal: FoundingProposal): void {
    if (this.#identity.accepted !== null || this.#identity.clusterId !== "") {
      throw new DisterError("DISTER_ERR_FOUNDING", { reason: "this node has accepted another proposal" });
    }
    this.#save({ ...this.#identity, accepted: proposal });
  }

  /** The node belongs to a cluster from now on. */
  setCluster(clusterId: ClusterId): void {
    const known = this.#identity.clusterId;
    if (known === clusterId) return;
    if (known !== "") {
      throw new DisterError("DISTER_ERR_IDENTITY", { reason: `it belongs to cluster ${known}, not to ${clusterId}` });
    }
    this.#save({ ...this.#identity, clusterId });
  }

  setLogMade(): void {
    if (!this.#identity.logMade) this.#save({ ...this.#identity, logMade: true });
  }

  #save(identity: Identity): void {
    const path = `${this.#folder}/identity.json`;
    const beside = `${path}.new`;
    if (this.#fileSystem.exists(beside)) this.#fileSystem.remove(beside);
    const file = this.#fileSystem.open(beside, "create");
    try {
      const text = `${JSON.stringify({ format: FORMAT, ...identity, check: checkOf(identity) }, null, 2)}\n`;
      file.writeAt([new TextEncoder().encode(text)], 0);
      file.datasyncNow();
    } finally {
      file.close();
    }
    this.#fileSystem.rename(beside, path);
    this.#fileSystem.syncDirectory(this.#folder);
    this.#identity = identity;
  }
}

/** CRC-32 of the fields in a fixed order, eight hexadecimal digits. */
function checkOf({ nodeId, group, clusterId, accepted, logMade }: Identity): string {
  return crc32(JSON.stringify([nodeId, group, clusterId, accepted, logMade]))
    .toString(16)
    .padStart(8, "0");
}

function readIdentity(fileSystem: FileSystem, path: string): Identity {
  const file = fileSystem.open(path, "read");
  const bytes = new Uint8Array(file.size());
  try {
    file.readAt(bytes, 0);
  } finally {
    file.close();
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const read = JSON.parse(text) as Identity & { format: number; check: string };
    const { nodeId, group, clusterId, accepted, logMade } = read;
    if (read.format !== FORMAT) throw new Error(`format ${read.format}, this version reads ${FORMAT}`);
    if (!isHexId(nodeId) || typeof group !== "string" || typeof logMade !== "boolean")
      throw new Error("a field is missing");
    if (clusterId !== "" && !isHexId(clusterId)) throw new Error("the cluster id is not one");
    const identity = { nodeId, group, clusterId, accepted: accepted ?? null, logMade };
    // One wrong digit of an id still is an id, of a node that nobody knows: nothing else would notice.
    if (read.check !== checkOf(identity)) throw new Error("the file is damaged: its checksum is another");
    return identity;
  } catch (cause) {
    throw new DisterError("DISTER_ERR_IDENTITY", { reason: `${path}: ${(cause as Error).message}` }, { cause });
  }
}
