/** Disk space of a node, in bytes. */
export interface DiskUse {
  /** The data folder. */
  readonly folder: string;
  readonly logBytes: number;
  /** The database with the files beside it. */
  readonly stateBytes: number;
  /** What the file system has left for this process. */
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** What a node is told of the machine that it runs on; whoever composes the node knows it. */
export interface HostFigures {
  /** Looks at the disk, without blocking. @throws DisterError `DISTER_ERR_DISK`. */
  disk(): Promise<DiskUse>;
  /** Open connections to and from other nodes. */
  connections(): number;
}
