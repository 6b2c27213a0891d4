import {
  DEFAULT_PORTS,
  type FileSystem,
  isDisterError,
  isHexId,
  membershipOf,
  NO_MEMBERSHIP,
  ROLE,
} from "@dister/types";
import { MemoryFileSystem, SeededRng } from "@dister/types/testing";
import { describe, expect, it } from "vitest";
import { type FoundingProposal, IdentityFile } from "./identity.ts";

const FOLDER = "/dister.db";
const PATH = `${FOLDER}/identity.json`;
const CLUSTER = "1111111111111111";

function open(fileSystem: FileSystem, seed = 1, group = "g"): IdentityFile {
  return IdentityFile.open({ fileSystem, rng: new SeededRng(seed), folder: FOLDER, group });
}

function proposal(clusterId: string, ...ids: string[]): FoundingProposal {
  const address = { host: "127.0.0.1", ports: DEFAULT_PORTS };
  const members = ids.map((id) => ({ id, name: id, role: ROLE.server, voter: true, address }));
  return { clusterId, membership: membershipOf(members) };
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return isDisterError(error) ? error.code : String(error);
  }
  return "no error";
}

describe("the identity of a node", () => {
  it("is made once and is the same ever after", () => {
    const fileSystem = new MemoryFileSystem();
    const made = open(fileSystem, 1).current;
    expect(isHexId(made.nodeId)).toBe(true);
    expect(made).toMatchObject({ group: "g", clusterId: "", accepted: null, logMade: false });
    fileSystem.crash();
    expect(open(fileSystem, 2).current).toEqual(made);
  });

  it("refuses to be used under another group, and names both", () => {
    const fileSystem = new MemoryFileSystem();
    open(fileSystem);
    expect(() => open(fileSystem, 1, "other")).toThrow(
      "the data folder cannot be used: it belongs to the group g, the configured group is other",
    );
    expect(codeOf(() => open(fileSystem, 1, "other"))).toBe("DISTER_ERR_IDENTITY");
  });

  it("accepts one founding proposal in its life, also after a power loss", () => {
    const fileSystem = new MemoryFileSystem();
    const identity = open(fileSystem);
    const accepted = proposal(CLUSTER, identity.current.nodeId);
    identity.accept(accepted);
    expect(codeOf(() => identity.accept(accepted))).toBe("DISTER_ERR_FOUNDING");
    fileSystem.crash();
    const again = open(fileSystem);
    expect(again.current.accepted).toEqual(accepted);
    expect(codeOf(() => again.accept(proposal("2222222222222222", identity.current.nodeId)))).toBe(
      "DISTER_ERR_FOUNDING",
    );
    expect(again.current.accepted).toEqual(accepted);
  });

  it("accepts no proposal any more once it belongs to a cluster", () => {
    const identity = open(new MemoryFileSystem());
    identity.setCluster(CLUSTER);
    expect(codeOf(() => identity.accept(proposal(CLUSTER, identity.current.nodeId)))).toBe("DISTER_ERR_FOUNDING");
  });

  it("belongs to one cluster for ever; to be told again changes nothing", () => {
    const fileSystem = new MemoryFileSystem();
    const identity = open(fileSystem);
    identity.setCluster(CLUSTER);
    const { operations } = fileSystem;
    identity.setCluster(CLUSTER);
    expect(fileSystem.operations).toBe(operations);
    expect(codeOf(() => identity.setCluster("2222222222222222"))).toBe("DISTER_ERR_IDENTITY");
    expect(open(fileSystem).current.clusterId).toBe(CLUSTER);
  });

  it("knows the membership of its founding, and none when it joined later or was refused by a founder", () => {
    const founder = open(new MemoryFileSystem());
    expect(founder.foundingMembership).toEqual(NO_MEMBERSHIP);
    const accepted = proposal(CLUSTER, founder.current.nodeId);
    founder.accept(accepted);
    expect(founder.foundingMembership).toEqual(NO_MEMBERSHIP);
    founder.setCluster(CLUSTER);
    expect(founder.foundingMembership).toEqual(accepted.membership);

    const elsewhere = open(new MemoryFileSystem());
    elsewhere.accept(accepted);
    elsewhere.setCluster("2222222222222222");
    expect(elsewhere.foundingMembership).toEqual(NO_MEMBERSHIP);
  });

  it("remembers that the log was made", () => {
    const fileSystem = new MemoryFileSystem();
    open(fileSystem).setLogMade();
    fileSystem.crash();
    expect(open(fileSystem).current.logMade).toBe(true);
  });
});

