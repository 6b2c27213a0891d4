import { ENTRY_KIND, NO_LOGGER } from "@dister/types";
import { expect, test } from "vitest";
import { encodeCommand, openStore, type Store } from "../src/index.ts";

const components = { logger: NO_LOGGER };

async function put(store: Store, index: number, key: string): Promise<void> {
  const payload = encodeCommand({
    requestId: `r${index}`,
    timeMs: index,
    command: { type: "kvSet", pairs: [[key, "v"]] },
  });
  await store.apply([{ index, term: 1, r: 0, kind: ENTRY_KIND.command, payload }]);
}

test("a state in memory goes on from an image, with position, keys and requests, and leaves the image as it is", async () => {
  const first = await openStore({ components, options: { path: ":memory:" } });
  await put(first, 1, "a");
  const image = first.image();
  await put(first, 2, "b");
  await first.close();

  for (let time = 0; time < 2; time++) {
    const again = await openStore({ components, options: { path: ":memory:", image } });
    expect(again.applied()).toEqual({ index: 1, term: 1 });
    expect(again.kv("a")?.value).toBe("v");
    expect(again.kv("b")).toBeUndefined();
    expect(again.outcome("r1")?.changed).toBe(1);
    await put(again, 2, "c");
    expect(again.kv("c")?.version).toBe(1);
    await again.close();
  }
});

test("an image for a database in a file is refused", async () => {
  await expect(openStore({ components, options: { path: "/nowhere.db", image: new Uint8Array(1) } })).rejects.toThrow(
    /only a state in memory/,
  );
});
