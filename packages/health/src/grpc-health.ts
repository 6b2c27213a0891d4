/**
 * The two messages of the standard health service, `grpc.health.v1`: a request with the name of a service in field 1
 * (text), a reply with its status in field 1 (varint). Each travels behind 5 bytes: 0 for "not compressed", and its
 * length, big-endian.
 */
const STATUSES = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"] as const;
export type GrpcHealthStatus = (typeof STATUSES)[number];

const PREFIX_BYTES = 5;
/** Field 1 as text and field 1 as varint: the number of the field in the upper bits, the kind in the lower three. */
const NAME_TAG = 0x0a;
const STATUS_TAG = 0x08;

export function grpcHealthRequest(service: string): Buffer {
  const name = Buffer.from(service, "utf8");
  const message = name.length === 0 ? name : Buffer.concat([Buffer.from([NAME_TAG, ...varint(name.length)]), name]);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** Reads a reply, or nothing where the bytes are none. An empty message is status 0: defaults are not sent. */
export function readGrpcHealthReply(bytes: Buffer): GrpcHealthStatus | undefined {
  if (bytes.length < PREFIX_BYTES || bytes[0] !== 0) return undefined;
  const message = bytes.subarray(PREFIX_BYTES);
  if (message.length !== bytes.readUInt32BE(1)) return undefined;
  if (message.length === 0) return "UNKNOWN";
  // The health service has one field, and its values take one byte.
  if (message.length !== 2 || message[0] !== STATUS_TAG) return undefined;
  return STATUSES[message[1]!];
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let left = value;
  for (; left > 0x7f; left >>>= 7) bytes.push((left & 0x7f) | 0x80);
  return [...bytes, left];
}
