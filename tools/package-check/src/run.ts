import { execFile } from "node:child_process";

/** Runs a command to its end; rejects with everything it printed when it fails. */
export function run(command: string, args: readonly string[], folder: string): Promise<string> {
  // What pnpm and npm hand down to scripts would make the commands here behave as parts of this repository.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm|pnpm)_/i.test(name)));
  return new Promise((resolve, reject) => {
    execFile(command, args, { cwd: folder, env, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${command} ${args.join(" ")} failed:\n${stdout}\n${stderr}`, { cause: error }));
    });
  });
}
