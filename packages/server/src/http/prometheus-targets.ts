import type { Service, ServiceNode } from "@dister/types";
import { addressOf, shownAddress } from "../balance/choice.ts";

/** One item of the list that the HTTP service discovery of Prometheus reads. */
export interface TargetGroup {
  readonly targets: readonly [address: string];
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * The nodes of services as targets for Prometheus, each in a group of its own, in the order of the services and of their
 * nodes. A node without any address is left out. Labels hold what is written out here one by one, never a secret.
 */
export function prometheusTargets(services: readonly Service[]): TargetGroup[] {
  const groups: TargetGroup[] = [];
  for (const service of services) {
    for (const node of service.node) {
      const { host, port } = addressOf(node);
      if (host !== null) groups.push({ targets: [shownAddress(host, port)], labels: labelsOf(service, node) });
    }
  }
  return groups;
}

function labelsOf({ name, type }: Service, node: ServiceNode): Record<string, string> {
  const labels: Record<string, string> = {
    __meta_dister_service: name,
    __meta_dister_type: type,
    __meta_dister_status: String(node.status),
    __meta_dister_priority: node.priority,
  };
  const url = node.url === undefined ? null : URL.parse(node.url);
  if (url !== null) {
    labels["__meta_dister_scheme"] = url.protocol.slice(0, -1);
    // Behind the `?` people put keys: that stays here.
    labels["__meta_dister_path"] = url.pathname;
  }
  return labels;
}
