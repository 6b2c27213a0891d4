// Runs pnpm with whatever this machine lacks: `node tools/pnpm.mjs run check`.
import { run, toolEnvironment } from "./toolchain.mjs";

process.exitCode = await run("pnpm", process.argv.slice(2), toolEnvironment());
