import { mkdirSync } from "node:fs";
import type { LogFields, Logger } from "@dister/types";
import { type DestinationStream, destination, type Logger as Pino, pino, stdSerializers, stdTimeFunctions } from "pino";
import roll from "pino-roll";

/** A logger, and how to end it so that the last line is on disk. */
export interface OpenLogger {
  readonly logger: Logger;
  close(): Promise<void>;
}

type Stream = DestinationStream & { end(): void; once(event: "close" | "error", listener: () => void): unknown };

/** Lines of JSON on standard output, or into files of at most 20 MB under `folder`, of which ten are kept. */
export async function openLogger(folder: string, level: string, fields: LogFields): Promise<OpenLogger> {
  const stream = folder === "" ? destination({ dest: 1, sync: true }) : await openFile(folder);
  const options = {
    level,
    base: fields,
    serializers: { error: stdSerializers.err },
    timestamp: stdTimeFunctions.isoTime,
  };
  const root = pino({ ...options, formatters: { level: (label) => ({ level: label }) } }, stream);
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      if (folder === "") return resolve();
      (stream as Stream).once("close", resolve);
      (stream as Stream).end();
    });
  return { logger: adapt(root), close };
}

async function openFile(folder: string): Promise<DestinationStream> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return roll({
    file: `${folder}/disterd`,
    extension: ".log",
    size: "20m",
    limit: { count: 10 },
    mkdir: true,
    sync: true,
  });
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
