import { instanceAddress, type Service, type ServiceInstance, showInstance, writtenAddress } from "@dister/types";

/** One item of the list that the HTTP service discovery of Prometheus reads. */
export interface TargetGroup {
  readonly targets: readonly [address: string];
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * The instances of services as targets for Prometheus, each in a group of its own, in the order of the services and of their
 * instances. One without any address is left out. Labels hold what is written out here one by one, never a secret.
 */
export function prometheusTargets(services: readonly Service[]): TargetGroup[] {
  const groups: TargetGroup[] = [];
  for (const service of services) {
    for (const instance of service.node) {
      const { host, port } = instanceAddress(instance);
      if (host !== null) groups.push({ targets: [writtenAddress(host, port)], labels: labelsOf(service, instance) });
    }
  }
  return groups;
}

function labelsOf({ name, type }: Service, instance: ServiceInstance): Record<string, string> {
  const { id, status, state, priority, url: asked, tags, meta } = showInstance(instance);
  const labels: Record<string, string> = {
    __meta_dister_service: name,
    __meta_dister_type: type,
    __meta_dister_id: id,
    __meta_dister_state: state,
    __meta_dister_status: String(status),
    __meta_dister_priority: priority,
  };
  // With a comma at both ends, so that `.*,blue,.*` finds a tag wherever it stands.
  if (tags !== undefined && tags.length > 0) labels["__meta_dister_tags"] = `,${tags.join(",")},`;
  for (const [key, value] of Object.entries(meta ?? {})) {
    labels[`__meta_dister_meta_${key.replaceAll(/\W/g, "_")}`] = value;
  }
  const url = asked === undefined ? null : URL.parse(asked);
  if (url !== null) {
    labels["__meta_dister_scheme"] = url.protocol.slice(0, -1);
    // Behind the `?` people put keys: that stays here.
    labels["__meta_dister_path"] = url.pathname;
  }
  return labels;
}
