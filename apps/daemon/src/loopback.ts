import { isIP } from "node:net";

/** Is this a name or an address of the machine itself, that no other machine reaches? */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}
