import { connect } from "node:net";
import { guardedLookup } from "./address-guard.ts";
import { type ProbeComponents, type ProbeOptions, type ProbeResult, reasonOf, runProbe } from "./probe.ts";

export interface TcpProbeOptions extends ProbeOptions {
  /** Name or address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

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
