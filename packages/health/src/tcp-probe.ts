import { connect } from "node:net";
import { guardedLookup } from "./address-guard.ts";
import type { HostOptions } from "./driver-socket.ts";
import { type ProbeComponents, type ProbeResult, reasonOf, runProbe } from "./probe.ts";

export type TcpProbeOptions = HostOptions;

/** Connects and closes without a word: ok when the target takes the connection. */
export function tcpProbe(options: TcpProbeOptions, components: ProbeComponents = {}): Promise<ProbeResult> {
  const { host, port } = options;
  return runProbe(options, components, (finish) => {
    const socket = connect({ host, port, lookup: guardedLookup(host, options.allow, components.lookup) });
    socket.on("connect", () => finish(true, "connected"));
    socket.on("error", (error) => finish(false, reasonOf(error)));
    return () => socket.destroy();
  });
}
