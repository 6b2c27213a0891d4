import { DisterError } from "@dister/types";
import { CONFIG_FLAGS } from "./config.ts";
import { nearest } from "./nearest.ts";

/** What the command line of `disterd` says. */
export interface Flags {
  readonly cfg?: string;
  readonly help: boolean;
  readonly version: boolean;
  /** Configuration keys, lower-case, with their text. */
  readonly config: ReadonlyMap<string, string>;
}

/**
 * Reads `--Key=value` and `--Key value`, keys without regard to case, as the original took them.
 * @throws DisterError `DISTER_ERR_CONFIG` for a flag that does not exist or lacks its value.
 */
export function parseFlags(argv: readonly string[]): Flags {
  const config = new Map<string, string>();
  let [help, version] = [false, false];
  let cfg: string | undefined;
  for (let at = 0; at < argv.length; at++) {
    const [, name, inline] = /^--?([\w-]+)(?:=([\s\S]*))?$/.exec(argv[at]!) ?? [];
    if (name === undefined) throw refuse(argv[at]!, "a word that is no flag", "--key=value");
    const key = name.toLowerCase().replaceAll("-", "");
    if (key === "help" || key === "h") help = true;
    else if (key === "version" || key === "v") version = true;
    else if (key !== "cfg" && !CONFIG_FLAGS.includes(key)) {
      const close = nearest(key, ["cfg", ...CONFIG_FLAGS]);
      throw refuse(`--${name}`, "a flag that does not exist", close === undefined ? "disterd --help" : `--${close}`);
    } else {
      const value = inline ?? argv[++at];
      if (value === undefined) throw refuse(`--${name}`, "nothing", "a value");
      if (key === "cfg") cfg = value;
      else config.set(key, value);
    }
  }
  return { ...(cfg === undefined ? {} : { cfg }), help, version, config };
}

function refuse(key: string, got: string, allowed: string): DisterError {
  return new DisterError("DISTER_ERR_CONFIG", { key, got, allowed });
}
