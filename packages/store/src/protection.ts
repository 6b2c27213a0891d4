import {
  isProtectionOver,
  PROTECTED_INSTANCES_MIN,
  protectionOf,
  type Service,
  type ServiceInstance,
} from "@dister/types";

/**
 * Looks at a service after a change, or when time has passed, and begins, goes on with or ends its protection: while it is
 * on, instances that turned critical are `kept` in use. A function of the service and log time alone.
 *
 * It begins when more than the set part of those in use have turned critical within the window: so many at once is the network
 * or the checker more often than the instances. It ends when no more than that part is missing, or after the limit
 * if checks evidently get through: then what is critical is critical.
 */
export function protectedService(service: Service, nowMs: number): Service {
  const settings = protectionOf(service);
  if (settings === null || service.node.length < PROTECTED_INSTANCES_MIN) return ended(service);
  const active = service.node.filter(({ mode }) => mode === "active");
  const passing = active.filter(({ status }) => status === 1).length;
  const isOn = service.protectedMs > 0;
  const sinceMs = isOn ? service.protectedMs : nowMs;
  const fell = (instance: ServiceInstance): boolean => hasFallen(instance, sinceMs - settings.windowMs);
  const fallen = active.filter(fell).length;
  // Whole numbers, for 0.29 * 100 is a little less than 29: what is exactly the part must not be more than it.
  if (fallen * 100 <= settings.percent * (passing + fallen)) return ended(service);
  if (isOn && isProtectionOver(service, settings, nowMs)) return ended(service);
  return {
    ...service,
    protectedMs: sinceMs,
    node: service.node.map((instance) => withKept(instance, instance.mode === "active" && fell(instance))),
  };
}

/** Whether an instance was in use and turned critical at this log time or later. */
function hasFallen({ status, fellMs }: ServiceInstance, sinceMs: number): boolean {
  return status === 0 && fellMs > 0 && fellMs >= sinceMs;
}

/** Without protection. What fell before counts no more: otherwise an end by the limit would be a new begin. */
function ended(service: Service): Service {
  if (service.protectedMs === 0) return service;
  const node = service.node.map((instance) => withKept({ ...instance, fellMs: 0 }, false));
  return { ...service, protectedMs: 0, node };
}

function withKept(instance: ServiceInstance, kept: boolean): ServiceInstance {
  return instance.kept === kept ? instance : { ...instance, kept };
}
