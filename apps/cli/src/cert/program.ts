import { isIP } from "node:net";
import { LIMITS } from "@dister/types";
import { type Command, InvalidArgumentError } from "commander";
import { readWhole } from "../arguments.ts";
import type { Reply } from "../output.ts";
import type { CreateOptions } from "./create.ts";

const GROUP = "default.group.dister";
const DAYS = 365;
const DAYS_MAX = 3_650;

/** Adds `cert create` and `cert show`. What makes certificates is loaded only when it is used. */
export function addCert(program: Command, show: (reply: Reply) => void): void {
  const cert = program.command("cert").description("certificates for encrypted connections between nodes");
  cert
    .command("create")
    .description("make the CA of a folder, once, and a certificate of one node")
    .option("--group <name>", "group that the node belongs to", readGroup, GROUP)
    .option("--node <name>", "name of the node and of its files", readNode)
    .option("--host <host>", "address or name of the node, repeated or parted by commas", readHosts, [])
    .option("--days <days>", "how long the certificate is valid", (text) => readWhole(text, 1, DAYS_MAX), DAYS)
    .option("--dir <folder>", "where the files are", "certs")
    .option("--renew", "replace the node's files that are there")
    .action(async (options: CreateOptions) => {
      const { createCertificates } = await import("./create.ts");
      show(createCertificates(options, Date.now()));
    });
  cert
    .command("show")
    .description("show what a certificate says")
    .argument("<file>", "PEM file")
    .action(async (file: string) => {
      const { showCertificate } = await import("./show.ts");
      show(showCertificate(file, Date.now()));
    });
}

function readGroup(text: string): string {
  if (text !== "" && text.length <= LIMITS.nameCharsMax) return text;
  throw new InvalidArgumentError(`A name of 1 to ${LIMITS.nameCharsMax} characters is needed.`);
}

/** It becomes the name of two files, and `ca` is taken. */
function readNode(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text) && text.toLowerCase() !== "ca" && !text.endsWith("-key"))
    return text;
  throw new InvalidArgumentError(
    "1 to 64 letters, digits, dots, dashes and underscores are needed, not ca and not …-key.",
  );
}

const LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
const DNS_NAME = new RegExp(`^(\\*\\.)?${LABEL}(\\.${LABEL})*$`);

function readHosts(text: string, before: readonly string[]): readonly string[] {
  const hosts = text.split(",").map((host) => host.trim().replace(/^\[(.*)\]$/, "$1"));
  const bad = hosts.find(
    (host) => isIP(host) === 0 && (host.length > 253 || !DNS_NAME.test(host) || /^[\d.]+$/.test(host)),
  );
  if (bad !== undefined) throw new InvalidArgumentError(`${JSON.stringify(bad)} is neither an address nor a DNS name.`);
  return [...new Set([...before, ...hosts])];
}
