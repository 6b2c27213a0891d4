import { peerRpcConformance, transportConformance } from "@dister/types/conformance";
import { describe, test } from "vitest";
import { tcpLab } from "./lab.ts";

describe("TcpPeers without a secret", () => {
  const create = () => Promise.resolve(tcpLab());
  transportConformance({ test, create });
  peerRpcConformance({ test, create });
});

describe("TcpPeers with a secret", () => {
  const create = () => Promise.resolve(tcpLab("a long and random secret"));
  transportConformance({ test, create });
  peerRpcConformance({ test, create });
});
