import { groupUri } from "@dister/types";

/** One name of a certificate: `URI` and `dister://g/node`. */
export interface AltName {
  readonly kind: string;
  readonly value: string;
}

/**
 * Takes the text apart in which Node shows a certificate's subject alternative names: `DNS:a, URI:b`. A value that holds
 * a comma or a quote comes as a JSON text, so a name cannot pretend to be two.
 * @returns undefined when the text is not of that form: then nothing in it is believed.
 */
export function altNames(text: string): readonly AltName[] | undefined {
  const names: AltName[] = [];
  const name = /([A-Za-z][A-Za-z ]*):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/y;
  while (name.lastIndex < text.length) {
    const found = name.exec(text);
    if (found === null) return undefined;
    const value = unquoted(found[2]!);
    if (value === undefined) return undefined;
    names.push({ kind: found[1]!, value });
  }
  return names;
}

function unquoted(text: string): string | undefined {
  if (!text.startsWith('"')) return text;
  try {
    return String(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/**
 * Decides whether a certificate, whose chain is verified already, is one of a node of the group.
 * @param names - its subject alternative names as Node shows them, undefined when it has none.
 * @returns why not, in words that follow "a certificate that"; undefined when it is.
 */
export function groupProblem(names: string | undefined, group: string): string | undefined {
  const read = altNames(names ?? "");
  if (read === undefined) return "has names that cannot be read";
  const uris = read.filter(({ kind, value }) => kind === "URI" && value.startsWith("dister://"));
  if (uris.length === 0) return "names no group: it is not one of a node";
  return uris.some(({ value }) => value === groupUri(group)) ? undefined : "is for another group";
}
