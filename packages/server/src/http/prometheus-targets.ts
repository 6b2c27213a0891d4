import type { Service, ServiceNode } from "@dister/types";
import { addressOf, shownAddress } from "../balance/choice.ts";

/** One item of the list that the HTTP service discovery of Prometheus reads. */
export interface TargetGroup {
  readonly targets: readonly [address: string];
  readonly labels: Readonly<Record<string, string>>;
}

const PREFIX = "__meta_dister_";

/**
 * The nodes of services as targets for Prometheus, each in a group of its own, in the order of the services and of their
 * nodes. A node without any address is left out. Labels hold what is written out here one by one, never a secret.
 */
export function prometheusTargets(services: readonly Service[]): TargetGroup[] {
  return services.flatMap((service) =>
    service.node.flatMap((node) => {
      const { host, port } = addressOf(node);
      return host === null ? [] : [{ targets: [shownAddress(host, port)], labels: labelsOf(service, node) }];
    }),
  );
}

function labelsOf({ name, type }: Service, node: ServiceNode): Record<string, string> {
  const labels = {
    service: name,
    type,
    status: String(node.status),
    priority: node.priority,
    ...urlLabels(node),
  };
  return Object.fromEntries(Object.entries(labels).map(([label, value]) => [`${PREFIX}${label}`, value]));
}

/** What an address says beside host and port. Behind the `?` people put keys: that stays here. */
function urlLabels({ url }: ServiceNode): { scheme?: string; path?: string } {
  if (url === undefined || !URL.canParse(url)) return {};
  const { protocol, pathname } = new URL(url);
  return { scheme: protocol.slice(0, -1), path: pathname };
}
