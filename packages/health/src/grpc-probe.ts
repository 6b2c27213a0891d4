import { type ClientHttp2Stream, connect, constants, type IncomingHttpHeaders } from "node:http2";
import { isIPv6 } from "node:net";
import { Duplex } from "node:stream";
import { DriverSocket, type HostOptions } from "./driver-socket.ts";
import { grpcHealthRequest, readGrpcHealthReply } from "./grpc-health.ts";
import { type Finish, type ProbeComponents, type ProbeResult, reasonOf, runProbe } from "./probe.ts";

export interface GrpcProbeOptions extends HostOptions {
  /** Name of the service to ask for; left out or empty: the server as a whole. */
  readonly service?: string | undefined;
}

/** A reply of the health service is 7 bytes; what is longer is none. */
const REPLY_BYTES_MAX = 1_024;

/** Asks the standard health service, `grpc.health.v1.Health/Check`, without TLS: ok when it says SERVING. */
export function grpcProbe(options: GrpcProbeOptions, components: ProbeComponents = {}): Promise<ProbeResult> {
  return runProbe(options, components, (finish) => {
    const { host, port, timeoutMs } = options;
    const authority = `${isIPv6(host) ? `[${host}]` : host}:${port}`;
    const socket = new DriverSocket(options, components, finish);
    const fail = (error: unknown): void => finish(false, reasonOf(error));
    socket.on("error", fail);
    const session = connect(`http://${authority}`, {
      createConnection: () => throughLimit(socket.connect()).on("error", fail),
      settings: { enablePush: false },
    });
    session.on("error", fail);
    // Nothing that is pushed is wanted, and the error of a stream that nobody listens to would end the process.
    session.on("stream", (pushed) => {
      pushed.on("error", () => {});
      finish(false, "an answer that is not understood");
    });
    session.on("close", () => finish(false, "closed without an answer"));
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: "POST",
      [constants.HTTP2_HEADER_PATH]: "/grpc.health.v1.Health/Check",
      [constants.HTTP2_HEADER_CONTENT_TYPE]: "application/grpc",
      [constants.HTTP2_HEADER_TE]: "trailers",
      "user-agent": "dister-health",
      // At most eight digits are allowed.
      "grpc-timeout": `${Math.min(Math.ceil(timeoutMs), 99_999_999)}m`,
    });
    stream.on("error", fail);
    readReply(stream, finish);
    stream.end(grpcHealthRequest(options.service ?? ""));
    return () => {
      session.destroy();
      socket.destroy();
    };
  });
}

/**
 * A socket as a plain stream. HTTP/2 takes a socket's bytes where they come into the process, so that no limit would ever
 * see them: headers of an answer that only announce another one may follow each other without an end.
 */
function throughLimit(socket: DriverSocket): Duplex {
  const stream = new Duplex({
    read: () => {
      socket.resume();
    },
    write: (chunk: Uint8Array, _encoding, done) => {
      socket.write(chunk, done);
    },
    destroy: (error, done) => {
      socket.destroy();
      done(error);
    },
  });
  socket.on("data", (chunk: Buffer) => {
    if (!stream.push(chunk)) socket.pause();
  });
  socket.on("end", () => stream.push(null));
  socket.on("close", () => stream.destroy());
  return stream;
}

function readReply(stream: ClientHttp2Stream, finish: Finish): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let status: unknown;
  const judgeHeaders = (headers: IncomingHttpHeaders): void => {
    const http = Number(headers[":status"] ?? 200);
    if (http !== 200) finish(false, `status ${http}`);
    status = headers["grpc-status"] ?? status;
  };
  stream.on("response", judgeHeaders);
  stream.on("trailers", judgeHeaders);
  stream.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    chunks.push(chunk);
    if (bytes > REPLY_BYTES_MAX) finish(false, "an answer that is not understood");
  });
  stream.on("close", () => {
    if (status === undefined) return finish(false, "closed without an answer");
    // A target may send any text here; 0 to 16 are the codes that there are.
    if (typeof status !== "string" || !/^(?:\d|1[0-6])$/.test(status)) {
      return finish(false, "an answer that is not understood");
    }
    if (status !== "0") return finish(false, `grpc status ${status}`);
    const serving = readGrpcHealthReply(Buffer.concat(chunks));
    finish(serving === "SERVING", serving ?? "an answer that is not understood");
  });
}
