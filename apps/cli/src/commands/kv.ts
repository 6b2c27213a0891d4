import type { Client, KvPair, WriteOptions } from "@dister/client";
import { DisterError } from "@dister/types";
import { done, type Reply } from "../output.ts";
import { firstCharacters, tableOf } from "../table.ts";

/** A value is cut here in a list, as the original did. */
const SHOWN_CHARACTERS = 100;

export async function getValue(client: Client, key: string): Promise<Reply> {
  const value = await client.kv.get(key);
  if (value === undefined) throw new DisterError("DISTER_ERR_KEY_NOT_FOUND");
  return { data: value, text: value };
}

export async function setValue(client: Client, pair: KvPair, options: WriteOptions): Promise<Reply> {
  return done(await client.kv.set(pair.key, pair.value, options));
}

export async function deleteKeys(client: Client, keys: readonly string[], options: WriteOptions): Promise<Reply> {
  return done(await client.kv.delete(keys, options));
}

/** All pairs as one object, as `GET /kv` answers; refused by the node above a thousand of them. */
export async function allPairs(client: Client): Promise<Reply> {
  const pairs = [...(await client.kv.all())].map(([key, value]) => ({ key, value }));
  return { data: Object.fromEntries(pairs.map(({ key, value }) => [key, value])), text: textOf(pairs) };
}

/** All pairs whose key begins so, however many, page by page: each page is of one moment, the whole need not be. */
export async function listPairs(client: Client, prefix: string): Promise<Reply> {
  const pairs: KvPair[] = [];
  let after: string | null = "";
  while (after !== null) {
    const page: Awaited<ReturnType<Client["kv"]["getMany"]>> = await client.kv.getMany({ prefix, after });
    pairs.push(...page.items);
    after = page.next;
  }
  return { data: pairs, text: textOf(pairs) };
}

function textOf(pairs: readonly KvPair[]): string {
  if (pairs.length === 0) return "it's empty";
  const rows = pairs.map(({ key, value }) => [key, firstCharacters(value, SHOWN_CHARACTERS)]);
  return tableOf([{ title: "K" }, { title: "V" }], rows, " : ");
}
