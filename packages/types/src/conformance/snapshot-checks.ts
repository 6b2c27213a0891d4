import type { SnapshotSink, SnapshotSource } from "../contracts/state-machine.ts";
import { type ErrorCode, isDisterError } from "../errors.ts";
import { expect, expectEqual } from "./suite.ts";

/** Reads a snapshot to its end and lets go of it. */
export async function drain(source: SnapshotSource): Promise<Uint8Array[]> {
  try {
    const pieces: Uint8Array[] = [];
    for await (const piece of source.chunks) pieces.push(piece);
    return pieces;
  } finally {
    source.close();
  }
}

/** Writes all pieces and puts them in use. */
export async function writeAll(sink: SnapshotSink, pieces: readonly Uint8Array[]): Promise<void> {
  for (const piece of pieces) await sink.write(piece);
  await sink.commit();
}

export async function rejects(promise: Promise<unknown>, what: string, code?: ErrorCode): Promise<void> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error !== undefined, `${what} was accepted`);
  if (code !== undefined) expect(isDisterError(error, code), `${what}: got ${JSON.stringify(error)}, wanted ${code}`);
}

export function sameBytes(got: Uint8Array[], wanted: Uint8Array[], what: string): void {
  expectEqual(
    got.map((piece) => piece.length),
    wanted.map((piece) => piece.length),
    `lengths of ${what}`,
  );
  got.forEach((piece, at) => {
    const differs = piece.findIndex((byte, offset) => byte !== wanted[at]![offset]);
    expect(differs < 0, `${what}: piece ${at} differs at byte ${differs}`);
  });
}
