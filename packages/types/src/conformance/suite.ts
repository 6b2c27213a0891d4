/** A test runner's `test` function, as Vitest, node:test and Jest have it. */
export type Check = (name: string, run: () => Promise<void>) => void;

/** A fresh subject of a suite and how to put it away. */
export interface Trial<T> {
  readonly subject: T;
  cleanup(): Promise<void>;
}

/** What a caller hands to a suite. */
export interface Suite<T> {
  readonly test: Check;
  create(): Promise<Trial<T>>;
}

/** Fails a check. */
export function expect(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** Fails a check unless both are equal as JSON. */
export function expectEqual(got: unknown, wanted: unknown, what: string): void {
  const [a, b] = [JSON.stringify(got, inOrder), JSON.stringify(wanted, inOrder)];
  if (a !== b) throw new Error(`${what}: got ${a}, wanted ${b}`);
}

/** Runs one check with a fresh subject, which is put away whatever the check came to. */
export async function withFresh<T>(suite: Suite<T>, run: (subject: T) => Promise<void> | void): Promise<void> {
  const trial = await suite.create();
  try {
    await run(trial.subject);
  } finally {
    await trial.cleanup();
  }
}

/** The order of an object's fields is nobody's promise. */
function inOrder(_field: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
