import type { LogFields, Logger } from "@dister/types";

/** Keeps log lines, for tests. */
export class LogLines {
  readonly all: [level: string, message: string, fields: LogFields][] = [];
  readonly logger: Logger;

  constructor() {
    const at =
      (level: string) =>
      (message: string, fields: LogFields = {}): void => {
        this.all.push([level, message, fields]);
      };
    const logger: Logger = {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      child: () => logger,
    };
    this.logger = logger;
  }

  get messages(): string[] {
    return this.all.map(([, message]) => message);
  }
}
