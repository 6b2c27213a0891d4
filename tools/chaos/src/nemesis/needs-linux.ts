/** Trouble in the network needs all of 127.0.0.0/8 and the kernel's table of connections, which only Linux has. */
export function needsLinux(): string | undefined {
  return process.platform === "linux" ? undefined : "the addresses of loopback that it needs exist on Linux only";
}
