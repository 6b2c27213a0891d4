// Applies without end, beginning where the store stands, until it is killed. Every entry writes its own index to the
// key "last" and to one of a hundred others, or into a service, so that a state that is not of one position shows. From time to time it makes a checkpoint, reads a snapshot, and takes in one of a position further on.
import { NO_LOGGER } from "@dister/types";
import { openStore, type Store } from "../src/index.ts";
import { crashEntry, FURTHER } from "./crash-entries.ts";

const path = process.argv[2]!;

async function main(): Promise<void> {
  const store = await openStore({ components: { logger: NO_LOGGER }, options: { path } });
  for (let round = 1; ; round++) {
    const from = store.applied().index + 1;
    const length = 1 + ((from * 7) % 40);
    await store.apply(Array.from({ length }, (_, at) => crashEntry(from + at)));
    if (round % 7 === 0) await store.checkpoint();
    if (round % 20 === 0) await restoreFurther(store);
    process.stdout.write(".");
  }
}

/** Restores a snapshot that another store made a few entries further on. */
async function restoreFurther(store: Store): Promise<void> {
  const ahead = await openStore({ components: { logger: NO_LOGGER }, options: { path: ":memory:" } });
  await pour(store, ahead);
  const from = store.applied().index + 1;
  await ahead.apply(Array.from({ length: FURTHER }, (_, at) => crashEntry(from + at)));
  await pour(ahead, store);
  await ahead.close();
}

async function pour(from: Store, to: Store): Promise<void> {
  const source = await from.snapshot();
  const sink = await to.restore(source.position, source.membership);
  for await (const chunk of source.chunks) await sink.write(chunk);
  source.close();
  await sink.commit();
}

await main();
