import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { isDisterError, type Ports } from "@dister/types";
import { expect, test } from "vitest";
import { A, B, open, until } from "./lab.ts";

test("a peer whose process is killed is down at once, and its calls and snapshots end", async () => {
  const a = await open(A);
  const events: string[] = [];
  a.bind({
    message: () => {},
    peerUp: (peer) => events.push(`up ${peer}`),
    peerDown: (peer) => events.push(`down ${peer}`),
    snapshot: () => Promise.reject(new Error("none")),
  });
  const { raft, repl } = a.ports();
  const victim = fork(fileURLToPath(new URL("victim.ts", import.meta.url)), [A, `${raft}`, `${repl}`], {
    execArgv: ["--conditions=@dister/source"],
  });
  const said: unknown[] = [];
  victim.on("message", (message) => said.push(message));
  try {
    await until(() => said.length === 1, "the process is ready");
    a.setPeer(B, { host: "127.0.0.1", ports: { ...(said[0] as Pick<Ports, "raft" | "repl">), api: 0 } });
    await until(() => a.isUp(B), "connected");
    const ends: unknown[] = [];
    const header = { term: 1, position: { index: 1, term: 1 }, membership: { members: [] } };
    const offer = { ...header, content: { digest: "5a".repeat(32), pieceCount: 9, byteCount: 9_000 } };
    a.call(B, "never", new Uint8Array(0), { timeoutMs: 600_000 }).catch((error: unknown) => ends.push(error));
    a.sendSnapshot(B, offer, endless).catch((error: unknown) => ends.push(error));
    await until(() => said.includes("called") && said.includes("chunk"), "the call and the snapshot are under way");
    victim.kill("SIGKILL");
    await until(() => ends.length === 2 && !a.isUp(B), "everything ends");
    expect(ends.every((error) => isDisterError(error, "DISTER_ERR_PEER_UNREACHABLE"))).toBe(true);
    expect(events).toEqual([`up ${B}`, `down ${B}`]);
  } finally {
    victim.kill("SIGKILL");
    await a.close();
  }
});

async function* endless(): AsyncGenerator<Uint8Array> {
  for (;;) yield new Uint8Array(1_000);
}
