import { basename, relative } from "node:path";
import type { Io } from "./io.ts";
import { run } from "./run.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** How to call this program again. */
function commandOf(script: string): string {
  if (script.includes("/_npx/") || script.includes("\\_npx\\")) return "npx dister";
  if (basename(script) === "dister") return "dister";
  const path = relative(process.cwd(), script);
  return `node ${path.startsWith("..") ? script : path}`;
}

const io: Io = {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  command: commandOf(process.argv[1] ?? "dister"),
  onSignal(listener) {
    for (const signal of SIGNALS) process.on(signal, listener);
    return () => {
      for (const signal of SIGNALS) process.off(signal, listener);
    };
  },
};

// The reader went away, as `head` does: there is nobody left to tell, and nothing wrong.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

process.exitCode = await run(process.argv.slice(2), io);
