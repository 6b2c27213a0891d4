import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { run } from "../src/index.ts";
import { Capture } from "./capture.ts";

const HEAD = {
  ...{ group: "g", cluster: "00000000000000CC", node: "00000000000000A1", version: "1.2.3", timeMs: 5 },
  ...{ logid: 90_001, keys: 3, services: 1, index: 9, term: 2, membership: { members: [] } },
};

/** Bytes that begin and end as a backup does; what lies between is none of this program's business. */
function backup(head: object = HEAD, format = 1): Buffer {
  const text = Buffer.from(JSON.stringify(head));
  const fixed = Buffer.from("DISTERBK\0\0\0\0\0\0\0\0");
  fixed.writeUInt32BE(format, 8);
  fixed.writeUInt32BE(text.length, 12);
  const body = Buffer.concat([fixed, text, Buffer.alloc(300_000, 7)]);
  return Buffer.concat([body, createHash("sha256").update(body).digest()]);
}

let folder: string;
let file: string;
let server: Server;
let answer: (response: ServerResponse) => void;
let asked: string[];
let io: Capture;

const stream = { "content-type": "application/octet-stream", "x-dister-logid": "90001" };

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "dister-save-"));
  file = join(folder, "a.backup");
  asked = [];
  answer = (response) => response.writeHead(200, stream).end(backup());
  server = createServer((request, response) => {
    asked.push(request.url ?? "");
    answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  io = new Capture({ DISTER_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

const dister = (...argv: string[]): Promise<number> => run(argv, io);

describe("snapshot save", () => {
  test("writes what came, for its owner alone, and says what it is", async () => {
    expect(await dister("snapshot", "save", file)).toBe(0);
    expect(readFileSync(file).equals(backup())).toBe(true);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(["a.backup"]);
    expect(io.out).toContain("cluster 00000000000000CC of the group g at log id 90001, 3 keys, 1 services");
    expect(asked).toEqual(["/cluster/snapshot"]);
    io.out = "";
    expect(await dister("--json", "snapshot", "save", file, "--force", "--consistency", "local")).toBe(0);
    expect(JSON.parse(io.out)).toMatchObject({ result: 1, data: { file, bytes: backup().length, ...HEAD } });
    expect(asked[1]).toBe("/cluster/snapshot?consistency=local");
  });

  test("asks nothing and leaves a file that exists as it is, unless it is told to replace it", async () => {
    writeFileSync(file, "mine");
    expect(await dister("snapshot", "save", file)).toBe(2);
    expect(io.err).toBe(`ERROR: ${file}: got a file that exists, allowed is a new name, or --force to replace it\n`);
    expect(asked).toEqual([]);
    expect(readFileSync(file, "utf8")).toBe("mine");
    expect(await dister("snapshot", "save", folder, "--force")).toBe(2);
    expect(await dister("snapshot", "save", file, "--force")).toBe(0);
    expect(readFileSync(file).equals(backup())).toBe(true);
  });

  test("never takes the place of a file that came while it was under way", async () => {
    answer = (response) => {
      writeFileSync(file, "mine");
      response.writeHead(200, stream).end(backup());
    };
    expect(await dister("snapshot", "save", file)).toBe(2);
    expect(readFileSync(file, "utf8")).toBe("mine");
    expect(readdirSync(folder)).toEqual(["a.backup"]);
  });

  const whole = backup();
  const flipped = Buffer.from(whole);
  flipped[200_000]! ^= 1;
  test.each<[string, (response: ServerResponse) => void, RegExp]>([
    ["is cut off", (r) => void r.writeHead(200, stream).write(whole.subarray(0, 200_000), () => r.destroy()), /failed/],
    ["ends too soon", (r) => r.writeHead(200, stream).end(whole.subarray(0, -1)), /not whole/],
    ["has a bit turned", (r) => r.writeHead(200, stream).end(flipped), /not whole/],
    ["is empty", (r) => r.writeHead(200, stream).end(), /not whole/],
    ["is something else", (r) => r.writeHead(200, stream).end("hello, hello, hello"), /no backup of dister/],
    ["is of a newer format", (r) => r.writeHead(200, stream).end(backup(HEAD, 2)), /format 2/],
    ["has another head", (r) => r.writeHead(200, stream).end(backup({ a: 1 })), /head is damaged/],
    ["is a page", (r) => r.writeHead(200, { "content-type": "text/html" }).end("<p>"), /without a reply of dister/],
  ])("leaves nothing, and what was there before as it was, when what comes %s", async (_what, give, why) => {
    answer = give;
    writeFileSync(file, "before");
    const code = await dister("snapshot", "save", file, "--force", "--timeout", "2000");
    expect([1, 3]).toContain(code);
    expect(io.err).toMatch(why);
    expect(readdirSync(folder)).toEqual(["a.backup"]);
    expect(readFileSync(file, "utf8")).toBe("before");
  });

  test("gives up a transfer that does not move any more", async () => {
    answer = (response) => void response.writeHead(200, stream).write(backup().subarray(0, 100));
    expect(await dister("snapshot", "save", file, "--timeout", "300")).toBe(3);
    expect(io.err).toContain("the next piece of the snapshot took longer than 300 ms");
    expect(readdirSync(folder)).toEqual([]);
  });

  test("says so when there is no room for it, or no folder", async () => {
    expect(await dister("snapshot", "save", join(folder, "none", "a"))).toBe(1);
    expect(io.err).toContain("ENOENT");
    if (!existsSync("/dev/full")) return;
    expect(await dister("snapshot", "save", "/dev/full", "--force")).toBe(2);
  });
});

describe("commands on stopped nodes are disterd's", () => {
  const script = (code: string): string => {
    const path = join(folder, "disterd.mjs");
    writeFileSync(path, code);
    return path;
  };
  const echo = 'process.stdout.write(JSON.stringify(process.argv.slice(2)) + "\\n")';

  test.each([
    [
      ["snapshot", "inspect", "f"],
      ["inspect", "--from", "f"],
    ],
    [
      ["snapshot", "inspect", "f", "--json"],
      ["inspect", "--from", "f", "--json"],
    ],
    [
      ["snapshot", "restore", "f", "--SavePath", "x", "--cfg=y"],
      ["restore", "--from", "f", "--SavePath", "x", "--cfg=y"],
    ],
    [
      ["snapshot", "restore", "f", "--other-group"],
      ["restore", "--from", "f", "--other-group"],
    ],
    [
      ["recover", "--yes", "--SavePath=x"],
      ["recover", "--yes", "--SavePath=x"],
    ],
    [
      ["recover", "--accept-damage", "--Group", "g"],
      ["recover", "--accept-damage", "--Group", "g"],
    ],
    [
      ["node", "reset", "--SavePath=x", "--yes", "--delete"],
      ["reset", "--yes", "--delete", "--SavePath=x"],
    ],
    [["node", "reset"], ["reset"]],
  ])("%j becomes %j", async (argv, expected) => {
    expect(await run(argv, io, { daemon: script(echo) })).toBe(0);
    expect(JSON.parse(io.out)).toEqual(expected);
  });

  test("their words and their end are handed on", async () => {
    const daemon = script('process.stderr.write("disterd: why\\n"); process.exitCode = Number(process.env.CODE)');
    for (const [code, exit] of [
      ["0", 0],
      ["1", 1],
      ["78", 2],
    ] as const) {
      const one = new Capture({ CODE: code });
      expect(await run(["node", "reset"], one, { daemon })).toBe(exit);
      expect(one.err).toBe("disterd: why\n");
    }
    const killed = new Capture();
    expect(await run(["recover"], killed, { daemon: script("process.kill(process.pid, 'SIGKILL')") })).toBe(1);
    expect(killed.err).toContain("disterd has stopped: killed by SIGKILL");
  });
});
