import { CONFIG_DEFAULTS, ConfigSchema } from "@dister/types/schemas";

/** What `disterd --help` prints: every key with its default and meaning, from the schema itself. */
export function helpText(): string {
  const lines = [
    "disterd runs one node of a dister cluster.",
    "",
    "Usage: disterd [--cfg FILE] [--Key=value …]",
    "",
    "       disterd COMMAND [flags] [--cfg FILE] [--Key=value …]      on a node that does not run",
    "",
    "  restore --from FILE [--other-group]   make a data folder, of a new cluster of one node, of a backup",
    "  inspect --from FILE                   check a backup and say what it holds",
    "  recover [--yes] [--accept-damage]     make a survivor of a lost majority a cluster of its own",
    "  reset [--yes] [--delete]              put the data folder aside, so that the node begins anew",
    "",
    "  --cfg FILE     configuration, JSON with comments (default: dister.json, if it is there)",
    "  --help         this text",
    "  --version      the version",
    "",
    "Keys, in the file, as flags (--MinNode=3, --RaftPort=4166) or in the environment (DISTER_MINNODE, DISTER_PORTS_RAFT):",
    "",
  ];
  for (const [key, field] of Object.entries(ConfigSchema.shape)) {
    const fallback = JSON.stringify(CONFIG_DEFAULTS[key as keyof typeof CONFIG_DEFAULTS]);
    lines.push(`  ${key.padEnd(10)} ${field.description ?? ""}`.trimEnd(), `${" ".repeat(13)}default ${fallback}`);
  }
  return `${lines.join("\n")}\n`;
}
