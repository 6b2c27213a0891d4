import { parseArgs } from "node:util";

export interface SimOptions {
  readonly command: "seeds" | "one" | "mutations" | "founding" | "help";
  readonly from: number;
  readonly seeds: number;
  readonly jobs: number;
  readonly seed: number;
  readonly faults: readonly number[] | undefined;
  readonly trace: boolean;
  readonly services: boolean;
  readonly names: readonly string[];
}

export const USAGE = `pnpm sim [--seeds 1000] [--from 1] [--jobs 2]   many runs; a broken rule is shrunk and can be replayed
pnpm sim --seed N [--faults 1,4] [--trace]      one run, with all of its faults or only some
         … --services                           either, with services that are registered and checked besides
pnpm sim --mutations [NAME ...]                 plants bugs, and sees that they are found
pnpm sim --founding [--seeds 1000] [--from 1]   nodes that found a cluster, with power failures between any two steps
`;

/** @throws Error with the usage for anything that is not understood. */
export function readOptions(args: readonly string[]): SimOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      seeds: { type: "string", default: "1000" },
      from: { type: "string", default: "1" },
      jobs: { type: "string", default: "2" },
      seed: { type: "string" },
      faults: { type: "string" },
      trace: { type: "boolean", default: false },
      services: { type: "boolean", default: false },
      mutations: { type: "boolean", default: false },
      founding: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const command = commandOf(values);
  if (positionals.length > 0 && command !== "mutations")
    throw new Error(`${positionals[0]} is not understood\n${USAGE}`);
  const faults = values.faults?.split(",").filter((text) => text !== "");
  return {
    command,
    from: wholeNumber("from", values.from),
    seeds: wholeNumber("seeds", values.seeds),
    jobs: wholeNumber("jobs", values.jobs),
    seed: wholeNumber("seed", values.seed ?? "1"),
    faults: faults?.map((text) => wholeNumber("faults", text)),
    trace: values.trace,
    services: values.services,
    names: positionals,
  };
}

function commandOf(asked: {
  readonly help: boolean;
  readonly mutations: boolean;
  readonly founding: boolean;
  readonly seed?: string | undefined;
}): SimOptions["command"] {
  if (asked.help) return "help";
  if (asked.mutations) return "mutations";
  if (asked.founding) return "founding";
  return asked.seed === undefined ? "seeds" : "one";
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text.replaceAll(/[,_]/g, ""));
  if (!Number.isSafeInteger(value) || value < 0)
    throw new Error(`--${name} ${text}: a whole number is wanted\n${USAGE}`);
  return value;
}
