import type { CommandOutcome } from "../command.ts";
import type { StateMachine } from "../contracts/state-machine.ts";
import { LIMITS } from "../limits.ts";
import { entryLogId } from "../log-entry.ts";
import { membershipOf } from "../membership.ts";
import { resumableSnapshots } from "./resumable-snapshots.ts";
import { drain, rejects, sameBytes, writeAll } from "./snapshot-checks.ts";
import { EntryMaker, filling, type StateMachineSuite, someMembership } from "./state-entries.ts";
import { expect, expectEqual, withFresh } from "./suite.ts";

/** Checks a state machine against the duties of its contract. Subjects are fresh and empty. */
export function stateMachineConformance(suite: StateMachineSuite): void {
  applying(suite);
  repeating(suite);
  snapshots(suite);
  resumableSnapshots(suite);
  refusedSnapshots(suite);
}

function runner(suite: StateMachineSuite) {
  return (name: string, run: (subject: StateMachine<CommandOutcome>, make: EntryMaker) => Promise<void>) =>
    suite.test(name, () => withFresh(suite, (subject) => run(subject, new EntryMaker(suite.encode))));
}

function applying(suite: StateMachineSuite): void {
  const check = runner(suite);

  check("a fresh state machine is before the first entry", async (subject) => {
    expectEqual(subject.applied(), { index: 0, term: 0 }, "applied");
    expectEqual(subject.durable(), { index: 0, term: 0 }, "durable");
    expectEqual(subject.restoredFrom(), { index: 0, term: 0 }, "restoredFrom");
    expect(subject.membership() === undefined, "there is a membership before any entry");
  });

  check("every entry gets one result in its place, undefined unless it is a command", async (subject, make) => {
    make.term = 3;
    const entries = [make.empty(), make.set(["a", "1"]), make.membership(someMembership(3)), make.set(["b", "2"])];
    const results = await subject.apply(entries);
    expectEqual(
      results.map((result) => result?.logId ?? null),
      [null, entryLogId(entries[1]!), null, entryLogId(entries[3]!)],
      "log ids of the results",
    );
    expectEqual(subject.applied(), { index: 4, term: 3 }, "applied");
  });

  check("applying nothing changes nothing", async (subject) => {
    expectEqual(await subject.apply([]), [], "results");
    expectEqual(subject.applied(), { index: 0, term: 0 }, "applied");
  });

  check("a membership entry is remembered as of its index", async (subject, make) => {
    await subject.apply([make.membership(someMembership(1)), make.empty()]);
    expectEqual(subject.membership(), someMembership(1), "membership");
    await subject.apply([make.membership(someMembership(3)), make.membership(someMembership(2))]);
    expectEqual(subject.membership(), someMembership(2), "membership");
  });

  check("an entry at or below applied, and a gap, are broken invariants that change nothing", async (subject, make) => {
    const [first, second, third] = [make.set(["a", "1"]), make.set(["a", "2"]), make.set(["a", "3"])];
    await subject.apply([first]);
    await rejects(subject.apply([first]), "an entry that is applied");
    await rejects(subject.apply([third]), "a gap");
    await rejects(subject.apply([second, second]), "an entry that comes twice");
    expectEqual(subject.applied(), { index: 1, term: 1 }, "applied");
  });

  check("a command that cannot be decoded stops it, and its whole batch leaves no trace", async (subject, make) => {
    await subject.apply([make.set(["a", "1"])]);
    const bad = [make.set(["a", "2"]), make.membership(someMembership(1)), make.unreadable()];
    await rejects(subject.apply(bad), "an unreadable command", "DISTER_ERR_COMMAND");
    expectEqual(subject.applied(), { index: 1, term: 1 }, "applied");
    expect(subject.membership() === undefined, "a membership of a refused batch is in force");
    await rejects(subject.apply(bad.slice(0, 1)), "applying after a failure");
  });

  check("durable is never beyond applied, and a checkpoint brings it there", async (subject, make) => {
    await subject.apply([make.set(["a", "1"]), make.empty()]);
    expect(subject.durable().index <= subject.applied().index, "durable is beyond applied");
    expectEqual(await subject.checkpoint(), { index: 2, term: 1 }, "what the checkpoint says");
    expectEqual(subject.durable(), { index: 2, term: 1 }, "durable");
  });

  check("after close everything is refused", async (subject, make) => {
    await subject.close();
    await rejects(subject.apply([make.empty()]), "applying", "DISTER_ERR_STOPPED");
    await rejects(subject.checkpoint(), "a checkpoint", "DISTER_ERR_STOPPED");
    await rejects(subject.snapshot(), "a snapshot", "DISTER_ERR_STOPPED");
    await subject.close();
  });
}

