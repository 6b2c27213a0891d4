import { type ChildProcess, spawn } from "node:child_process";
import { isAbsolute } from "node:path";
import { type Finish, type ProbeComponents, type ProbeOptions, type ProbeResult, reasonOf, runProbe } from "./probe.ts";

/** Which executables `custom` checks may run: none, or those of a list, by absolute path, exactly as it is written. */
export type CustomChecks = "off" | readonly string[];

export interface CustomProbeOptions extends ProbeOptions {
  /** The executable and its arguments: words separated by blanks, or a JSON list of texts. No shell sees it. */
  readonly script: string;
  readonly allowed: CustomChecks;
}

/** Characters that a script may print; it is to print one. */
export const SCRIPT_OUTPUT_CHARS_MAX = 1_024;

/** All that a script finds in its environment: nothing of the process that runs it. */
const ENVIRONMENT = Object.freeze({ PATH: "/usr/local/bin:/usr/bin:/bin", LANG: "C.UTF-8" });

/**
 * Runs an executable of the allow-list: ok when it prints `1` and nothing else but white space; its exit code means
 * nothing. It runs as the user of this process, in `/`, without input. When it ends, or its time is over, whatever is left
 * of its process group is killed.
 */
export function customProbe(options: CustomProbeOptions, components: ProbeComponents = {}): Promise<ProbeResult> {
  return runProbe(options, components, (finish) => {
    const argv = argvOf(options.script);
    const refused = argv === undefined ? "script: no list of words" : whyNotAllowed(argv[0], options.allowed);
    if (argv === undefined || refused !== undefined) {
      finish(false, refused ?? "");
      return () => {};
    }
    const child: ChildProcess = spawn(argv[0]!, argv.slice(1), {
      cwd: "/",
      env: ENVIRONMENT,
      shell: false,
      detached: true,
      stdio: ["ignore", "pipe", "ignore"],
    });
    let exited = false;
    child.on("exit", () => {
      exited = true;
      // At once: later the number of the group may be another's. What was printed is read all the same.
      killGroup(child);
    });
    judge(child, finish);
    return () => {
      if (!exited) killGroup(child);
      // Who has left the group may hold the other end, and print on and on.
      child.stdout?.destroy();
    };
  });
}

/** The words of a script: a JSON list where it begins like one, else what stands between blanks. */
export function argvOf(script: string): string[] | undefined {
  if (!script.trimStart().startsWith("[")) return script.split(/[ \t]+/).filter((word) => word !== "");
  try {
    const read: unknown = JSON.parse(script);
    return Array.isArray(read) && read.every((word) => typeof word === "string") ? read : undefined;
  } catch {
    return undefined;
  }
}

function whyNotAllowed(executable: string | undefined, allowed: CustomChecks): string | undefined {
  if (allowed === "off") return "custom checks are off on the node that checks";
  if (executable === undefined) return "script: empty";
  const listed = isAbsolute(executable) && allowed.includes(executable);
  return listed ? undefined : "the executable is not in Checks.custom of the node that checks";
}

function judge(child: ChildProcess, finish: Finish): void {
  let output = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    output += chunk.toString("latin1");
    if (output.length > SCRIPT_OUTPUT_CHARS_MAX) finish(false, `printed more than ${SCRIPT_OUTPUT_CHARS_MAX} bytes`);
  });
  child.on("error", (error) => finish(false, reasonOf({ code: (error as { code?: unknown }).code })));
  child.on("close", (code, signal) => {
    if (output.trim() === "1") return finish(true, "printed 1");
    finish(false, `did not print 1 and ended with ${signal ?? `exit code ${code}`}`);
  });
}

/** The group has the number of its first process; it is there while one of its processes is. */
function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // All of them are gone.
  }
}
