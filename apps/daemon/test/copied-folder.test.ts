import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { api, DaemonCluster, freePorts, startDaemon } from "./daemons.ts";

let cluster: DaemonCluster;
afterEach(() => cluster.close(), 30_000);

it("M9: a copy of a data folder that is started beside the original stops itself and says where that runs", {
  timeout: 60_000,
}, async () => {
  cluster = await DaemonCluster.start(3);
  const original = cluster.slots[2]!;
  await cluster.kill(2, "SIGTERM");
  const copy = join(cluster.folder, "copy");
  cpSync(original.folder, copy, { recursive: true });
  rmSync(join(copy, "dister.db", "lock"), { force: true });
  cluster.run(2);
  await cluster.ready();

  const [raft, repl, apiPort] = (await freePorts(3)) as [number, number, number];
  const daemon = startDaemon(
    [
      `--SavePath=${copy}`,
      "--Ip=127.0.0.1",
      "--Listen=127.0.0.1",
      `--RaftPort=${raft}`,
      `--ReplPort=${repl}`,
      `--ApiPort=${apiPort}`,
    ],
    cluster.folder,
  );
  const { code, stderr } = await daemon.ended;
  expect(code).not.toBe(0);
  expect(stderr).toMatch(
    new RegExp(
      `node [0-9A-F]{16} runs already at 127\\.0\\.0\\.1, raft port ${original.ports.raft}: one folder is a copy`,
    ),
  );
  await cluster.ready();
  for (const i of [0, 1, 2]) {
    expect(await api(cluster.url(i), "POST", "/kv", { [`after${i}`]: "1" })).toMatchObject({ status: 200 });
  }
});
