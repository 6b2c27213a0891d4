import { up } from "../src/up/up.ts";

/** Runs `dister up` as a process of its own, so that it can be killed. */
const [daemon, data, basePort] = process.argv.slice(2) as [string, string, string];
const io = {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  command: "dister",
  onSignal: () => () => {},
};
await up({ nodes: 2, data, basePort: Number(basePort), host: "127.0.0.1" }, { io, daemon });
