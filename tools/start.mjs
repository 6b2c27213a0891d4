// Installs and builds what is missing, then runs a cluster of three nodes on this machine: `npm start`.
import { run, toolEnvironment } from "./toolchain.mjs";

const env = toolEnvironment();
const built = await run("pnpm", ["run", "--silent", "build"], env);
// Nothing stands between the terminal and the cluster, so that Ctrl-C is its own to answer.
process.exitCode =
  built === 0 ? await run("node", ["apps/cli/bin/dister.js", "up", ...process.argv.slice(2)], env) : built;
