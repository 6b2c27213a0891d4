import { whyNotFree } from "../src/up/free-port.ts";

/** A base from which three nodes' ports are free just now; below the range from which the system gives out others. */
export async function freeBase(host = "127.0.0.1"): Promise<number> {
  for (;;) {
    const base = 10_000 + Math.floor(Math.random() * 20_000);
    const ports = [0, 10, 20].flatMap((first) => [base + first, base + first + 1, base + first + 2]);
    const taken = await Promise.all(ports.map((port) => whyNotFree(host, port)));
    if (taken.every((why) => why === undefined)) return base;
  }
}
