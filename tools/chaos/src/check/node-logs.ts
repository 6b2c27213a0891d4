import { existsSync, readFileSync } from "node:fs";

/** What the log of a node says in one line. */
interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly self?: boolean;
  readonly term?: number;
  readonly error?: unknown;
}

/** What matters in the logs of all nodes. */
export interface LogFindings {
  /** Which nodes led in a term, by name. */
  readonly leaders: ReadonlyMap<number, ReadonlySet<string>>;
  /** Lines that say that something is impossible. */
  readonly alarms: readonly string[];
  /** How often each message was logged as an error. */
  readonly errors: ReadonlyMap<string, number>;
}

/** Words that no log of a sound system has. */
const ALARM = /invariant|assert|unhandled|DISTER_ERR_INTERNAL/i;

/** Reads the logs as they are now. */
export function readNodeLogs(nodes: readonly { readonly name: string; readonly logPath: string }[]): LogFindings {
  const leaders = new Map<number, Set<string>>();
  const alarms: string[] = [];
  const errors = new Map<string, number>();
  for (const { name, logPath } of nodes) {
    if (!existsSync(logPath)) continue;
    for (const text of readFileSync(logPath, "utf8").split("\n")) {
      const line = parse(text);
      if (ALARM.test(text)) alarms.push(`${name}: ${text.slice(0, 1_000)}`);
      if (line === undefined) continue;
      if (line.level === "error") errors.set(line.msg, (errors.get(line.msg) ?? 0) + 1);
      if (line.msg !== "leader elected" || line.self !== true || line.term === undefined) continue;
      leaders.set(line.term, (leaders.get(line.term) ?? new Set()).add(name));
    }
  }
  return { leaders, alarms, errors };
}

/** What the logs prove to be wrong. */
export function logViolations({ leaders, alarms }: LogFindings): string[] {
  const doubled = [...leaders].filter(([, names]) => names.size > 1);
  return [...doubled.map(([term, names]) => `term ${term} has the leaders ${[...names].join(" and ")}`), ...alarms];
}

/** A line that was cut off by a kill is no JSON, and says nothing. */
function parse(text: string): LogLine | undefined {
  try {
    return text === "" ? undefined : (JSON.parse(text) as LogLine);
  } catch {
    return undefined;
  }
}
