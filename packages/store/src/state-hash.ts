import { createHash } from "node:crypto";
import type { StateMachine } from "@dister/types";

/** Hash of a whole state, SHA-256 of its snapshot in hex: two nodes at one position have the same, or one is wrong. */
export async function stateHash(machine: Pick<StateMachine, "snapshot">): Promise<string> {
  const source = await machine.snapshot();
  try {
    const hash = createHash("sha256");
    for await (const chunk of source.chunks) hash.update(chunk);
    return hash.digest("hex");
  } finally {
    source.close();
  }
}
