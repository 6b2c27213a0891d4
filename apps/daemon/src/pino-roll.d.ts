// The package ships no types; this is the part of it that we use.
declare module "pino-roll" {
  import type { DestinationStream } from "pino";

  interface RollOptions {
    readonly file: string;
    readonly extension?: string;
    /** For example `20m`. */
    readonly size?: string;
    readonly limit?: { readonly count: number };
    readonly mkdir?: boolean;
    readonly sync?: boolean;
  }
  export default function roll(options: RollOptions): Promise<DestinationStream>;
}
