import { type ServiceConfig, ServiceConfigSchema } from "../schemas/service.ts";
import type { Service, ServiceInstance } from "../service.ts";

/**
 * A service as a state machine would have it, from what a client would register.
 * @param state - what became of every instance; by default it was never checked.
 */
export function serviceOf(
  definition: object,
  { modifyIndex = 1, definedIndex = 1, ...state }: Partial<ServiceInstance> & { modifyIndex?: number } = {},
): Service {
  const config: ServiceConfig = ServiceConfigSchema.parse(definition);
  const node = config.node.map((instance): ServiceInstance => {
    const found = { definedIndex, checked: false, sinceMs: 0, fellMs: 0, mode: "active" as const, kept: false };
    return { ...instance, ...found, ...state };
  });
  return { ...config, node, definedIndex, modifyIndex, protectedMs: 0 };
}
