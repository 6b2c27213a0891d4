import type { Service, ServiceInstance } from "../service.ts";

/** A service after its protection against a mass failure was looked at, by the plain rules. */
export function reviewed(service: Service, nowMs: number): Service {
  const isOn = service.protectedMs > 0;
  if (service.protect === "off") return over(service);
  const { percent = "50", window = "60000", limit = "300000" } = service.protect ?? {};
  // One of two is no mass.
  if (service.node.length < 3) return over(service);

  // Once it is on, everything counts that fell in the window before it began, or later.
  const fromMs = (isOn ? service.protectedMs : nowMs) - Number(window);
  const isFallen = ({ mode, status, fellMs }: ServiceInstance) =>
    mode === "active" && status === 0 && fellMs > 0 && fellMs >= fromMs;
  const fallen = service.node.filter(isFallen).length;
  const passing = service.node.filter(({ mode, status }) => mode === "active" && status === 1).length;

  // It takes more than the share: exactly half of all is not more than 50 percent.
  if (fallen * 100 <= Number(percent) * (fallen + passing)) return over(service);
  const ageMs = isOn ? nowMs - service.protectedMs : 0;
  // Somebody who came back a moment ago shows nothing of the others, nor does one that nobody has looked at.
  const isSteady = ({ mode, checked, status, sinceMs }: ServiceInstance) =>
    mode === "active" && checked && status === 1 && sinceMs <= nowMs - Math.min(Number(window), Number(limit));
  if (ageMs > Number(limit) && service.node.some(isSteady)) return over(service);
  return {
    ...service,
    protectedMs: isOn ? service.protectedMs : nowMs,
    node: service.node.map((instance) => ({ ...instance, kept: isFallen(instance) })),
  };
}

/** Whatever fell while it was on, or made it begin, counts no more. */
function over(service: Service): Service {
  if (service.protectedMs === 0) return service;
  return { ...service, protectedMs: 0, node: service.node.map((one) => ({ ...one, kept: false, fellMs: 0 })) };
}
