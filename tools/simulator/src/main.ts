import { runFoundings } from "./cli/founding.ts";
import { runMany } from "./cli/many-seeds.ts";
import { runMutations } from "./cli/mutations.ts";
import { runOne } from "./cli/one-seed.ts";
import { readOptions, USAGE } from "./cli/options.ts";

async function main(): Promise<boolean> {
  const options = readOptions(process.argv.slice(2).filter((arg) => arg !== "--"));
  if (options.command === "help") {
    console.log(USAGE);
    return true;
  }
  if (options.command === "one") return runOne(options);
  if (options.command === "mutations") return runMutations(options.names);
  if (options.command === "founding") return runFoundings(options);
  return runMany(options);
}

try {
  if (!(await main())) process.exitCode = 1;
} catch (error) {
  const { message } = error as Error;
  console.error(message.includes(USAGE) ? message : `${message}\n${USAGE}`);
  process.exitCode = 2;
}
