import { connect, type Socket } from "node:net";

/** One reply as it came over the wire. */
export interface RawReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Sends bytes as they are and reads until the other side closes; for requests that no client would send. */
export async function exchange(url: string, request: readonly string[] | Buffer): Promise<RawReply> {
  const [reply] = await exchangeAll(url, request);
  if (reply === undefined) throw new Error("the connection was closed without a reply");
  return reply;
}

/** The same for a connection on which several replies come. */
export async function exchangeAll(url: string, request: readonly string[] | Buffer): Promise<RawReply[]> {
  const { hostname, port } = new URL(url);
  const socket: Socket = connect(Number(port), hostname);
  const chunks: Buffer[] = [];
  // A reset after the reply is the other side's way to say that it reads no further.
  await new Promise<void>((resolve) => {
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("error", () => undefined).on("close", () => resolve());
    socket.write(Buffer.isBuffer(request) ? request : request.join("\r\n"));
  });
  return parse(Buffer.concat(chunks).toString("utf8"));
}

function parse(text: string): RawReply[] {
  const replies: RawReply[] = [];
  for (let rest = text; rest !== ""; ) {
    const end = rest.indexOf("\r\n\r\n");
    if (end < 0) throw new Error(`not an HTTP reply: ${rest.slice(0, 200)}`);
    const [first, ...lines] = rest.slice(0, end).split("\r\n") as [string, ...string[]];
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const colon = line.indexOf(":");
      headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    const length = Number(headers["content-length"] ?? 0);
    const body = Buffer.from(rest.slice(end + 4))
      .subarray(0, length)
      .toString("utf8");
    replies.push({ status: Number(first.split(" ")[1]), headers, body });
    rest = rest.slice(end + 4 + body.length);
  }
  return replies;
}

/** The body of a reply of the API. */
export function jsonOf(reply: RawReply): { result: number; message: string; data: unknown; code?: string } {
  return JSON.parse(reply.body) as { result: number; message: string; data: unknown; code?: string };
}
