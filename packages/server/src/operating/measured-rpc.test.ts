import { DisterError, type ErrorCode, type PeerRpc } from "@dister/types";
import { expect, it } from "vitest";
import { MeasuredRpc } from "./measured-rpc.ts";

function failing(code: ErrorCode | null): PeerRpc {
  const end = (): Promise<never> => Promise.reject(code === null ? new Error("odd") : new DisterError(code));
  return { serve: () => {}, call: end, hello: end, ports: () => ({ raft: 1, repl: 2 }) };
}

it.each([
  ["DISTER_ERR_TIMEOUT", "timeout"],
  ["DISTER_ERR_PEER_UNREACHABLE", "unreachable"],
  ["DISTER_ERR_BUSY", "busy"],
  ["DISTER_ERR_NOT_LEADER", "refused"],
  [null, "refused"],
] as const)("counts %s as %s and passes it on", async (code, outcome) => {
  const ended: string[] = [];
  const rpc = new MeasuredRpc(failing(code), (method, how) => ended.push(`${method} ${how}`));
  await expect(rpc.call("A", "propose", new Uint8Array(0), { timeoutMs: 1 })).rejects.toBeDefined();
  await expect(rpc.hello({ host: "h", raftPort: 1 })).rejects.toBeDefined();
  expect(ended).toEqual([`propose ${outcome}`, `hello ${outcome}`]);
});

it("counts an answer as ok", async () => {
  const ended: string[] = [];
  const rpc = new MeasuredRpc({ ...failing(null), call: () => Promise.resolve(Uint8Array.of(7)) }, (method, how) =>
    ended.push(`${method} ${how}`),
  );
  expect(await rpc.call("A", "peers", new Uint8Array(0), { timeoutMs: 1 })).toEqual(Uint8Array.of(7));
  expect(ended).toEqual(["peers ok"]);
});
