import { DisterError, type LogFields, type Logger } from "@dister/types";
import { destination, type Logger as Pino, pino, stdSerializers, stdTimeFunctions } from "pino";
import { RollingFile } from "./rolling-file.ts";

/** A logger, and how to end it so that the last line is on disk. */
export interface OpenLogger {
  readonly logger: Logger;
  close(): void;
}

/** Where lines go, and from which level on. */
export interface LoggerOptions {
  /** Folder for log files; empty for standard output. */
  readonly folder: string;
  readonly level: "debug" | "info" | "warn" | "error";
  /** Fields of every line. */
  readonly fields: LogFields;
  /** Size of one file in bytes, and how many are kept; 20 MB and ten unless given. */
  readonly bytesMax?: number;
  readonly filesMax?: number;
}

/** Lines that wait for a reader of standard output, in bytes; beyond that they are lost, because the node goes on. */
const WAITING_BYTES_MAX = 1024 * 1024;

interface Output {
  write(line: string): void;
  close(): void;
}

/**
 * Lines of JSON on standard output, or into files under a folder. A place that cannot be written any more is told once on
 * standard error and stops nobody.
 * @throws DisterError `DISTER_ERR_CONFIG` when the folder cannot be used.
 */
export function openLogger(options: LoggerOptions): OpenLogger {
  const output = options.folder === "" ? standardOutput() : logFiles(options);
  const root = pino(
    {
      level: options.level,
      base: options.fields,
      serializers: { error: stdSerializers.err },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    output,
  );
  return { logger: adapt(root), close: () => output.close() };
}

function tell(text: string): void {
  process.stderr.write(`disterd: ${text}\n`);
}

function standardOutput(): Output {
  const stream = destination({ dest: 1, sync: true, maxLength: WAITING_BYTES_MAX });
  let told = false;
  stream.on("error", (error: Error) => {
    if (!told) tell(`log lines cannot be written to standard output and are lost: ${error.message}`);
    told = true;
  });
  return { write: (line) => void stream.write(line), close: () => {} };
}

function logFiles({ folder, bytesMax = 20_000_000, filesMax = 10 }: LoggerOptions): Output {
  try {
    return new RollingFile({ folder, name: "disterd", bytesMax, filesMax }, { tell, nowMs: () => performance.now() });
  } catch (cause) {
    const allowed = `a folder that can be written: ${(cause as Error).message}`;
    throw new DisterError("DISTER_ERR_CONFIG", { key: "LogPath", got: folder, allowed }, { cause });
  }
}

function adapt(log: Pino): Logger {
  return {
    debug: (message, fields) => log.debug(fields ?? {}, message),
    info: (message, fields) => log.info(fields ?? {}, message),
    warn: (message, fields) => log.warn(fields ?? {}, message),
    error: (message, fields) => log.error(fields ?? {}, message),
    child: (fields) => adapt(log.child(fields)),
  };
}
