/** Facts of a log line; no secret and no value of a key ever goes in. */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * Where log lines go. One line per event worth knowing; the message is a fixed text, what varies is in the fields.
 *
 * Duties:
 * 1. Never throws and never blocks.
 * 2. `child` adds its fields to every line.
 */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  child(fields: LogFields): Logger;
}

const nothing = (): void => {};

/** A logger that keeps nothing. */
export const NO_LOGGER: Logger = Object.freeze({
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => NO_LOGGER,
});
