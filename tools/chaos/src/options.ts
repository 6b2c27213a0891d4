import { parseArgs } from "node:util";
import { NEMESES } from "./nemesis/nemeses.ts";
import type { NetworkKind } from "./network/peer-network.ts";

/** What a run is asked for. */
export interface Options {
  readonly minutes: number;
  /** Sizes of the clusters, one after the other. */
  readonly nodes: readonly number[];
  readonly seed: number;
  /** Names of the nemeses that may come. */
  readonly nemeses: readonly string[];
  readonly network: NetworkKind;
  /** Where the run's folder is made; undefined: the system's folder for temporary files. */
  readonly folder: string | undefined;
  /** Keeps logs and data of a run without a violation too. */
  readonly keep: boolean;
}

export const USAGE = `pnpm chaos [--minutes 10] [--nodes 3,5] [--seed N] [--nemesis ${[...NEMESES.keys()].join(",")}] [--network proxy|namespaces] [--folder PATH] [--keep]`;

/** @throws Error with one line for people. */
export function optionsOf(argv: readonly string[], randomSeed: () => number): Options {
  const { values } = parseArgs({
    // The package manager hands on the dashes that separate its own options.
    args: argv.filter((arg) => arg !== "--"),
    options: {
      minutes: { type: "string", default: "10" },
      nodes: { type: "string", default: "3,5" },
      seed: { type: "string" },
      nemesis: { type: "string" },
      network: { type: "string", default: "proxy" },
      folder: { type: "string" },
      keep: { type: "boolean", default: false },
    },
  });
  const nemeses = values.nemesis === undefined ? [...NEMESES.keys()] : values.nemesis.split(",");
  const unknown = nemeses.find((name) => !NEMESES.has(name));
  if (unknown !== undefined)
    throw new Error(`no nemesis is called ${unknown}; there are ${[...NEMESES.keys()].join(", ")}`);
  return {
    minutes: numberOf("minutes", values.minutes, { low: 0.1, high: 10_000 }),
    nodes: values.nodes.split(",").map((text) => wholeOf("nodes", text, { low: 1, high: 9 })),
    seed: values.seed === undefined ? randomSeed() : wholeOf("seed", values.seed, { low: 0, high: 2 ** 31 - 1 }),
    nemeses,
    network: networkOf(values.network),
    folder: values.folder,
    keep: values.keep,
  };
}

function networkOf(text: string): NetworkKind {
  if (text === "proxy" || text === "namespaces") return text;
  throw new Error(`--network: got ${JSON.stringify(text)}, allowed is proxy or namespaces`);
}

interface Range {
  readonly low: number;
  readonly high: number;
}

function numberOf(name: string, text: string, { low, high }: Range): number {
  const value = Number(text);
  if (text !== "" && value >= low && value <= high) return value;
  throw new Error(`--${name}: got ${JSON.stringify(text)}, allowed is ${low} to ${high}`);
}

function wholeOf(name: string, text: string, range: Range): number {
  const value = numberOf(name, text, range);
  if (Number.isInteger(value)) return value;
  throw new Error(`--${name}: got ${text}, allowed is a whole number`);
}