function repeating(suite: StateMachineSuite): void {
  const check = runner(suite);
  const put = (value: string) => ({ type: "kvSet", pairs: [["a", value]] }) as const;

  check("C3: a repeated request id gets the stored outcome and has no second effect", async (subject, make) => {
    const [first] = await subject.apply([make.command(put("1"), "again")]);
    const [other, second] = await subject.apply([make.set(["b", "1"]), make.command(put("2"), "again")]);
    expectEqual(second, first, "outcome of the repeated request");
    expect(other!.logId > first!.logId, "another request got an old outcome");
    const [inOneBatch, again] = await subject.apply([make.command(put("3"), "x"), make.command(put("4"), "x")]);
    expectEqual(again, inOneBatch, "outcome of a request that is repeated in one batch");
  });

  check("C3: a request id is forgotten by log time, which never goes back", async (subject, make) => {
    const [first] = await subject.apply([make.command(put("1"), "old")]);
    make.timeMs += LIMITS.requestIdKeptMs;
    const [kept] = await subject.apply([make.command(put("2"), "old")]);
    expectEqual(kept, first, "outcome at the very end of the time");
    make.timeMs += 1;
    await subject.apply([make.command(put("3"), "newer")]);
    // A leader with a slow clock must not bring a forgotten request back to life, nor make a new one old.
    make.timeMs -= LIMITS.requestIdKeptMs * 2;
    const [fresh, repeated] = await subject.apply([make.command(put("4"), "old"), make.command(put("5"), "old")]);
    expectEqual(fresh?.logId, entryIdAt(make.index - 1), "log id of a request that was forgotten");
    expectEqual(repeated, fresh, "outcome of its repetition");
  });

  check("C3: stored outcomes travel in a snapshot", async (subject, make) => {
    const [first] = await subject.apply([make.command(put("1"), "again")]);
    await withFresh(suite, async (other) => {
      await transfer(subject, other);
      const [second] = await other.apply([make.command(put("2"), "again")]);
      expectEqual(second, first, "outcome on another node");
    });
  });
}

function entryIdAt(index: number): number {
  return index * 10_000 + ((index * 37) % 10_000);
}

async function fill(subject: StateMachine<CommandOutcome>, make: EntryMaker): Promise<void> {
  await subject.apply(filling(make));
}

function snapshots(suite: StateMachineSuite): void {
  const check = runner(suite);

  check(
    "S8: snapshots of equal states are equal byte by byte, however the entries were batched",
    async (subject, make) => {
      await withFresh(suite, async (other) => {
        const entries = filling(make);
        await subject.apply(entries);
        for (const entry of entries) await other.apply([entry]);
        const [a, b] = [await read(subject), await read(other)];
        expect(a.length > 1, "the value that does not fit a piece came in one");
        sameBytes(a, b, "pieces");
        for (const piece of a) expect(piece.length <= LIMITS.snapshotChunkBytes, "a piece is too large");
      });
    },
  );

  check("S8: a restored state has the position, the membership and the bytes of its source", async (subject, make) => {
    await fill(subject, make);
    await withFresh(suite, async (other) => {
      await other.apply([new EntryMaker(suite.encode).set(["gone", "1"])]);
      await transfer(subject, other);
      expectEqual(other.applied(), subject.applied(), "applied");
      expectEqual(other.durable(), subject.applied(), "durable");
      expectEqual(other.restoredFrom(), subject.applied(), "restoredFrom");
      expectEqual(other.membership(), someMembership(3), "membership");
      sameBytes(await read(other), await read(subject), "pieces");
      const next = make.set(["b", "2"]);
      expectEqual(await other.apply([next]), await subject.apply([next]), "results of the next entry");
      sameBytes(await read(other), await read(subject), "pieces after the next entry");
    });
  });

  check("a snapshot holds the state of one position, whatever is applied while it is read", async (subject, make) => {
    await fill(subject, make);
    const before = await read(subject);
    const source = await subject.snapshot();
    const pieces: Uint8Array[] = [];
    for await (const piece of source.chunks) {
      pieces.push(piece);
      await subject.apply([make.set(["__proto__", "changed"], [`new ${make.index}`, "1"])]);
    }
    source.close();
    sameBytes(pieces, before, "pieces");
    expectEqual(source.position, { index: 7, term: 1 }, "position");
  });

  check("a snapshot can be let go of half read, and of an empty state there is one too", async (subject, make) => {
    const empty = await subject.snapshot();
    empty.close();
    await fill(subject, make);
    const source = await subject.snapshot();
    for await (const piece of source.chunks) {
      expect(piece.length > 0, "an empty piece");
      break;
    }
    source.close();
    source.close();
    await subject.apply([make.set(["a", "1"])]);
    await subject.checkpoint();
    expectEqual(subject.durable(), subject.applied(), "durable");
  });
}

