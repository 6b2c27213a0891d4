import { inspect } from "node:util";
import { isDisterError } from "@dister/types";
import { describe, expect, test } from "vitest";
import { authority, certificate, nodePem } from "../test/certificates.ts";
import { TlsCredentials, type TlsPem } from "./tls-credentials.ts";

const USE = { group: "g", wallMs: Date.now() };
const DAY_MS = 86_400_000;
const ca = authority();
const good = nodePem(ca);

function refusal(pem: TlsPem, use = USE): string {
  try {
    TlsCredentials.of(pem, use);
  } catch (error) {
    if (isDisterError(error, "DISTER_ERR_CONFIG")) return error.message;
    throw error;
  }
  return "none";
}

describe("X6: credentials", () => {
  test("that fit are taken, and tell until when", () => {
    const to = new Date(Math.floor(Date.now() / 1_000) * 1_000 + DAY_MS);
    expect(TlsCredentials.of(nodePem(ca, { to }), USE).validToMs).toBe(to.getTime());
  });

  test("of a chain are taken when every link of it may sign", () => {
    const between = certificate({ name: "between", ca: true, issuer: ca });
    const leaf = nodePem(between);
    expect(refusal({ ...leaf, cert: leaf.cert + between.cert, ca: ca.cert })).toBe("none");
    const stranger = certificate({ name: "between", issuer: ca });
    const bad = nodePem(stranger);
    expect(refusal({ ...bad, cert: bad.cert + stranger.cert, ca: ca.cert })).toContain("of another CA");
  });

  test("several CAs are taken at once, as while one is being replaced", () => {
    expect(refusal({ ...good, ca: authority("next").cert + ca.cert })).toBe("none");
  });

  test("show nothing of the key, neither printed nor in an error", () => {
    const shown = inspect(TlsCredentials.of(good, USE), { depth: 9, showHidden: true });
    const secretLine = good.key.split("\n")[1]!;
    expect(shown).not.toContain(secretLine);
    expect(refusal({ ...good, cert: nodePem(ca).cert })).not.toContain(secretLine);
  });

  const bad: [string, TlsPem, string][] = [
    ["a file that is no certificate", { ...good, cert: "hello" }, "Tls.cert: got a file without a certificate"],
    [
      "a certificate that is cut",
      { ...good, cert: good.cert.replace(/\n.{20}/, "\n") },
      "Tls.cert: got a certificate that cannot be read",
    ],
    ["a CA file that is none", { ...good, ca: good.key }, "Tls.ca: got a file without a certificate"],
    ["a key that is none", { ...good, key: good.cert }, "Tls.key: got a key that cannot be read"],
    [
      "the key of another certificate",
      { ...good, key: nodePem(ca).key },
      "Tls.key: got the key of another certificate",
    ],
    ["a certificate of another CA", { ...good, ca: authority().cert }, "Tls.cert: got a certificate of another CA"],
    [
      "a certificate that signed itself",
      { ...good, ...certificate({ names: [[6, "dister://g/node"]] }) },
      "of another CA",
    ],
    [
      "another group",
      nodePem(ca, { group: "h" }),
      "Tls.cert: got a certificate that is for another group, allowed is one with the URI dister://g/node",
    ],
    ["no group", nodePem(ca, { names: [[2, "a.example"]] }), "allowed is one with the URI dister://g/node"],
    ["a certificate for clients only", nodePem(ca, { purposes: [2] }), "Tls.cert: got a certificate for one side only"],
    [
      "a certificate that has expired",
      nodePem(ca, { to: new Date(Date.now() - 1_000) }),
      "got a certificate that expired on",
    ],
    [
      "a certificate of tomorrow",
      nodePem(ca, { from: new Date(Date.now() + DAY_MS), to: new Date(Date.now() + 2 * DAY_MS) }),
      "valid from",
    ],
  ];
  test.each(bad)("with %s are refused in one line that names the key", (_name, pem, says) => {
    const message = refusal(pem);
    expect(message).toContain(says);
    expect(message).not.toContain("\n");
  });
});
