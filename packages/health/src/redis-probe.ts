import { DriverSocket, type HostOptions } from "./driver-socket.ts";
import { type Finish, type ProbeComponents, type ProbeResult, reasonOf, runProbe } from "./probe.ts";

export interface RedisProbeOptions extends HostOptions {
  /** Without a password no user is named either. */
  readonly user?: string | undefined;
  readonly pass?: string | undefined;
}

/** Replies are lines here; the longest that means anything to a check is far shorter. */
const LINE_BYTES_MAX = 1_024;

/** First words of errors that Redis is known to send; any other word of a target is not repeated. */
const KNOWN_ERRORS = new Set(
  "BUSY CLUSTERDOWN DENIED ERR LOADING MASTERDOWN MISCONF NOAUTH NOPERM READONLY WRONGPASS".split(" "),
);

/** Logs in where a password is given, and sends PING: ok when the answer is PONG. */
export function redisProbe(options: RedisProbeOptions, components: ProbeComponents = {}): Promise<ProbeResult> {
  return runProbe(options, components, (finish) => {
    const { user, pass } = options;
    const socket = new DriverSocket(options, components, finish);
    const login = pass === undefined ? [] : [command("AUTH", ...(user === undefined ? [] : [user]), pass)];
    const wanted = [...login.map(() => "+OK"), "+PONG"];
    socket.on("connect", () => socket.write([...login, command("PING")].join("")));
    readReplies(socket, wanted, finish);
    socket.on("error", (error) => finish(false, reasonOf(error)));
    socket.on("close", () => finish(false, "closed without an answer"));
    socket.connect();
    return () => socket.destroy();
  });
}

/** A command as RESP: a list of texts, each behind its length in bytes, so that no text can be taken for two. */
function command(...words: string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`;
}

function readReplies(socket: DriverSocket, wanted: string[], finish: Finish): void {
  let text = "";
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
    for (let end = text.indexOf("\r\n"); end >= 0; end = text.indexOf("\r\n")) {
      const line = text.slice(0, end);
      text = text.slice(end + 2);
      if (line !== wanted.shift()) return finish(false, whyNot(line));
      if (wanted.length === 0) return finish(true, "PONG");
    }
    if (text.length > LINE_BYTES_MAX) finish(false, "an answer that is not understood");
  });
}

function whyNot(line: string): string {
  if (!line.startsWith("-")) return "an answer that is not understood";
  const word = line.slice(1).split(" ", 1)[0]!;
  return KNOWN_ERRORS.has(word) ? `error ${word}` : "an error";
}
