// Runs pnpm with whatever this machine lacks: `npm start` and `npm test` come through here, so that a machine with only
// git, an older Node.js and npm needs nothing installed by hand, and one that has Node.js and pnpm downloads neither.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

const NODE_VERSION = "24.21.0";
const { devEngines } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const shell = process.platform === "win32";
const [major, minor] = process.versions.node.split(".").map(Number);
const nodeFits = (major === 22 && minor >= 19) || (major === 24 && minor >= 11) || major >= 26;
const extra = [];
if (!nodeFits) {
  if (process.platform !== "linux") {
    console.error(`dister needs Node.js 22.19, 24.11 or 26 and newer; this is ${process.version}.`);
    process.exit(1);
  }
  extra.push(`node-linux-${process.arch}@${NODE_VERSION}`); // a Node.js binary as an npm package, without an install script
}
const probe = spawnSync("pnpm", ["--version"], { shell, encoding: "utf8" });
if (probe.status !== 0 || Number.parseInt(probe.stdout, 10) < 10)
  extra.push(`pnpm@${devEngines.packageManager.version}`);

const pnpm = ["pnpm", ...process.argv.slice(2)];
const [command, ...args] =
  extra.length === 0 ? pnpm : ["npx", "--yes", ...extra.map((name) => `--package=${name}`), "--", ...pnpm];
// Ctrl-C reaches the whole process group: the children end by themselves, and this one must outlive them to report how.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => {});
const env = { ...process.env, TURBO_TELEMETRY_DISABLED: "1" };
const { status, signal, error } = spawnSync(command, args, { shell, stdio: "inherit", env });
if (error) console.error(error.message);
process.exitCode = status ?? (signal === "SIGINT" ? 130 : 1);
