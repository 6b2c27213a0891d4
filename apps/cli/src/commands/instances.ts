import type { Client, ModeResult, WriteOptions } from "@dister/client";
import type { InstanceMode } from "@dister/types";
import { EXIT } from "../exit-code.ts";
import { done, type Reply } from "../output.ts";
import { printable } from "../table.ts";
import { servicesIn } from "./services.ts";

/** Registers the instances that a file holds; the others of these services stay. */
export async function addInstances(client: Client, path: string | undefined, options: WriteOptions): Promise<Reply> {
  return done(await client.services.registerInstances(await servicesIn(path), options));
}

export async function removeInstances(
  client: Client,
  { name, ids }: { readonly name: string; readonly ids: readonly string[] },
  options: WriteOptions,
): Promise<Reply> {
  const wanted = [...new Set(ids)].map((id) => ({ name, id }));
  const result = await client.services.removeInstances(wanted, options);
  if (result.changed === wanted.length) return done(result);
  return { data: result, text: `ok, ${result.changed} of ${wanted.length} were there` };
}

/** The wish of an operator for one instance. */
export interface ModeWish {
  readonly name: string;
  readonly id: string;
  readonly mode: InstanceMode;
  /** Milliseconds to wait until everybody was told. */
  readonly waitMs: number;
}

/** Takes an instance out of use or back into it. Ends with an exit code of its own when somebody was not told in time. */
export async function setMode(client: Client, wish: ModeWish, options: WriteOptions): Promise<Reply> {
  const { name, id, mode, waitMs } = wish;
  const result = await client.services.setMode({ name, id, mode }, { ...options, waitMs });
  const waiting = result.watchers?.waiting ?? [];
  return {
    data: result,
    text: printable(modeText(wish, result)),
    ...(waiting.length === 0 ? {} : { exitCode: EXIT.notTold }),
  };
}

const MODE_WORDS: Readonly<Record<InstanceMode, string>> = {
  active: "in use again, as far as its checks let it",
  draining: "draining",
  maintenance: "in maintenance",
};

function modeText({ name, id, mode, waitMs }: ModeWish, { changed, watchers }: ModeResult): string {
  const fact = `ok, ${id} of ${name} ${changed === 0 ? "was already" : "is"} ${MODE_WORDS[mode]}`;
  if (watchers === undefined) return fact;
  const { told, waiting } = watchers;
  const knows = told === 1 ? "1 node knows it" : `${told} nodes know it`;
  if (waiting.length === 0) return `${fact}; ${knows}, nobody is missing`;
  return `${fact}; ${knows}, not told within ${waitMs} ms: ${waiting.join(", ")}`;
}
