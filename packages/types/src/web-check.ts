/** Headers that belong to the connection or to the length of a body; a check has the first of its own and no second. */
const REFUSED_HEADERS = new Set(
  "connection content-length expect keep-alive te trailer transfer-encoding upgrade proxy-connection".split(" "),
);
/** Headers of one check, at most. */
export const CHECK_HEADERS_MAX = 20;

/**
 * The headers of a `web` check, one in a line, `name: value`; undefined where the text is no list of headers that a
 * check may send.
 */
export function parseCheckHeaders(text: string): [name: string, value: string][] | undefined {
  const lines = text.split(/\r?\n/).filter((line) => line !== "");
  if (lines.length > CHECK_HEADERS_MAX) return undefined;
  const headers: [string, string][] = [];
  for (const line of lines) {
    const colon = line.indexOf(":");
    const [name, value] = [line.slice(0, Math.max(0, colon)), line.slice(colon + 1).trim()];
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name) || !/^[\x20-\x7e\t]*$/.test(value)) return undefined;
    if (REFUSED_HEADERS.has(name.toLowerCase())) return undefined;
    headers.push([name, value]);
  }
  return headers;
}

/** The statuses that a `web` check takes for alive, as ranges with both ends: `200,300-399`; undefined for no list. */
export function parseExpectedStatus(text: string): [first: number, last: number][] | undefined {
  const ranges: [number, number][] = [];
  for (const part of text.split(",")) {
    const [, from, to] = /^\s*([1-5]\d\d)(?:-([1-5]\d\d))?\s*$/.exec(part) ?? [];
    if (from === undefined) return undefined;
    const [first, last] = [Number(from), Number(to ?? from)];
    if (first > last) return undefined;
    ranges.push([first, last]);
  }
  return ranges;
}
