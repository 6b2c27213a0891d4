import { DisterError } from "@dister/types";

/** What can be done with the data folder of a node that does not run, or with a backup. */
export const OFFLINE_COMMANDS = ["restore", "inspect", "recover", "reset"] as const;
export type OfflineCommand = (typeof OFFLINE_COMMANDS)[number];

/** Flags of each command; the value says whether one follows. All other flags are those of the configuration. */
const OWN_FLAGS: Readonly<Record<OfflineCommand, Readonly<Record<string, "text" | "switch">>>> = {
  restore: { from: "text", othergroup: "switch", json: "switch" },
  inspect: { from: "text", json: "switch" },
  recover: { yes: "switch", acceptdamage: "switch", json: "switch" },
  reset: { yes: "switch", delete: "switch", json: "switch" },
};

export interface OfflineCommandLine {
  readonly command: OfflineCommand;
  /** Switches that were set. */
  readonly switches: ReadonlySet<string>;
  readonly from: string | undefined;
  /** The rest: flags of the configuration. */
  readonly rest: readonly string[];
}

/**
 * Reads a command line that begins with a command; undefined when it begins with a flag or not at all.
 * @throws DisterError `DISTER_ERR_CONFIG` for a word that is no command.
 */
export function offlineCommandLine(argv: readonly string[]): OfflineCommandLine | undefined {
  const [first, ...words] = argv;
  if (first === undefined || first.startsWith("-")) return undefined;
  const command = OFFLINE_COMMANDS.find((one) => one === first);
  if (command === undefined) {
    const allowed = `a flag, or one of ${OFFLINE_COMMANDS.join(", ")}`;
    throw new DisterError("DISTER_ERR_CONFIG", { key: first, got: "a word that is no command", allowed });
  }
  const switches = new Set<string>();
  let from: string | undefined;
  const rest: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const [, name = "", inline] = /^--?([\w-]+)(?:=([\s\S]*))?$/.exec(words[at]!) ?? [];
    const key = name.toLowerCase().replaceAll("-", "");
    const kind = Object.hasOwn(OWN_FLAGS[command], key) ? OWN_FLAGS[command][key] : undefined;
    if (kind === undefined) rest.push(words[at]!);
    else if (kind === "text") from = inline ?? words[++at] ?? "";
    else if (inline === undefined) switches.add(key);
    else throw new DisterError("DISTER_ERR_CONFIG", { key: `--${name}`, got: "a value", allowed: "the flag alone" });
  }
  return { command, switches, from, rest };
}
