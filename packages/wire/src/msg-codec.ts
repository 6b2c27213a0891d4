import type { Msg } from "@dister/types";
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter, badMessage } from "./byte-writer.ts";
import { packNodeInfo, readNodeInfo, writeNodeInfo } from "./node-info-codec.ts";

/**
 * Encodes a message of the original's form: head, node info, length of the body, body.
 * @throws DisterError `DISTER_ERR_MESSAGE` when a field is out of range.
 */
export function encodeMsg(msg: Msg): Uint8Array {
  if (!Number.isInteger(msg.head) || msg.head < 0 || msg.head > 65_535) {
    throw badMessage(`${msg.head} is not a head from 0 to 65535`);
  }
  const packed = packNodeInfo(msg.info);
  const out = new ByteWriter(Buffer.allocUnsafe(2 + packed.bytes + 4 + msg.body.length), 0);
  out.u16(msg.head);
  writeNodeInfo(out, packed);
  out.u32(msg.body.length);
  out.raw(msg.body);
  return out.bytes;
}

/**
 * Decodes a message; its body is a view of `bytes`.
 * @throws DisterError `DISTER_ERR_MESSAGE` for anything that the encoder does not write.
 */
export function decodeMsg(bytes: Uint8Array): Msg {
  const input = new ByteReader(bytes);
  const head = input.u16();
  const info = readNodeInfo(input);
  const body = input.raw(input.u32());
  input.end();
  return { head, info, body };
}
