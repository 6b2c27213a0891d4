import type { FileSystem, Logger } from "@dister/types";
import type { LogIdentity } from "./file-header.ts";
import type { LogTuning } from "./options.ts";

/** What every part of one open log shares. */
export interface LogContext {
  readonly fileSystem: FileSystem;
  readonly logger: Logger;
  readonly directory: string;
  readonly identity: LogIdentity;
  readonly tuning: LogTuning;
}
