import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { UNSAFE } from "./cluster.ts";
import { parseTranscript, play, SCRIPT_ERROR } from "./transcript.ts";

const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith(".txt"));

/** Writes what came out of this one transcript beside it, as `.actual`, for a person to read. */
const SHOWN = process.env["DISTER_SCENARIO_ACTUAL"];

describe("scenario transcripts", () => {
  for (const file of files.sort()) {
    const path = join(import.meta.dirname, file);
    const text = readFileSync(path, "utf8");
    const transcript = parseTranscript(text);
    it(transcript.title, () => {
      const actual = play(transcript);
      if (file === SHOWN) writeFileSync(`${path}.actual`, actual);
      expect(file.split("-")[0]).toBe(transcript.title.split(" ")[0]);
      expect(actual).toBe(text);
      expect(actual).not.toContain(SCRIPT_ERROR);
      expect(actual).not.toMatch(new RegExp(`^${UNSAFE}`, "m"));
    });
  }
});
