import type { CommandOutcome } from "../command.ts";
import type { OutgoingSnapshot, StateMachine } from "../contracts/state-machine.ts";
import { drain, rejects, sameBytes, writeAll } from "./snapshot-checks.ts";
import { EntryMaker, filling, type StateMachineSuite } from "./state-entries.ts";
import { expect, expectEqual, withFresh } from "./suite.ts";

type Subject = StateMachine<CommandOutcome>;

/** Checks snapshots that are sent and received in several attempts: duties 8 and 9. */
export function resumableSnapshots(suite: StateMachineSuite): void {
  const check = (name: string, run: (subject: Subject, make: EntryMaker) => Promise<void>): void =>
    suite.test(name, () => withFresh(suite, (subject) => run(subject, new EntryMaker(suite.encode))));

  check("an outgoing snapshot is the snapshot of its position, from any piece on", async (subject, make) => {
    await subject.apply(filling(make));
    const pieces = await drain(await subject.snapshot());
    const outgoing = await subject.outgoing(1);
    expectEqual(outgoing.position, subject.applied(), "position");
    expectEqual(outgoing.content.pieceCount, pieces.length, "number of pieces");
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    expectEqual(outgoing.content.byteCount, bytes, "number of bytes");
    expect(/^[0-9a-f]{64}$/.test(outgoing.content.digest), `digest ${outgoing.content.digest}`);
    for (let first = 0; first <= pieces.length; first++) {
      sameBytes(await piecesOf(outgoing, first), pieces.slice(first), `pieces from ${first} on`);
    }
  });

  check("an outgoing snapshot is handed out again until it is too old or discarded", async (subject, make) => {
    await subject.apply(filling(make));
    const first = await subject.outgoing(1);
    await subject.apply([make.set(["later", "1"])]);
    const again = await subject.outgoing(first.position.index);
    expectEqual([again.position, again.content], [first.position, first.content], "what is handed out again");
    const newer = await subject.outgoing(first.position.index + 1);
    expectEqual(newer.position, subject.applied(), "position of a newer one");
    expect(newer.content.digest !== first.content.digest, "other content has the same digest");
    await rejects(piecesOf(first, 0), "reading one that was replaced", "DISTER_ERR_SNAPSHOT");
    subject.discardOutgoing();
    subject.discardOutgoing();
    await rejects(piecesOf(newer, 0), "reading one that was discarded", "DISTER_ERR_SNAPSHOT");
  });

  check("two who ask for an outgoing snapshot at once get the same", async (subject, make) => {
    await subject.apply(filling(make));
    const [one, other] = await Promise.all([subject.outgoing(1), subject.outgoing(1)]);
    expectEqual(one.content, other.content, "content");
    sameBytes(await piecesOf(one, 0), await piecesOf(other, 0), "pieces");
  });

  check("S2: a reception that was suspended goes on behind its last piece", async (subject, make) => {
    await subject.apply(filling(make));
    const { position, membership, content, pieces } = await whole(subject);
    await withFresh(suite, async (other) => {
      const first = await other.restore(position, membership, content);
      expectEqual(first.pieceCount, 0, "pieces at first");
      await first.write(pieces[0]!);
      first.suspend();
      first.suspend();
      await rejects(first.write(pieces[1]!), "writing after it was suspended", "DISTER_ERR_SNAPSHOT");
      const second = await other.restore(position, membership, content);
      expectEqual(second.pieceCount, 1, "pieces that are here");
      await writeAll(second, pieces.slice(1));
      expectEqual(other.applied(), position, "applied");
      sameBytes(await drain(await other.snapshot()), pieces, "pieces of the restored state");
    });
  });

  check("S2: what came in of one snapshot is never taken for part of another", async (subject, make) => {
    await subject.apply(filling(make));
    const { position, membership, content, pieces } = await whole(subject);
    const digest = content.digest.replaceAll(/./g, "0");
    await withFresh(suite, async (other) => {
      for (const next of [
        () => other.restore(position, membership, { ...content, digest }),
        () => other.restore({ ...position, index: position.index + 1 }, membership, content),
        () => other.restore(position, membership),
      ]) {
        const first = await other.restore(position, membership, content);
        expectEqual(first.pieceCount, 0, "pieces at first");
        await first.write(pieces[0]!);
        first.suspend();
        const sink = await next();
        expectEqual(sink.pieceCount, 0, "pieces of another snapshot");
        sink.abort();
      }
    });
  });

  check("S2: of two receptions at once the second goes on, and what the first had is kept", async (subject, make) => {
    await subject.apply(filling(make));
    const { position, membership, content, pieces } = await whole(subject);
    await withFresh(suite, async (other) => {
      const first = await other.restore(position, membership, content);
      await first.write(pieces[0]!);
      const second = await other.restore(position, membership, content);
      await rejects(first.write(pieces[1]!), "the first of two", "DISTER_ERR_SNAPSHOT");
      expectEqual(second.pieceCount, 1, "pieces that are here");
      await writeAll(second, pieces.slice(1));
      expectEqual(other.applied(), position, "applied");
    });
  });

  check("S2: a piece that is not sound ends the reception, and nothing of it is kept", async (subject, make) => {
    await subject.apply(filling(make));
    const { position, membership, content, pieces } = await whole(subject);
    await withFresh(suite, async (other) => {
      const first = await other.restore(position, membership, content);
      await first.write(pieces[0]!);
      await rejects(first.write(pieces[0]!), "a doubled piece", "DISTER_ERR_SNAPSHOT");
      first.suspend();
      const second = await other.restore(position, membership, content);
      expectEqual(second.pieceCount, 0, "pieces that are here");
      second.abort();
    });
  });
}

async function piecesOf(outgoing: OutgoingSnapshot, first: number): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  for await (const piece of outgoing.piecesFrom(first)) pieces.push(piece);
  return pieces;
}

async function whole(subject: Subject): Promise<OutgoingSnapshot & { readonly pieces: Uint8Array[] }> {
  const outgoing = await subject.outgoing(1);
  const pieces = await piecesOf(outgoing, 0);
  expect(pieces.length > 1, "the value that does not fit a piece came in one");
  const { position, membership, content } = outgoing;
  return { position, membership, content, piecesFrom: (first) => outgoing.piecesFrom(first), pieces };
}
