import { hunt } from "../mutations/hunt.ts";
import { MUTATIONS } from "../mutations/list.ts";

/** Plants bugs one after the other; true when each was found within its seeds. */
export async function runMutations(names: readonly string[]): Promise<boolean> {
  const unknown = names.filter((name) => MUTATIONS.every((mutation) => mutation.name !== name));
  if (unknown.length > 0) throw new Error(`there is no mutation ${unknown.join(", ")}`);
  const chosen = MUTATIONS.filter(({ name }) => names.length === 0 || names.includes(name));
  let missed = 0;
  console.log("| mutation | bug | found at seed | of | by |\n| --- | --- | --- | --- | --- |");
  for (const mutation of chosen) {
    const { isCaught, seeds, rule, message, seconds } = await hunt(mutation);
    if (!isCaught) missed++;
    const found = isCaught ? String(seeds) : "not found";
    console.log(`| ${mutation.name} | ${mutation.bug} | ${found} | ${mutation.seedsMax} | ${rule} |`);
    if (names.length > 0) console.log(`${seconds.toFixed(1)} s: ${message}`);
  }
  console.log(`${chosen.length - missed} of ${chosen.length} found`);
  return missed === 0;
}
