import { peerRpcConformance, transportConformance } from "@dister/types/conformance";
import { describe, test } from "vitest";
import { authority, nodePem } from "./certificates.ts";
import { tcpLab, tlsOf } from "./lab.ts";

describe("TcpPeers without a secret", () => {
  const create = () => Promise.resolve(tcpLab());
  transportConformance({ test, create });
  peerRpcConformance({ test, create });
});

describe("TcpPeers with a secret", () => {
  const create = () => Promise.resolve(tcpLab({ secret: "a long and random secret" }));
  transportConformance({ test, create });
  peerRpcConformance({ test, create });
});

describe("TcpPeers with TLS and a secret", () => {
  const ca = authority();
  const tlsFor = (group: string) => tlsOf(nodePem(ca, { group }), { group });
  const create = () => Promise.resolve(tcpLab({ secret: "a long and random secret", tlsFor }));
  transportConformance({ test, create });
  peerRpcConformance({ test, create });
});
