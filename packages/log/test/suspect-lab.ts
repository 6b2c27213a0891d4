import { LogLab } from "./log-lab.ts";
import { entriesOf } from "./log-model.ts";

export const HARD = { term: 2, vote: "00000000000000AB", commit: 5 };
export const RECORD_BYTES = 64 + 40;

/** A closed log: entries 1 to `last`, ten in a file, in batches of three. */
export async function logOf(last: number): Promise<LogLab> {
  const lab = new LogLab();
  await lab.with(async (log) => {
    await log.append({ entries: entriesOf(1, 5, 1), hardState: HARD });
    for (let index = 6; index <= last; index += 3) {
      await log.append({ entries: entriesOf(index, Math.min(last, index + 2), 2) });
    }
  });
  return lab;
}

export function wanted(from: number, to: number): unknown {
  return [...entriesOf(1, 5, 1), ...entriesOf(6, 40, 2)].slice(from - 1, to);
}

/** Ends a file early, durably, as damage. */
export function truncate(lab: LogLab, size: number, baseIndex?: number): void {
  const file = lab.fileSystem.open(lab.path(baseIndex), "write");
  file.truncate(size);
  file.datasyncNow();
  file.close();
}

export const names = (lab: LogLab): string[] => lab.fileSystem.list("/log").map((name) => name.replace(/^0+/, ""));