describe("power loss while the identity is written", () => {
  /** Runs the change against a disk that dies after each number of operations, losing or keeping what was not synced. */
  function everyCrash(
    change: (identity: IdentityFile) => void,
    check: (fileSystem: MemoryFileSystem, finished: boolean) => void,
  ): number {
    let points = 0;
    for (const kept of [true, false]) {
      for (let operations = 0; ; operations++) {
        const fileSystem = new MemoryFileSystem();
        const identity = open(fileSystem);
        fileSystem.haltAfter(operations);
        let finished = false;
        try {
          change(identity);
          finished = true;
        } catch {
          // The process has died; what is on the disk counts.
        }
        fileSystem.crash({ keepSector: () => kept, keepName: () => kept });
        check(fileSystem, finished);
        points++;
        if (finished) break;
      }
    }
    return points;
  }

  it("leaves the old or the new identity after any operation of an acceptance, and the promise once it returned", () => {
    const accepted = proposal(CLUSTER, "000000000000000A");
    const points = everyCrash(
      (identity) => identity.accept(accepted),
      (fileSystem, finished) => {
        const { nodeId, accepted: found } = open(fileSystem, 99).current;
        expect(nodeId).toBe(open(new MemoryFileSystem()).current.nodeId);
        expect(finished ? [CLUSTER] : [null, CLUSTER]).toContain(found === null ? null : found.clusterId);
      },
    );
    expect(points).toBeGreaterThan(8);
  });

  it("leaves a usable folder after any operation of the first start", () => {
    let points = 0;
    for (const kept of [true, false]) {
      for (let operations = 1; ; operations++, points++) {
        const fileSystem = new MemoryFileSystem();
        fileSystem.haltAfter(operations);
        let made: string | undefined;
        try {
          made = open(fileSystem, 1).current.nodeId;
        } catch {
          // Died on the way: nobody has heard of the id yet.
        }
        fileSystem.crash({ keepSector: () => kept, keepName: () => kept });
        const found = open(fileSystem, 2).current.nodeId;
        if (made !== undefined) {
          expect(found).toBe(made);
          break;
        }
      }
    }
    expect(points).toBeGreaterThan(8);
  });

  it("is not taken for done when the disk is full, and can be done later", () => {
    const fileSystem = new MemoryFileSystem();
    const identity = open(fileSystem);
    fileSystem.inject({ operation: "write", nth: 1, error: "ENOSPC", bytesWritten: 20 });
    expect(codeOf(() => identity.setCluster(CLUSTER))).toBe("DISTER_ERR_DISK_FULL");
    expect(identity.current.clusterId).toBe("");
    identity.setCluster(CLUSTER);
    expect(open(fileSystem).current.clusterId).toBe(CLUSTER);
  });
});

describe("a damaged identity file", () => {
  function damaged(change: (bytes: Uint8Array) => Uint8Array): MemoryFileSystem {
    const fileSystem = new MemoryFileSystem();
    const identity = open(fileSystem);
    identity.accept(proposal(CLUSTER, identity.current.nodeId));
    const changed = change(fileSystem.contents(PATH));
    fileSystem.remove(PATH);
    const file = fileSystem.open(PATH, "create");
    file.writeAt([changed], 0);
    file.close();
    return fileSystem;
  }
  const text = (change: (text: string) => string) => (bytes: Uint8Array) =>
    new TextEncoder().encode(change(new TextDecoder().decode(bytes)));

  it.each([
    ["empty", () => new Uint8Array()],
    ["cut", (bytes: Uint8Array) => bytes.subarray(0, bytes.length >> 1)],
    ["zeroed", (bytes: Uint8Array) => new Uint8Array(bytes.length)],
    ["not UTF-8", (bytes: Uint8Array) => bytes.with(20, 0xff)],
    ["null", text(() => "null")],
    ["of another format", text((json) => json.replace('"format": 1', '"format": 2'))],
    ["without a node id", text((json) => json.replace('"nodeId"', '"nodeIt"'))],
    [
      "with a lower-case cluster id",
      text((json) => json.replace('"clusterId": ""', '"clusterId": "abcdefabcdefabcd"')),
    ],
    ["without its promise", text((json) => json.replace('"accepted"', '"acceptet"'))],
  ])("that is %s is refused with the path of the file", (_name, change) => {
    const fileSystem = damaged(change);
    expect(() => open(fileSystem)).toThrow(/^the data folder cannot be used: \/dister\.db\/identity\.json: ./);
    expect(codeOf(() => open(fileSystem))).toBe("DISTER_ERR_IDENTITY");
  });

  it("never becomes another identity by a single flipped bit", () => {
    const good = new MemoryFileSystem();
    const identity = open(good);
    identity.accept(proposal(CLUSTER, identity.current.nodeId));
    const size = good.contents(PATH).length;
    for (let at = 0; at < size; at++) {
      const bit = 1 << (at % 8);
      const fileSystem = damaged((bytes) => bytes.with(at, bytes[at]! ^ bit));
      try {
        expect(open(fileSystem).current).toEqual(identity.current);
      } catch (error) {
        expect(isDisterError(error, "DISTER_ERR_IDENTITY"), String(error)).toBe(true);
      }
    }
  });
});
