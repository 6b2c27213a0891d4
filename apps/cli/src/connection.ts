import { type Client, createClient, type WriteOptions } from "@dister/client";
import { DEFAULT_PORTS } from "@dister/types";
import { InvalidArgumentError } from "commander";
import { listOf } from "./arguments.ts";
import type { Io } from "./io.ts";

/** Options that every command takes. */
export interface GlobalOptions {
  readonly json?: boolean;
  readonly api?: readonly string[];
  readonly timeout?: number;
  readonly requestId?: string;
}

/** Where a command goes, and how. */
export interface Connection {
  readonly client: Client;
  readonly write: WriteOptions;
}

/** Rounds over all addresses: enough for a node that restarts, short enough to say soon that there is none. */
const ROUNDS = 4;

/**
 * Addresses to ask: of `--api`, else of the environment, else the local node's.
 * @throws CommanderError when the environment's is none.
 */
export function urlsOf(options: GlobalOptions, io: Io): readonly string[] {
  if (options.api !== undefined) return options.api;
  const text = io.env["DISTER_URL"] ?? "";
  if (text === "") return [`http://127.0.0.1:${DEFAULT_PORTS.api}`];
  try {
    return readApi(text);
  } catch (error) {
    throw new InvalidArgumentError(`environment variable DISTER_URL: ${(error as Error).message}`);
  }
}

export function connect(options: GlobalOptions, urls: readonly string[]): Connection {
  const { timeout, requestId } = options;
  const client = createClient({
    urls,
    retries: ROUNDS * urls.length - 1,
    ...(timeout === undefined ? {} : { timeoutMs: timeout }),
  });
  return { client, write: requestId === undefined ? {} : { requestId } };
}

/** Reads one `--api`, which may come several times and may hold several addresses. */
export function readApi(text: string, before: readonly string[] = []): readonly string[] {
  const urls = listOf(text).map(withScheme);
  if (urls.length === 0) throw new InvalidArgumentError("An address is needed, for example http://127.0.0.1:4168.");
  try {
    createClient({ urls });
  } catch {
    throw new InvalidArgumentError("An http or https address without user, query and fragment is needed.");
  }
  return [...before, ...urls];
}

function withScheme(address: string): string {
  return address.includes("://") ? address : `http://${address}`;
}
