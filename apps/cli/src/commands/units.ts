/** A duration in the unit that fits it, for people: `850 ms`, `12.3 s`, `5 min`, `3 h 20 min`, `2 d 4 h`. */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** A size in the unit that fits it: `512 B`, `8.5 MiB`. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1_024 && unit < UNITS.length - 1) {
    value /= 1_024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

/** Since when something is so, where that is known. */
export function sinceText(iso: string | undefined): string {
  return iso === undefined ? "-" : momentText(iso);
}

/** A moment of a reply without its fraction of a second: `2026-11-22T09:05:00Z`. */
export function momentText(iso: string): string {
  return iso.replace(/\.\d+Z$/, "Z");
}
