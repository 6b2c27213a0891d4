import { describe, expect, it } from "vitest";
import { CONFIG_DEFAULTS, ConfigSchema } from "./config.ts";
import { parseOrThrow } from "./problem.ts";

const read = (config: object): unknown => parseOrThrow(ConfigSchema, config, "configuration");

describe("the configuration", () => {
  it("has these defaults", () => {
    expect(CONFIG_DEFAULTS).toEqual({
      Group: "default.group.dister",
      Name: "",
      Ip: "",
      Listen: "0.0.0.0",
      Role: 0,
      SavePath: "./",
      LogPath: "",
      LogLevel: "info",
      MinNode: 2,
      Scan: false,
      Peers: [],
      Ports: { raft: 4166, repl: 4167, api: 4168 },
      Api: { host: "127.0.0.1", hosts: [], origins: [] },
      Secret: "",
      Tls: { cert: "", key: "", ca: "", strictHosts: false },
      Election: { heartbeatMs: 75, timeoutMs: 500 },
      Cleanup: { deadAfterMs: 0, minVoters: 3 },
      Checks: { custom: "off", observers: 1, dampingMs: 5_000 },
      Cache: { bytes: 67_108_864 },
    });
    expect(Object.isFrozen(CONFIG_DEFAULTS)).toBe(true);
  });

  it("is the same when its defaults are read again", () => {
    expect(read(CONFIG_DEFAULTS)).toEqual(CONFIG_DEFAULTS);
  });

  it("fills in what a part leaves out, and takes an empty text of the original for the default", () => {
    expect(read({ Ports: { api: 9 }, Group: "", SavePath: "", Role: "monitor" })).toEqual({
      ...CONFIG_DEFAULTS,
      Ports: { raft: 4166, repl: 4167, api: 9 },
      Role: 2,
    });
  });

  it.each<[object, string]>([
    [{ MinNode: 0 }, "MinNode: got 0, allowed is number to be >=1"],
    [{ MinNode: "2" }, 'MinNode: got "2", allowed is number'],
    [{ Role: 3 }, "Role: got 3, allowed is 0, 1, 2, server, client or monitor"],
    [{ Role: "leader" }, 'Role: got "leader", allowed is 0, 1, 2, server, client or monitor'],
    [{ Ports: { raft: 4167 } }, "Ports: got an object, allowed is three different ports"],
    [{ Ports: { raft: 0 } }, "Ports.raft: got 0, allowed is number to be >=1"],
    [{ Ports: { http: 1 } }, "Ports.http: got 1, allowed is no field of this name"],
    [{ Election: { heartbeatMs: 200 } }, "Election.timeoutMs: got nothing, allowed is at least three heartbeats"],
    [{ Peers: "host" }, 'Peers: got "host", allowed is array'],
    [{ Peers: [""] }, 'Peers.0: got "", allowed is string to have >=1 characters'],
    [{ Secret: 5 }, "Secret: got a value that is not shown, allowed is string"],
    [{ Tls: { cert: "a" } }, "Tls.key: got nothing, allowed is the path of a PEM file: Tls needs cert, key and ca"],
    [{ Tls: { cert: "a", key: "b" } }, "Tls.ca: got nothing, allowed is the path of a PEM file"],
    [{ Tls: { strictHosts: true } }, "Tls.cert: got nothing, allowed is the path of a PEM file"],
    [{ Tls: { rejectUnauthorized: false } }, "Tls.rejectUnauthorized: got false, allowed is no field of this name"],
    [{ Minnode: 1 }, "Minnode: got 1, allowed is no field of this name"],
  ])("%j is refused in one line that names the key", (config, message) => {
    expect(() => read(config)).toThrow(message);
  });

  it("names the executables of custom checks by absolute path, as a list or separated by commas (X10)", () => {
    const custom = (value: unknown): unknown =>
      (read({ Checks: { custom: value } }) as typeof CONFIG_DEFAULTS).Checks.custom;
    expect(custom("off")).toBe("off");
    expect(custom(["/a/b", "/c d"])).toEqual(["/a/b", "/c d"]);
    expect(custom("/a/b, /c")).toEqual(["/a/b", "/c"]);
    for (const refused of ["on", "*", "check", "/a,b", [], ["off", "/a"], ["./a"], [""], true, ["/a\u0000b"]]) {
      expect(() => custom(refused)).toThrow(/^Checks\.custom.*: got .*absolute path$/);
    }
  });
});
