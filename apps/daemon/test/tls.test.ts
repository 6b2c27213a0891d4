import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { api, type Daemon, DaemonCluster, freePorts, startDaemon, until } from "./daemons.ts";

const DISTER = fileURLToPath(new URL("../../cli/src/main.ts", import.meta.url));
const SECRET = "a long and random secret of a test";

let folder: string;
let cluster: DaemonCluster;
const strangers: Daemon[] = [];

const path = (name: string): string => join(folder, name);

/** Makes a certificate as an operator does. */
function certificate(node: string, ...argv: string[]): void {
  const args = ["--conditions=@dister/source", DISTER, "cert", "create", "--dir", folder, "--node", node, ...argv];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  expect(status, stderr).toBe(0);
}

const tlsArgs = (name: string): string[] => [
  `--TlsCert=${path(`${name}.pem`)}`,
  `--TlsKey=${path(`${name}-key.pem`)}`,
  `--TlsCa=${path("ca.pem")}`,
];

interface Status {
  readonly raft: { readonly term: number; readonly membership: { readonly members: readonly unknown[] } };
}

async function status(i: number): Promise<Status> {
  return (await api(cluster.url(i), "GET", "/cluster/status")).data as Status;
}

/** A node that is none of the cluster's and knows where it is; `output` tells how it fared. */
async function stranger(...argv: string[]): Promise<Daemon> {
  const [raft, repl, http] = (await freePorts(3)) as [number, number, number];
  const peers = cluster.slots.map(({ ports }) => `127.0.0.1:${ports.raft}`).join(",");
  const own = ["--Name=stranger", `--SavePath=${mkdtempSync(path("stranger-"))}`, "--MinNode=2", `--Peers=${peers}`];
  const ports = [`--RaftPort=${raft}`, `--ReplPort=${repl}`, `--ApiPort=${http}`];
  const daemon = startDaemon([...own, ...ports, "--Ip=127.0.0.1", "--Listen=127.0.0.1", ...argv], folder);
  strangers.push(daemon);
  return daemon;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "dister-tls-"));
  for (const name of ["node1", "node2", "node3"]) certificate(name);
  // Patient with a slow machine, so that a new term means that somebody raised it.
  const patient = ["--HeartbeatMs=200", "--TimeoutMs=5000"];
  cluster = await DaemonCluster.start(3, (name) => [...tlsArgs(name), `--Secret=${SECRET}`, ...patient]);
}, 90_000);

afterAll(async () => {
  await Promise.all(strangers.map((daemon) => daemon.signal("SIGKILL")));
  await cluster?.close();
  rmSync(folder, { recursive: true });
});

describe("a cluster with certificates of the command and a secret", { timeout: 90_000 }, () => {
  it("forms, and what one node takes another one gives", async () => {
    expect(await api(cluster.url(0), "POST", "/kv", { over: "TLS" })).toMatchObject({ status: 200 });
    expect(await api(cluster.url(2), "GET", "/kv?k=over")).toMatchObject({ status: 200, data: "TLS" });
    expect((await status(1)).raft.membership.members).toHaveLength(3);
  });

  it("X5, X6: lets no node in that lacks the certificate, the group or the secret, and is not disturbed", async () => {
    const before = await status(0);
    const said = (): string => cluster.running.map((i) => cluster.slots[i]!.daemon!.output).join("");
    certificate("alien", "--group=other");
    const intruders: [argv: string[], toldHere: string, toldThere: string][] = [
      [[`--Secret=${SECRET}`], "it closed the connection", "it speaks without TLS, and here Tls is set"],
      [
        [...tlsArgs("alien"), "--Group=other", `--Secret=${SECRET}`],
        "its certificate is for another group",
        "it closed the connection within the TLS handshake",
      ],
      [
        [...tlsArgs("node1"), "--Secret=another long and random secret"],
        "it closed the connection",
        "its proof of the secret is wrong",
      ],
    ];
    // One after the other: each is a whole process.
    for (const [argv, toldHere, toldThere] of intruders) {
      const daemon = await stranger(...argv);
      const told = async (): Promise<boolean> => daemon.output.includes(toldHere) && said().includes(toldThere);
      await until(told, () => `${daemon.output}\n${said()}`);
      expect(daemon.output + said()).not.toContain(SECRET);
      await daemon.signal("SIGKILL");
    }
    expect(await api(cluster.url(1), "POST", "/kv", { still: "here" })).toMatchObject({ status: 200 });
    const after = await status(0);
    expect(after.raft.term).toBe(before.raft.term);
    expect(after.raft.membership.members).toHaveLength(3);
  });

  it("X6: takes certificates that are renewed while it runs, and keeps the old ones when the new ones are broken", async () => {
    const daemon = (i: number): Daemon => cluster.slots[i]!.daemon!;
    writeFileSync(path("node1.pem"), "not a certificate");
    daemon(0).process.kill("SIGHUP");
    await until(
      async () => daemon(0).output.includes("goes on with the old ones"),
      () => daemon(0).output,
    );
    await cluster.kill(1);
    cluster.run(1);
    await cluster.ready([1]);
    for (const i of [0, 1, 2]) {
      const name = `node${i + 1}`;
      certificate(name, "--renew");
      daemon(i).process.kill("SIGHUP");
      await until(
        async () => daemon(i).output.includes("were read again"),
        () => daemon(i).output,
      );
    }
    await cluster.kill(2);
    cluster.run(2);
    await cluster.ready([2]);
    expect(await api(cluster.url(2), "POST", "/kv", { renewed: "yes" })).toMatchObject({ status: 200 });
    expect(await api(cluster.url(0), "GET", "/kv?k=renewed")).toMatchObject({ data: "yes" });
  });
});

