import { spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer, type TLSSocket } from "node:tls";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { run } from "../src/index.ts";
import { Capture } from "./capture.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "dister-cert-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function cert(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = new Capture();
  const code = await run(["cert", ...argv], io);
  return { code, out: io.out, err: io.err };
}

const create = (...argv: string[]) => cert("create", "--dir", join(folder, "certs"), ...argv);
const path = (name: string): string => join(folder, "certs", name);
const text = (name: string): string => readFileSync(path(name), "utf8");
const x509 = (name: string): X509Certificate => new X509Certificate(text(name));

describe("dister cert create", () => {
  test("makes a CA once and a certificate for each node, keys for their owner only", async () => {
    expect((await create("--node", "node1")).code).toBe(0);
    const ca = text("ca.pem");
    expect((await create("--node", "node2")).code).toBe(0);
    expect(text("ca.pem")).toBe(ca);
    expect(readdirSync(join(folder, "certs"))).toEqual([
      ...["ca-key.pem", "ca.pem", "node1-key.pem", "node1.pem", "node2-key.pem", "node2.pem"],
    ]);
    for (const name of ["ca-key.pem", "node1-key.pem"]) expect(statSync(path(name)).mode & 0o777, name).toBe(0o600);
    const authority = x509("ca.pem");
    for (const name of ["node1.pem", "node2.pem"]) {
      expect(x509(name).checkIssued(authority) && x509(name).verify(authority.publicKey), name).toBe(true);
      expect(x509(name).ca).toBe(false);
    }
    expect(authority.ca).toBe(true);
    expect(x509("node1.pem").serialNumber).not.toBe(x509("node2.pem").serialNumber);
  });

  test("puts the group, every host and the time into it, and shows the lines to paste", async () => {
    const { out } = await create(
      "--group",
      "prod west",
      "--node",
      "n",
      "--host",
      "10.0.0.5,n.example",
      "--host",
      "::1",
      "--days",
      "30",
    );
    const made = x509("n.pem");
    expect(made.subjectAltName).toBe(
      "URI:dister://prod%20west/node, IP Address:10.0.0.5, DNS:n.example, IP Address:0:0:0:0:0:0:0:1",
    );
    expect(made.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
    const days = (Date.parse(made.validTo) - Date.now()) / 86_400_000;
    expect(Math.round(days)).toBe(30);
    const pasted = JSON.parse(`{${out.slice(out.indexOf('"Group"')).trimEnd().replace(/,$/, "")}}`) as unknown;
    const tls = { cert: path("n.pem"), key: path("n-key.pem"), ca: path("ca.pem") };
    expect(pasted).toEqual({ Group: "prod west", Tls: tls });
  });

  test("never writes over what is there, and says so before it makes anything", async () => {
    mkdirSync(join(folder, "certs"));
    writeFileSync(path("node1-key.pem"), "mine");
    const { code, err } = await create("--node", "node1");
    expect(code).toBe(1);
    expect(err).toBe(
      `ERROR: ${path("node1-key.pem")} is there already: --renew replaces it, and nothing was changed\n`,
    );
    expect(readdirSync(join(folder, "certs"))).toEqual(["node1-key.pem"]);
  });

  test("renews a node's certificate and key, and the CA stays", async () => {
    await create("--node", "node1");
    const before = [text("ca.pem"), text("ca-key.pem"), text("node1.pem"), text("node1-key.pem")];
    expect((await create("--node", "node1", "--renew")).code).toBe(0);
    const after = [text("ca.pem"), text("ca-key.pem"), text("node1.pem"), text("node1-key.pem")];
    expect(after.map((one, at) => one === before[at])).toEqual([true, true, false, false]);
    expect(statSync(path("node1-key.pem")).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(folder, "certs"))).toHaveLength(4);
  });

  test("makes the CA alone without --node, and leaves one that is there alone", async () => {
    expect(await create()).toMatchObject({ code: 0, out: expect.stringContaining(`made ${path("ca.pem")}`) });
    const before = text("ca-key.pem");
    expect(await create()).toMatchObject({
      code: 0,
      out: expect.stringContaining("is there already, nothing was changed"),
    });
    expect(text("ca-key.pem")).toBe(before);
  });

  test("with --json answers with the configuration", async () => {
    const io = new Capture();
    await run(["--json", "cert", "create", "--dir", path(""), "--node", "n"], io);
    expect(JSON.parse(io.out)).toMatchObject({ result: 1, data: { Group: "default.group.dister", newCa: true } });
    expect(io.out).not.toContain("PRIVATE KEY");
  });

  test("says in one line what is wrong with a CA that cannot sign", async () => {
    await create();
    rmSync(path("ca-key.pem"));
    expect(await create("--node", "n")).toMatchObject({
      code: 1,
      err: expect.stringMatching(/ca\.pem is there and .*ca-key\.pem is not/),
    });
    writeFileSync(path("ca-key.pem"), "nonsense");
    expect(await create("--node", "n")).toMatchObject({
      code: 1,
      err: expect.stringContaining("are not the certificate and the EC or RSA key of one CA"),
    });
    expect(existsSync(path("n-key.pem"))).toBe(false);
  });

  test("refuses a certificate that outlives its CA", async () => {
    const { createCertificates } = await import("../src/cert/create.ts");
    const options = { group: "g", host: [], days: 365, dir: join(folder, "certs") };
    createCertificates(options, Date.now() - 3_640 * 86_400_000);
    expect(await create("--node", "n", "--days", "30")).toMatchObject({
      code: 1,
      err: expect.stringMatching(/--days 30 is too long, at most (9|10)/),
    });
    expect((await create("--node", "n", "--days", "5")).code).toBe(0);
  });

  test("says which folder it cannot write", async () => {
    writeFileSync(join(folder, "certs"), "a file in its place");
    expect(await create("--node", "n")).toMatchObject({ code: 1, err: expect.stringMatching(/ca-key\.pem failed/) });
  });

  const wrong: [string, string[], string][] = [
    ["a node that leaves the folder", ["--node", "../n"], "letters, digits, dots"],
    ["a node called ca", ["--node", "CA"], "not ca"],
    ["a node whose certificate would be another's key", ["--node", "n-key"], "not …-key"],
    ["a host that is none", ["--node", "n", "--host", "a b"], "neither an address nor a DNS name"],
    ["an address that is none", ["--node", "n", "--host", "10.0.0.256"], "neither an address nor a DNS name"],
    ["no group", ["--node", "n", "--group", ""], "1 to 128 characters"],
    ["no time", ["--node", "n", "--days", "0"], "from 1 to 3650"],
  ];
  test.each(wrong)("refuses %s as wrong usage and makes nothing", async (_name, argv, says) => {
    const { code, err } = await create(...argv);
    expect(code).toBe(2);
    expect(err).toContain(says);
    expect(existsSync(join(folder, "certs"))).toBe(false);
  });
});

