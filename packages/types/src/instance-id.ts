/** What tells where an instance is. */
interface Addressed {
  readonly id?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: string | undefined;
  readonly url?: string | undefined;
}

/** Where an instance is: its own host and port, else those of the address that its check asks for; null where it says none. */
export function instanceAddress({ host, port, url }: Addressed): { host: string | null; port: string | null } {
  if (host !== undefined && host !== "") return { host, port: filled(port) };
  if (url === undefined || !URL.canParse(url)) return { host: null, port: filled(port) };
  const { hostname, port: given, protocol } = new URL(url);
  const bare = hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
  return { host: bare, port: given !== "" ? given : protocol === "https:" ? "443" : "80" };
}

/** `host:port` as it is written, IPv6 in brackets. */
export function writtenAddress(host: string, port: string | null): string {
  const bracketed = host.includes(":") ? `[${host}]` : host;
  return port === null ? bracketed : `${bracketed}:${port}`;
}

/**
 * The ids of the instances of a list, in its order, all different: the id that one has, else its address, else its
 * place (`instance-0`). An address that comes again, for example with another path behind it, becomes `address#2`.
 */
export function instanceIds(instances: readonly Addressed[]): string[] {
  const taken = new Set(instances.map(({ id }) => id).filter((id) => id !== undefined));
  // Where to go on counting, for thousands of twins would otherwise be counted through thousands of times.
  const next = new Map<string, number>();
  return instances.map((instance, position) => {
    if (instance.id !== undefined) return instance.id;
    const { host, port } = instanceAddress(instance);
    const base = host === null ? `instance-${position}` : writtenAddress(host, port);
    let id = base;
    let nth = next.get(base) ?? 2;
    for (; taken.has(id); nth++) id = `${base}#${nth}`;
    next.set(base, nth);
    taken.add(id);
    return id;
  });
}

function filled(text: string | undefined): string | null {
  return text === undefined || text === "" ? null : text;
}
