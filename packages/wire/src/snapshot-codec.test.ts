import { isDisterError, type SnapshotOffer } from "@dister/types";
import { expect, test } from "vitest";
import {
  decodeSnapshotEnd,
  decodeSnapshotFrom,
  decodeSnapshotHeader,
  decodeSnapshotReply,
  encodeSnapshotEnd,
  encodeSnapshotFrom,
  encodeSnapshotHeader,
  encodeSnapshotReply,
} from "./snapshot-codec.ts";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));
const show = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** The vectors of docs/formats/message.md; the membership is {"v":1,"members":[]} in UTF-8. */
const HEADER = `0000000000000004 0000000000000064 0000000000000003
  b13ca2a34a104276ae1354f8af5600c6f160799928725f6277c64be9561aee40 00000002 0000000000040001 00000014
  7b2276223a312c226d656d62657273223a5b5d7d`;
const FROM = "00000001";
const END = "0000000100000000 89abcdef";
const REPLY = "01 0000000000000004 0000000000000064";

function refuses(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    expect(isDisterError(error, "DISTER_ERR_MESSAGE")).toBe(true);
    return;
  }
  expect.unreachable("it was taken");
}

test("the golden vectors are written and read", () => {
  const digest = "b13ca2a34a104276ae1354f8af5600c6f160799928725f6277c64be9561aee40";
  const header: SnapshotOffer = {
    term: 4,
    position: { index: 100, term: 3 },
    membership: { members: [] },
    content: { digest, pieceCount: 2, byteCount: 262_145 },
  };
  expect(show(encodeSnapshotHeader(header))).toBe(show(hex(HEADER)));
  expect(decodeSnapshotHeader(hex(HEADER))).toEqual(header);
  expect(show(encodeSnapshotFrom(1))).toBe(FROM);
  expect(decodeSnapshotFrom(hex(FROM))).toBe(1);
  const end = { bytes: 4_294_967_296, crc: 0x89abcdef };
  expect(show(encodeSnapshotEnd(end))).toBe(show(hex(END)));
  expect(decodeSnapshotEnd(hex(END))).toEqual(end);
  const reply = { term: 4, ok: true, index: 100 };
  expect(show(encodeSnapshotReply(reply))).toBe(show(hex(REPLY)));
  expect(decodeSnapshotReply(hex(REPLY))).toEqual(reply);
});

test("every shorter form is refused, and a longer one too", () => {
  const forms: [string, (bytes: Uint8Array) => unknown][] = [
    [HEADER, decodeSnapshotHeader],
    [FROM, decodeSnapshotFrom],
    [END, decodeSnapshotEnd],
    [REPLY, decodeSnapshotReply],
  ];
  for (const [text, decode] of forms) {
    const whole = hex(text);
    for (let length = 0; length < whole.length; length++) refuses(() => decode(whole.subarray(0, length)));
    refuses(() => decode(hex(`${text} 00`)));
  }
});

test("a membership that is none, a snapshot without pieces and an answer that is neither yes nor no are refused", () => {
  refuses(() => decodeSnapshotHeader(hex(HEADER.replace("7b22", "7b23"))));
  refuses(() => decodeSnapshotHeader(hex(HEADER.replace("00000002 ", "00000000 "))));
  refuses(() => decodeSnapshotReply(hex(REPLY.replace("01 ", "02 "))));
});
