/** Frames, message codec, handshake and connections between dister nodes. */
export {
  encodeFrame,
  FRAME_FLAG,
  FRAME_HEADER_BYTES,
  FRAME_KIND,
  type Frame,
  type FrameHead,
  type FrameKind,
} from "./frame.ts";
export { FrameDecoder } from "./frame-decoder.ts";
export { decodeMsg, encodeMsg } from "./msg-codec.ts";
export { type ReceiveOptions, receive, type SendOptions, send } from "./one-shot.ts";
export type { PeerTls } from "./peer-tls.ts";
export { decodeRaftMessage, encodeRaftFrame, encodeRaftMessage } from "./raft-codec.ts";
export {
  decodeSnapshotEnd,
  decodeSnapshotFrom,
  decodeSnapshotHeader,
  decodeSnapshotReply,
  encodeSnapshotEnd,
  encodeSnapshotFrom,
  encodeSnapshotHeader,
  encodeSnapshotReply,
  type SnapshotEnd,
} from "./snapshot-codec.ts";
export { TcpPeers, type TcpPeersComponents, type TcpPeersOptions } from "./tcp-peers.ts";
export { TlsCredentials, type TlsPem, type TlsUse } from "./tls-credentials.ts";
