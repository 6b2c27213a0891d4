import { DEFAULT_PORTS, isDisterError } from "@dister/types";
import { describe, expect, it } from "vitest";
import { parsePeerAddress } from "./peer-address.ts";

describe("an address to say hello to", () => {
  it.each([
    ["db1", "db1", DEFAULT_PORTS.raft],
    ["db1.example.com", "db1.example.com", DEFAULT_PORTS.raft],
    ["db_1:1", "db_1", 1],
    ["10.0.0.7", "10.0.0.7", DEFAULT_PORTS.raft],
    ["10.0.0.7:65535", "10.0.0.7", 65_535],
    ["  db1:4166  ", "db1", 4166],
    ["[::1]", "::1", DEFAULT_PORTS.raft],
    ["[::1]:4200", "::1", 4200],
    ["::1", "::1", DEFAULT_PORTS.raft],
    ["fe80::1:2", "fe80::1:2", DEFAULT_PORTS.raft],
    ["[fe80::1%eth0]:5", "fe80::1%eth0", 5],
    ["::ffff:10.0.0.1", "::ffff:10.0.0.1", DEFAULT_PORTS.raft],
  ])("reads %j", (text, host, raftPort) => {
    expect(parsePeerAddress(text, "Peers.0")).toEqual({ host, raftPort });
  });

  it.each([
    "",
    " ",
    ":",
    ":4166",
    "db1:",
    "db1:0",
    "db1:65536",
    "db1:123456",
    "db1:-1",
    "db1:4166x",
    "db1:41:66",
    "db 1",
    "http://db1:4166",
    "db1/path",
    "user@db1",
    "db1,db2",
    "::::",
    "[:]",
    "[::1",
    "[::1]4166",
    "[db1]:4166",
    "[]",
    "12345::1::2",
    "a".repeat(271),
    "\u0000",
  ])("refuses %j and names the field", (text) => {
    const read = (): unknown => parsePeerAddress(text, "Peers.3");
    expect(read).toThrow(/^Peers\.3: got ".*, allowed is host, host:port, \[IPv6\] or \[IPv6\]:port$/s);
    try {
      read();
    } catch (error) {
      expect(isDisterError(error, "DISTER_ERR_INVALID")).toBe(true);
    }
  });
});
