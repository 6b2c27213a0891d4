import type { Clock, LogFields, Logger } from "@dister/types";

/** So many lines of one message are written within {@link WINDOW_MS}; more tell nothing new and fill disks. */
const LINES_MAX = 20;
const WINDOW_MS = 10_000;

interface Window {
  endMs: number;
  lines: number;
  leftOut: number;
}

/**
 * A logger whose lines cannot become a flood, whatever a cluster or its visitors do: beyond 20 lines of one message in ten
 * seconds further ones are left out, and the next one that is written says how many. Lines for debugging are not counted:
 * who asks for them wants all of them.
 */
export function boundedLogger(logger: Logger, clock: Pick<Clock, "nowMs">): Logger {
  return bounded(logger, clock, new Map());
}

function bounded(logger: Logger, clock: Pick<Clock, "nowMs">, windows: Map<string, Window>): Logger {
  const at =
    (level: "info" | "warn" | "error") =>
    (message: string, fields?: LogFields): void => {
      const more = admit(windows, message, clock.nowMs());
      if (more === null) return;
      logger[level](message, Object.keys(more).length === 0 ? fields : { ...fields, ...more });
    };
  return {
    debug: (message, fields) => logger.debug(message, fields),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (fields) => bounded(logger.child(fields), clock, windows),
  };
}

/** What is to be added to a line, or null when it is to be left out. Messages are fixed texts, so their number is bounded. */
function admit(windows: Map<string, Window>, message: string, nowMs: number): LogFields | null {
  const known = windows.get(message);
  if (known === undefined || nowMs >= known.endMs) {
    windows.set(message, { endMs: nowMs + WINDOW_MS, lines: 1, leftOut: 0 });
    return known === undefined || known.leftOut === 0 ? {} : { equalLinesLeftOut: known.leftOut };
  }
  if (known.lines === LINES_MAX) {
    known.leftOut++;
    return null;
  }
  known.lines++;
  return known.lines < LINES_MAX ? {} : { equalLinesLeftOutForMs: Math.ceil(known.endMs - nowMs) };
}
