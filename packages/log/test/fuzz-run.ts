import { SeededRng } from "@dister/types/testing";
import { type Damage, damagedBy, drawDamage, SECTOR_BYTES } from "./fuzz-damage.ts";
import { Dice, type Image } from "./fuzz-disk.ts";
import { type History, historyOf } from "./fuzz-history.ts";
import { judge } from "./fuzz-oracle.ts";

/** What runs came to, and what was wrong. */
export interface FuzzResult {
  readonly outcomes: Map<string, number>;
  readonly problems: { readonly seed: number; readonly place: number; readonly text: string }[];
}

/** Judges histories of a range of seeds, each without damage and with single damages of so many places. */
export async function fuzz(seeds: Iterable<number>, places: number, result: FuzzResult): Promise<void> {
  for (const seed of seeds) {
    const life = await historyOf(seed);
    // Of every eighth the first sector of the newest file's items has turned to zeros as well: the records still show all.
    const history = seed % 8 === 0 ? { ...life, image: withoutItems(life.image) } : life;
    const dice = new Dice(new SeededRng(seed ^ 0x5bd1e995));
    for (let place = 0; place <= places; place++) {
      const damage = place === 0 ? undefined : drawDamage(dice, history.image);
      const isLive = damage !== undefined && dice.chance(0.25);
      const judged = await judge(history, damage, isLive);
      const name = "problem" in judged ? "PROBLEM" : judged.outcome;
      const key = damage === undefined ? `undamaged, ${name}` : name;
      result.outcomes.set(key, (result.outcomes.get(key) ?? 0) + 1);
      const isFirst = result.problems.at(-1)?.seed !== seed;
      if (!("problem" in judged) || !isFirst) continue;
      const text = `${isLive ? "live " : ""}${textOf(history, damage, judged.problem)}`;
      result.problems.push({ seed, place, text });
    }
  }
}

function textOf(history: History, damage: Damage | undefined, problem: string): string {
  return `${damage?.text ?? "no damage"}: ${problem}\n  ${history.steps.join("\n  ")}`;
}

function withoutItems(image: Image): Image {
  const names = [...image.keys()].filter((name) => name.endsWith(".dlog"));
  const name = names.toSorted((a, b) => (a < b ? -1 : 1)).at(-1)!;
  return damagedBy(image, { name, offset: 0, bytes: new Uint8Array(SECTOR_BYTES), text: "" });
}
