import { DisterError, type ServiceNode, type ServiceType } from "@dister/types";
import { type CustomChecks, customProbe } from "./custom-probe.ts";
import { grpcProbe } from "./grpc-probe.ts";
import { mysqlProbe } from "./mysql-probe.ts";
import { pgsqlProbe } from "./pgsql-probe.ts";
import type { Probe, ProbeComponents, ProbeOptions } from "./probe.ts";
import { redisProbe } from "./redis-probe.ts";
import { tcpProbe } from "./tcp-probe.ts";
import { webProbe } from "./web-probe.ts";

/** Types that are probed; of type `ttl`, the application reports: see `TtlReports`. */
export type ProbedType = Exclude<ServiceType, "ttl">;

/** What the probes of one process have in common. */
export interface ProbeSettings extends ProbeComponents, Pick<ProbeOptions, "allow"> {
  /** What `custom` checks may run; nothing unless set. */
  readonly custom?: CustomChecks;
}

/**
 * The probe of one node of a service, with the node's own timeout.
 * @param settings - what to use in place of the defaults.
 * @throws DisterError `DISTER_ERR_INVALID` naming the field that the type needs and the node does not have.
 */
export function probeFor(type: ProbedType, node: ServiceNode, settings: ProbeSettings = {}): Probe {
  const { allow, custom = "off", ...components } = settings;
  const timeoutMs = Number(node.timeout);
  const need = (field: TextField): string => needed(type, field, node[field]);
  const place = () => ({ host: need("host"), port: Number(need("port")), timeoutMs, allow });
  const login = () => ({ ...place(), user: need("user"), pass: node.pass, database: filled(node.database) });
  switch (type) {
    case "tcp":
      return run(place(), tcpProbe, components);
    case "web": {
      const { method, headers, expect, contains, equals } = node;
      const options = { url: need("url"), method, headers, expect, contains, equals, timeoutMs, allow };
      return run(options, webProbe, components);
    }
    case "mysql":
      return run(login(), mysqlProbe, components);
    case "pgsql":
      return run(login(), pgsqlProbe, components);
    case "redis":
      return run({ ...place(), user: filled(node.user), pass: filled(node.pass) }, redisProbe, components);
    case "grpc":
      return run({ ...place(), service: node.service }, grpcProbe, components);
    case "custom":
      return run({ script: need("script"), allowed: custom, timeoutMs }, customProbe, components);
    default: {
      const unknown: never = type;
      const allowed = "tcp, web, mysql, pgsql, redis, grpc or custom";
      throw new DisterError("DISTER_ERR_INVALID", { field: "type", got: String(unknown), allowed });
    }
  }
}

function run<O extends ProbeOptions>(
  options: O,
  probe: (options: O, components: ProbeComponents) => ReturnType<Probe>,
  components: ProbeComponents,
): Probe {
  return (signal) => probe({ ...options, signal }, components);
}

/** An empty text means nothing, as in definitions of the original. */
function filled(value: string | undefined): string | undefined {
  return value === "" ? undefined : value;
}

/** Fields that a check can need. */
type TextField = "host" | "port" | "user" | "url" | "script";

function needed(type: ServiceType, field: TextField, value: string | undefined): string {
  if (value !== undefined && value !== "") return value;
  const allowed = `needed for a service of type ${type}`;
  throw new DisterError("DISTER_ERR_INVALID", { field, got: "nothing", allowed });
}