function refusedSnapshots(suite: StateMachineSuite): void {
  const check = runner(suite);

  /** Sends changed pieces to another state machine, which must refuse them and stay as it was. */
  const refused = (what: string, change: (pieces: Uint8Array[]) => Uint8Array[]) =>
    check(`S2: ${what} is refused, and the old state is still in use`, async (subject, make) => {
      await fill(subject, make);
      await withFresh(suite, async (other) => {
        const own = new EntryMaker(suite.encode);
        await other.apply([own.set(["mine", "1"])]);
        const before = await read(other);
        const sink = await other.restore(subject.applied(), someMembership(3));
        const pieces = change((await read(subject)).map((piece) => piece.slice()));
        await rejects(writeAll(sink, pieces), what, "DISTER_ERR_SNAPSHOT");
        sink.abort();
        expectEqual(other.applied(), { index: 1, term: 1 }, "applied");
        sameBytes(await read(other), before, "pieces of the old state");
        await other.apply([own.set(["mine", "2"])]);
        await transfer(subject, other);
        expectEqual(other.applied(), subject.applied(), "applied after a good snapshot");
      });
    });

  refused("a stream without pieces", () => []);
  refused("a stream without its last piece", (pieces) => pieces.slice(0, -1));
  refused("a stream without its first piece", (pieces) => pieces.slice(1));
  refused("a doubled piece", (pieces) => [pieces[0]!, ...pieces]);
  refused("a doubled last piece", (pieces) => [...pieces, pieces.at(-1)!]);
  refused("pieces out of order", ([first, second, ...rest]) => [second!, first!, ...rest]);
  refused("a piece that is cut", (pieces) => pieces.with(-1, pieces.at(-1)!.subarray(0, -1)));
  refused("an empty piece", (pieces) => [new Uint8Array(), ...pieces]);
  refused("a piece with a flipped bit", (pieces) => {
    const piece = pieces[0]!;
    piece[piece.length >> 1]! ^= 1;
    return pieces;
  });

  check("S2: a snapshot of another position or membership is refused", async (subject, make) => {
    await fill(subject, make);
    await withFresh(suite, async (other) => {
      const { index, term } = subject.applied();
      const pieces = await read(subject);
      const wrong = [
        [{ index: index + 1, term }, someMembership(3)],
        [{ index, term: term + 1 }, someMembership(3)],
        [{ index, term }, membershipOf([])],
      ] as const;
      for (const [position, membership] of wrong) {
        const sink = await other.restore(position, membership);
        await rejects(writeAll(sink, pieces), "another position or membership", "DISTER_ERR_SNAPSHOT");
      }
      expectEqual(other.applied(), { index: 0, term: 0 }, "applied");
    });
  });

  check(
    "S2: the state lives on while a snapshot comes in; a second restore aborts the first",
    async (subject, make) => {
      await fill(subject, make);
      await withFresh(suite, async (other) => {
        const own = new EntryMaker(suite.encode);
        const pieces = await read(subject);
        const first = await other.restore(subject.applied(), someMembership(3));
        await first.write(pieces[0]!);
        await other.apply([own.set(["mine", "1"])]);
        const second = await other.restore(subject.applied(), someMembership(3));
        await rejects(writeAll(first, pieces.slice(1)), "the first of two", "DISTER_ERR_SNAPSHOT");
        await second.write(pieces[0]!);
        await other.apply([own.set(["mine", "2"])]);
        await writeAll(second, pieces.slice(1));
        expectEqual(other.applied(), subject.applied(), "applied");
        await rejects(second.commit(), "a second commit", "DISTER_ERR_SNAPSHOT");
      });
    },
  );

  check("a snapshot that the state has left behind is refused: applied never goes back", async (subject, make) => {
    await fill(subject, make);
    const source = await subject.snapshot();
    const pieces = await drain(source);
    await subject.apply([make.set(["a", "1"])]);
    const sink = await subject.restore(source.position, source.membership);
    await rejects(writeAll(sink, pieces), "an old snapshot", "DISTER_ERR_SNAPSHOT");
    expectEqual(subject.applied().index, 8, "applied");
  });
}

async function read(subject: StateMachine<CommandOutcome>): Promise<Uint8Array[]> {
  return drain(await subject.snapshot());
}

async function transfer(from: StateMachine<CommandOutcome>, to: StateMachine<CommandOutcome>): Promise<void> {
  const source = await from.snapshot();
  const sink = await to.restore(source.position, source.membership);
  await writeAll(sink, await drain(source));
}
