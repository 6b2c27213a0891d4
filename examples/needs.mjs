import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Where programs are looked for: servers often lie where only root's path leads. */
const PATH = [process.env.PATH ?? "", "/usr/sbin", "/usr/local/sbin"].join(delimiter);

/** The environment in which programs are started. */
export const PROGRAMS_ENV = { ...process.env, PATH };

/** Whether a program is there. */
export function isInstalled(program) {
  return PATH.split(delimiter).some((folder) => existsSync(join(folder, program)));
}

/** The programs that an example names in its line `// needs:` and that are not installed. */
export function missingPrograms(file) {
  const lines = readFileSync(file, "utf8").matchAll(/^\/\/ needs: (.*)$/gm);
  const needed = [...lines].flatMap(([, line]) => line.split(", "));
  return needed.filter((program) => !isInstalled(program));
}
