import { describe, expect, it } from "vitest";
import { LIMITS } from "./limits.ts";

/** What an index item of the log can say of a record's length. */
const RECORD_BYTES_MAX = 2 ** 23 - 1;
/** More than any header around a payload takes. */
const HEADER_BYTES = 1_024;

describe("the limits", () => {
  it("are whole positive numbers that nobody can change", () => {
    expect(Object.isFrozen(LIMITS)).toBe(true);
    for (const [name, value] of Object.entries(LIMITS)) {
      expect(Number.isSafeInteger(value) && value > 0, name).toBe(true);
    }
  });

  it("let a command fit an entry: what a body can hold is smaller, and so is the largest pair", () => {
    expect(LIMITS.httpBodyBytesMax + HEADER_BYTES).toBeLessThan(LIMITS.entryPayloadBytesMax);
    expect(LIMITS.keyBytesMax + LIMITS.valueBytesMax).toBeLessThan(LIMITS.httpBodyBytesMax);
  });

  it("let an entry fit a record of the log, a frame, and what may be uncommitted", () => {
    expect(LIMITS.entryPayloadBytesMax + HEADER_BYTES).toBeLessThanOrEqual(RECORD_BYTES_MAX);
    expect(LIMITS.entryPayloadBytesMax + HEADER_BYTES).toBeLessThan(LIMITS.frameBytesMax);
    expect(LIMITS.entryPayloadBytesMax).toBeLessThan(LIMITS.uncommittedBytesMax);
  });

  it("let a full append, a piece of a snapshot and several frames fit where they are sent", () => {
    // A full append and one entry that overshoots it.
    expect(LIMITS.appendBytesMax + LIMITS.entryPayloadBytesMax).toBeLessThan(LIMITS.frameBytesMax);
    expect(LIMITS.snapshotChunkBytes).toBeLessThan(LIMITS.frameBytesMax);
    expect(LIMITS.frameBytesMax * 2).toBeLessThanOrEqual(LIMITS.sendQueueBytesMax);
  });

  it("let a service that is registered whole be stored, and what is stored fit an entry again", () => {
    expect(LIMITS.httpBodyBytesMax).toBeLessThan(LIMITS.serviceBytesMax);
    expect(LIMITS.serviceBytesMax).toBeLessThanOrEqual(LIMITS.entryPayloadBytesMax);
  });

  it("let a page not be larger than a listing, and a write of services not smaller than one service", () => {
    expect(LIMITS.pageKeysMax).toBeLessThanOrEqual(LIMITS.keysListedMax);
    expect(LIMITS.serviceNodesMax).toBeLessThanOrEqual(LIMITS.serviceNodesPerWriteMax);
    expect(LIMITS.checkIntervalMsMin).toBeLessThan(LIMITS.checkIntervalMsMax);
  });

  it("remember request ids longer than any request is held, and members within what peers may connect", () => {
    expect(LIMITS.requestIdKeptMs).toBeGreaterThan(60_000);
    expect(LIMITS.membersMax * 2).toBeLessThan(LIMITS.peerConnectionsMax);
  });

  it("let all members connect from one address, which still does not fill the port, nor do unfinished handshakes", () => {
    expect(LIMITS.membersMax * 2).toBeLessThan(LIMITS.peerConnectionsPerAddressMax);
    expect(LIMITS.peerConnectionsPerAddressMax * 2).toBeLessThanOrEqual(LIMITS.peerConnectionsMax);
    expect(LIMITS.membersMax * 2).toBeLessThanOrEqual(LIMITS.peerHandshakesMax);
    expect(LIMITS.peerHandshakesMax * 2).toBeLessThanOrEqual(LIMITS.peerConnectionsPerAddressMax);
  });
});
