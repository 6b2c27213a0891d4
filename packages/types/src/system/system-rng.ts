import { randomBytes } from "node:crypto";
import type { Rng } from "../contracts/rng.ts";

/** The operating system's randomness for bytes, the engine's for the rest. */
export const systemRng: Rng = Object.freeze({
  next: () => Math.random(),
  bytes: (count: number) => new Uint8Array(randomBytes(count)),
});
