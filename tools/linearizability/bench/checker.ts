import {
  checkLinearizable,
  type Operation,
  type RegisterInput,
  type RegisterOutput,
  registerModel,
} from "../src/index.ts";

/**
 * Operations checked per second, for the small histories of a simulator and the long ones of process-level chaos. Each
 * history is made by really executing its operations on a map, so all of them are linearizable; the last line of each
 * group is the same history with one stale read near its end.
 */
type RegisterOperation = Operation<RegisterInput, RegisterOutput>;

interface Shape {
  readonly operations: number;
  readonly keys: number;
  readonly clients: number;
  readonly unknownShare: number;
}

/** A small generator of its own, so that every run measures the same histories. */
function randomOf(seed: number): () => number {
  let word = seed;
  return () => {
    word = (Math.imul(word, 1_664_525) + 1_013_904_223) >>> 0;
    return word / 2 ** 32;
  };
}

function historyOf({ operations, keys, clients, unknownShare }: Shape, seed: number): RegisterOperation[] {
  const random = randomOf(seed);
  const planned: { input: RegisterInput; client: number; invokedAt: number; actsAt: number; completedAt: number }[] =
    [];
  const freeAt = new Array<number>(clients).fill(0);
  for (let n = 0; n < operations; n++) {
    const client = n % clients;
    const key = `key ${Math.floor(random() * keys)}`;
    const dice = random();
    const input: RegisterInput =
      dice < 0.5 ? { kind: "get", key } : dice < 0.95 ? { kind: "put", key, value: `${n}` } : { kind: "delete", key };
    const invokedAt = freeAt[client]! + random();
    const actsAt = invokedAt + random() * 4;
    const completedAt = actsAt + random() * 4;
    freeAt[client] = completedAt;
    planned.push({ input, client, invokedAt, actsAt, completedAt });
  }
  const map = new Map<string, string>();
  return planned
    .sort((a, b) => a.actsAt - b.actsAt)
    .map(({ input, client, invokedAt, completedAt }) => {
      const isUnknown = random() < unknownShare;
      const happens = !isUnknown || random() < 0.5;
      if (happens && input.kind === "put") map.set(input.key, input.value);
      if (happens && input.kind === "delete") map.delete(input.key);
      const output = input.kind === "get" ? (map.get(input.key) ?? null) : null;
      return { client, input, invokedAt, completedAt, outcome: isUnknown ? "unknown" : "ok", output };
    });
}

/** The last read of a value that its key lost at least ten of its operations before gets that value. */
function spoiled(history: readonly RegisterOperation[]): RegisterOperation[] {
  const position = history.findLastIndex(({ input, outcome }) => input.kind === "get" && outcome === "ok");
  const read = history[position]!;
  const old = history.find(
    ({ input, outcome }) => input.kind === "put" && input.key === read.input.key && outcome === "ok",
  );
  const output = old?.input.kind === "put" ? old.input.value : "never";
  return history.with(position, { ...read, output });
}

function measure(name: string, histories: readonly RegisterOperation[][]): void {
  const begin = performance.now();
  const verdicts = histories.map((history) => checkLinearizable(registerModel, history).verdict);
  const tookMs = performance.now() - begin;
  const count = histories.reduce((sum, history) => sum + history.length, 0);
  const perHistory = `${(tookMs / histories.length).toFixed(3)} ms each`;
  const rate = `${Math.round((count / tookMs) * 1_000).toLocaleString("en")} operations/s`;
  console.log(
    `${name.padEnd(58)} ${rate.padStart(24)} ${perHistory.padStart(18)}  ${[...new Set(verdicts)].join(", ")}`,
  );
}

function group(name: string, shape: Shape, histories: number): void {
  const good = Array.from({ length: histories }, (_, seed) => historyOf(shape, seed + 1));
  measure(name, good);
  measure(`${name}, one stale read`, good.map(spoiled));
}

const only = process.argv[2];
const GROUPS: readonly [name: string, shape: Shape, histories: number][] = [
  ["100 operations, 4 keys, 5 clients", { operations: 100, keys: 4, clients: 5, unknownShare: 0.05 }, 2_000],
  ["200,000 operations, 20 keys, 10 clients", { operations: 200_000, keys: 20, clients: 10, unknownShare: 0.01 }, 1],
  ["200,000 operations, 1 key, 5 clients", { operations: 200_000, keys: 1, clients: 5, unknownShare: 0.01 }, 1],
  ["200,000 operations, 1 key, 10 clients", { operations: 200_000, keys: 1, clients: 10, unknownShare: 0.01 }, 1],
  [
    "200,000 operations, 5 keys, 20 clients, many unknown",
    { operations: 200_000, keys: 5, clients: 20, unknownShare: 0.2 },
    1,
  ],
];
for (const [name, shape, histories] of GROUPS)
  if (only === undefined || name.includes(only)) group(name, shape, histories);
