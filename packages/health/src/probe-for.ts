import { DisterError, type ServiceNode, type ServiceType } from "@dister/types";
import type { Probe, ProbeComponents, ProbeOptions } from "./probe.ts";
import { tcpProbe } from "./tcp-probe.ts";
import { webProbe } from "./web-probe.ts";

/**
 * The probe of one node of a service, with the node's own timeout.
 * @param settings - what to use in place of the defaults.
 * @throws DisterError `DISTER_ERR_INVALID` naming the field that the type needs and the node does not have.
 */
export function probeFor(
  type: ServiceType,
  node: ServiceNode,
  settings: ProbeComponents & Pick<ProbeOptions, "allow"> = {},
): Probe {
  const { allow, ...components } = settings;
  const timeoutMs = Number(node.timeout);
  switch (type) {
    case "tcp": {
      const host = needed(type, "host", node.host);
      const port = Number(needed(type, "port", node.port));
      return (signal) => tcpProbe({ host, port, timeoutMs, signal, allow }, components);
    }
    case "web": {
      const url = needed(type, "url", node.url);
      return (signal) => webProbe({ url, timeoutMs, signal, allow }, components);
    }
    default: {
      const unknown: never = type;
      throw new DisterError("DISTER_ERR_INVALID", { field: "type", got: String(unknown), allowed: "tcp or web" });
    }
  }
}

function needed(type: ServiceType, field: keyof ServiceNode, value: string | undefined): string {
  if (value !== undefined && value !== "") return value;
  const allowed = `needed for a service of type ${type}`;
  throw new DisterError("DISTER_ERR_INVALID", { field, got: "nothing", allowed });
}
