/** The command line of dister, to be run inside another program or a test. */
export { EXIT, type ExitCode } from "./exit-code.ts";
export type { Io } from "./io.ts";
export { type RunOptions, run } from "./run.ts";
