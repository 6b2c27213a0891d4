/** What the message codec costs beside JSON: an append of 64 entries of 150 bytes, both in one run, interleaved. */
import type { LogEntry, RaftMessage } from "@dister/types";
import { decodeRaftMessage, encodeRaftFrame, encodeRaftMessage } from "@dister/wire";

const ENTRIES = 64;
const PAYLOAD_BYTES = 150;
const ROUNDS = 2_000;
const REPETITIONS = 15;

const text = "x".repeat(PAYLOAD_BYTES);
const entries = Array.from({ length: ENTRIES }, (_, at): LogEntry => {
  return { index: 1_001 + at, term: 7, r: (at * 137) % 10_000, kind: 0, payload: Buffer.from(text) };
});
const message: RaftMessage = { type: "append", term: 7, prev: { index: 1_000, term: 7 }, entries, commit: 990 };
// JSON gets its best case: payloads that are texts already, with nothing to escape.
const asTexts = { ...message, entries: entries.map((entry) => ({ ...entry, payload: text })) };

const encoded = encodeRaftMessage(message);
const json = Buffer.from(JSON.stringify(asTexts));
let kept = 0;
const subjects: Record<string, () => void> = {
  "codec encode": () => {
    kept += encodeRaftMessage(message).length;
  },
  "codec encode with frame and checksum": () => {
    kept += encodeRaftFrame(message).length;
  },
  "JSON encode": () => {
    kept += Buffer.from(JSON.stringify(asTexts)).length;
  },
  "codec decode": () => {
    kept += decodeRaftMessage(encoded).term;
  },
  "JSON decode": () => {
    kept += (JSON.parse(json.toString("utf8")) as RaftMessage).term;
  },
};

const times = new Map<string, number[]>(Object.keys(subjects).map((name) => [name, []]));
for (let repetition = 0; repetition < REPETITIONS; repetition++) {
  for (const [name, run] of Object.entries(subjects)) {
    const start = performance.now();
    for (let round = 0; round < ROUNDS; round++) run();
    times.get(name)!.push(((performance.now() - start) * 1_000) / ROUNDS);
  }
}

function median(name: string): number {
  const sorted = [...times.get(name)!].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}

console.log(`append of ${ENTRIES} entries of ${PAYLOAD_BYTES} bytes, median of ${REPETITIONS} repetitions`);
console.log(`size: codec ${encoded.length} bytes, JSON ${json.length} bytes`);
for (const name of Object.keys(subjects)) console.log(`${name}: ${median(name).toFixed(2)} us`);
console.log(`encode: codec ${(median("JSON encode") / median("codec encode")).toFixed(1)} times as fast as JSON`);
console.log(`decode: codec ${(median("JSON decode") / median("codec decode")).toFixed(1)} times as fast as JSON`);
if (kept === 0) throw new Error("nothing was measured");
