import { X509Certificate } from "node:crypto";
import { EXIT } from "../exit-code.ts";
import { Refusal } from "../failure.ts";
import type { Reply } from "../output.ts";
import { printable } from "../table.ts";
import { readText } from "./files.ts";

/** Tells what the first certificate of a file says, in the words of the configuration. */
export function showCertificate(path: string, nowMs: number): Reply {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(readText(path));
  } catch (error) {
    if (error instanceof Error && error.name === "DisterError") throw error;
    throw new Refusal("DISTER_ERR_INVALID", `ERROR: ${path} holds no certificate that can be read`, EXIT.failed);
  }
  const [validFrom, validTo] = [new Date(certificate.validFrom), new Date(certificate.validTo)];
  const data = {
    subject: certificate.subject.replaceAll("\n", ", "),
    issuer: certificate.issuer.replaceAll("\n", ", "),
    names: certificate.subjectAltName ?? "",
    ca: certificate.ca,
    validFrom: validFrom.toISOString(),
    validTo: validTo.toISOString(),
    valid: validFrom.getTime() <= nowMs && nowMs < validTo.getTime(),
    sha256: certificate.fingerprint256,
  };
  const kind = data.ca ? "CA" : data.names.includes("URI:dister://") ? "node" : "other";
  const state = data.valid ? "valid" : nowMs < validFrom.getTime() ? "not valid yet" : "expired";
  const rows: [string, string][] = [
    ["kind", kind],
    ["subject", data.subject],
    ["issuer", data.issuer],
    ["names", data.names || "none"],
    ["from", data.validFrom],
    ["to", `${data.validTo} (${state})`],
    ["sha256", data.sha256],
  ];
  return { data, text: rows.map(([title, text]) => `${title.padEnd(8)} ${printable(text)}`).join("\n") };
}