describe("a start with certificates that cannot be meant ends with code 78 and one line", { timeout: 60_000 }, () => {
  const rows: [string, () => string[], RegExp][] = [
    [
      "a file that is not there",
      () => [...tlsArgs("node1"), "--TlsCert=none.pem"],
      /^disterd: Tls\.cert: got none\.pem \(ENOENT\), allowed is a readable PEM file\n$/,
    ],
    ["a folder in place of a file", () => [...tlsArgs("node1"), `--TlsCa=${folder}`], /Tls\.ca: got .* \(EISDIR\)/],
    [
      "another certificate's key",
      () => [...tlsArgs("node1"), `--TlsKey=${path("node2-key.pem")}`],
      /Tls\.key: got the key of another certificate/,
    ],
    [
      "another group",
      () => [...tlsArgs("node1"), "--Group=g2"],
      /Tls\.cert: got a certificate that is for another group/,
    ],
    [
      "only one of the three",
      () => [`--TlsCert=${path("node1.pem")}`],
      /Tls\.key: got nothing, allowed is the path of a PEM file/,
    ],
    [
      "an option that does not exist",
      () => [...tlsArgs("node1"), "--TlsStrictHost=true"],
      /--TlsStrictHost: got a flag that does not exist, allowed is --tlsstricthosts/,
    ],
  ];
  it.each(rows)("X6: for %s", async (_name, argv, says) => {
    const daemon = startDaemon([`--SavePath=${path("never")}`, "--Listen=127.0.0.1", ...argv()], folder);
    const ended = await daemon.ended;
    expect(ended).toMatchObject({ code: 78, stderr: expect.stringMatching(says) });
    expect(ended.stderr.trimEnd().split("\n")).toHaveLength(1);
  });

  it("X6: for rejectUnauthorized, which does not exist", async () => {
    const tls = { cert: path("node1.pem"), key: path("node1-key.pem"), ca: path("ca.pem"), rejectUnauthorized: false };
    writeFileSync(path("off.json"), JSON.stringify({ Tls: tls }));
    const ended = await startDaemon(["--cfg", path("off.json")], folder).ended;
    expect(ended.code).toBe(78);
    expect(ended.stderr).toMatch(/^disterd: Tls\.rejectUnauthorized: got a key that does not exist, allowed is .*\n$/);
  });
});

describe("a start that lets others in says so", { timeout: 60_000 }, () => {
  async function started(...argv: string[]): Promise<string> {
    const [raft, repl, http] = (await freePorts(3)) as [number, number, number];
    const ports = [`--RaftPort=${raft}`, `--ReplPort=${repl}`, `--ApiPort=${http}`];
    const daemon = startDaemon(["--MinNode=1", `--SavePath=${mkdtempSync(path("open-"))}`, ...ports, ...argv], folder);
    await until(
      async () => daemon.output.includes("node started"),
      () => daemon.output,
    );
    await daemon.signal("SIGKILL");
    return daemon.output;
  }

  it("X16: a key and a configuration with a secret that every user of the machine can read", async () => {
    writeFileSync(path("open.json"), JSON.stringify({ secret: SECRET }));
    chmodSync(path("open.json"), 0o644);
    chmodSync(path("node3-key.pem"), 0o604);
    const said = await started("--Listen=127.0.0.1", "--cfg", path("open.json"), ...tlsArgs("node3"));
    chmodSync(path("node3-key.pem"), 0o600);
    for (const key of ["Secret", "Tls.key"]) {
      expect(said).toMatch(new RegExp(`"key":"${key}".*can be read by every user of this machine`));
    }
    expect(said).not.toContain(SECRET);
  });

  it("X5: peer ports without Secret and Tls, without Tls alone, and a secret that can be guessed", async () => {
    // An address that is loopback and does not look like it: nothing is opened to the network.
    const bare = await started("--Listen=::ffff:127.0.0.1");
    expect(bare).toContain("without a Secret and without Tls");
    const guessed = await started("--Listen=::ffff:127.0.0.1", "--Secret=hunter2");
    expect(guessed).toContain("without Tls: what nodes say can be read on the way");
    expect(guessed).toContain("short enough to be guessed");
    expect(guessed).not.toContain("hunter2");
    const quiet = await started("--Listen=127.0.0.1", ...tlsArgs("node1"), `--Secret=${SECRET}`);
    expect(quiet).not.toMatch(/beyond loopback|guessed|every user/);
  });
});
