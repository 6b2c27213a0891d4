import type { Connection } from "./connection.ts";
import type { Reply } from "./output.ts";
import type { UpOptions } from "./up/up.ts";
import type { View } from "./view.ts";

/** What the commands need of the run that they belong to. */
export interface Session {
  /** Asks a node what changes nothing, and shows what it answers. */
  ask(work: (connection: Connection) => Promise<Reply>): Promise<void>;
  /** Asks a node for a change, and shows what it answers. */
  change(work: (connection: Connection) => Promise<Reply>): Promise<void>;
  /** Asks a node again and again and shows what changes, until it is to stop. */
  watch(look: (connection: Connection, signal: AbortSignal) => Promise<View>): Promise<void>;
  /** Runs a whole cluster until it is to stop. */
  up(options: UpOptions): Promise<void>;
  /** Runs a command of `disterd` on a stopped node or a file. */
  daemon(args: readonly string[]): Promise<void>;
  show(reply: Reply): void;
}
