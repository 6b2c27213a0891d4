/**
 * What a node's certificate says of the group: a subject alternative name of the kind URI, `dister://GROUP/node`. A
 * certificate without it is not one of a node of the group, whoever signed it.
 * @param group - any text; everything but ASCII letters, digits and `-._~` is percent-encoded, so that nothing in it can
 *   end the name or begin another one.
 */
export function groupUri(group: string): string {
  const encoded = encodeURIComponent(group.toWellFormed());
  return `dister://${encoded.replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)}/node`;
}
