// Finds Node.js and pnpm for this repository, or brings what is missing through npx: a machine with only git, an older
// Node.js and npm needs nothing installed by hand, and one that has both downloads neither.
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

const NODE_VERSION = "24.21.0";
const shell = process.platform === "win32";

/** True for the versions of Node.js that everything here runs on. */
function fits(version) {
  const [major, minor] = version.split(".").map(Number);
  return (major === 22 && minor >= 19) || (major === 24 && minor >= 11) || major >= 26;
}

/** The environment in which `node` and `pnpm` are the right ones. */
export function toolEnvironment() {
  const env = { ...process.env, TURBO_TELEMETRY_DISABLED: "1" };
  const { devEngines } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  const extra = [];
  if (!fits(process.versions.node)) {
    if (process.platform !== "linux") {
      console.error(`dister needs Node.js 22.19, 24.11 or 26 and newer; this is ${process.version}.`);
      process.exit(1);
    }
    extra.push(`node-linux-${process.arch}@${NODE_VERSION}`); // a Node.js binary as an npm package, without an install script
  }
  const probe = spawnSync("pnpm", ["--version"], { shell, encoding: "utf8" });
  if (probe.status !== 0 || Number.parseInt(probe.stdout, 10) < 10)
    extra.push(`pnpm@${devEngines.packageManager.version}`);
  if (extra.length === 0) return env;
  // npx puts what it brings in front of the path: asked for that once, it need not stand between us and what runs.
  const args = ["--yes", ...extra.map((name) => `--package=${name}`), "--", "node", "-p", "process.env.PATH"];
  const asked = spawnSync("npx", args, { shell, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  if (asked.status !== 0) {
    console.error(`npx could not bring ${extra.join(" and ")}.`);
    process.exit(asked.status ?? 1);
  }
  return { ...env, PATH: asked.stdout.trim().split("\n").at(-1) };
}

/** Runs a command to its end and resolves with its exit code. Ctrl-C reaches it by itself; this process outlives it. */
export function run(command, args, env) {
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => {});
  return new Promise((resolve) => {
    const child = spawn(command, args, { shell, stdio: "inherit", env });
    // A terminal signals the whole group; a supervisor only this process, so that one has to be passed on.
    process.on("SIGTERM", () => child.kill("SIGTERM"));
    child.on("error", (error) => {
      console.error(error.message);
      resolve(1);
    });
    child.on("exit", (code, signal) => resolve(code ?? (signal === "SIGINT" ? 130 : 1)));
  });
}