describe("dister cert show", () => {
  test("tells of what kind a certificate is, for whom and until when", async () => {
    await create("--group", "g", "--node", "n", "--host", "n.example");
    const node = await cert("show", path("n.pem"));
    expect(node.out).toMatch(
      /^kind +node\nsubject +CN=n\nissuer +CN=dister CA of g\nnames +URI:dister:\/\/g\/node, DNS:n\.example\n/,
    );
    expect(node.out).toContain("(valid)");
    expect((await cert("show", path("ca.pem"))).out).toMatch(/^kind +CA\n/);
  });

  test("refuses a key, which it does not repeat, and a file that is not there", async () => {
    await create("--node", "n");
    const key = await cert("show", path("n-key.pem"));
    expect(key).toMatchObject({ code: 1, err: `ERROR: ${path("n-key.pem")} holds no certificate that can be read\n` });
    expect(await cert("show", path("none.pem"))).toMatchObject({ code: 1, err: expect.stringContaining("ENOENT") });
  });
});

test("two nodes of it meet over TLS 1.3", async () => {
  await create("--node", "a", "--host", "localhost");
  await create("--node", "b");
  const server = createServer({
    ...{ cert: text("a.pem"), key: text("a-key.pem"), ca: text("ca.pem") },
    ...{ requestCert: true, rejectUnauthorized: true, minVersion: "TLSv1.3" as const },
  });
  const accepted = new Promise<TLSSocket>((resolve) => server.once("secureConnection", resolve));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const socket = connect({ host: "localhost", port, cert: text("b.pem"), key: text("b-key.pem"), ca: text("ca.pem") });
  try {
    expect((await accepted).authorized).toBe(true);
    await new Promise<void>((resolve, reject) => {
      if (socket.authorized) resolve();
      socket.once("secureConnect", resolve).once("error", reject);
    });
  } finally {
    socket.destroy();
    server.close();
  }
});

const openssl = (...argv: string[]) => spawnSync("openssl", argv, { encoding: "utf8" });

test.skipIf(openssl("version").status !== 0)(
  "openssl reads and verifies what it makes, and it takes a CA of openssl",
  async () => {
    await create("--group", "g", "--node", "n", "--host", "10.0.0.5");
    const verified = openssl(
      "verify",
      "-x509_strict",
      "-purpose",
      "sslserver",
      "-CAfile",
      path("ca.pem"),
      path("n.pem"),
    );
    expect(verified).toMatchObject({ status: 0, stdout: `${path("n.pem")}: OK\n` });
    const shown = openssl("x509", "-in", path("n.pem"), "-noout", "-ext", "subjectAltName").stdout;
    expect(shown).toContain("URI:dister://g/node, IP Address:10.0.0.5");
    expect(openssl("pkey", "-in", path("n-key.pem"), "-check", "-noout").status).toBe(0);

    const other = join(folder, "other");
    mkdirSync(other);
    const made = openssl(
      ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "400", "-subj", "/O=Example/CN=Example CA"],
      ...["-keyout", join(other, "ca-key.pem"), "-out", join(other, "ca.pem")],
    );
    expect(made.status, made.stderr).toBe(0);
    expect((await cert("create", "--dir", other, "--node", "n")).code).toBe(0);
    const again = openssl("verify", "-CAfile", join(other, "ca.pem"), join(other, "n.pem"));
    expect(again, again.stderr).toMatchObject({ status: 0 });
  },
);
