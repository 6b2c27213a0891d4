import { createPrivateKey, X509Certificate } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import { EXIT } from "../exit-code.ts";
import { Refusal } from "../failure.ts";
import type { Reply } from "../output.ts";
import { type CertificateAndKey, canSign, type Lifetime, makeAuthority, makeNode } from "./certificate.ts";
import { exists, readText, writeNew, writeOver } from "./files.ts";

/** What `cert create` is asked for. */
export interface CreateOptions {
  readonly group: string;
  /** Without one only the CA is made. */
  readonly node?: string;
  readonly host: readonly string[];
  readonly days: number;
  readonly dir: string;
  /** A node's files may be there already and are replaced. */
  readonly renew?: boolean;
}

/** Where the parts of a set lie. */
interface Paths {
  readonly cert: string;
  readonly key: string;
}

const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3_650;
/** Valid a little before now: the clocks of nodes differ. */
const BEFORE_MS = 3_600_000;

/**
 * Makes the CA of a folder, if there is none, and a certificate of one node.
 * @param nowMs - wall clock.
 */
export function createCertificates(options: CreateOptions, nowMs: number): Reply {
  const { dir, node } = options;
  const ca = pathsOf(dir, "ca");
  if (node === undefined) return caReply(dir, ca, ensureAuthority(options, ca, nowMs));
  const paths = pathsOf(dir, node);
  const taken = [paths.cert, paths.key].find(exists);
  if (taken !== undefined && options.renew !== true) {
    throw refusal(`${taken} is there already: --renew replaces it, and nothing was changed`);
  }
  const authority = ensureAuthority(options, ca, nowMs);
  const lifetime = lifetimeOf(options.days, nowMs);
  const caEnds = new Date(new X509Certificate(authority.pair.cert).validTo);
  if (lifetime.to > caEnds) {
    const days = Math.max(0, Math.floor((caEnds.getTime() - nowMs) / DAY_MS));
    throw refusal(`${ca.cert} ends on ${dateOf(caEnds)}: --days ${options.days} is too long, at most ${days}`);
  }
  const made = makeNode(authority.pair, { name: node, group: options.group, hosts: options.host, lifetime });
  // The key first: whoever looks at the files in between finds a pair that does not fit, and waits.
  const write = options.renew === true ? writeOver : writeNew;
  write(paths.key, made.key, 0o600);
  write(paths.cert, made.cert, 0o644);
  return nodeReply({ ...options, node }, { ca, paths, lifetime, newCa: authority.isNew });
}

interface Authority {
  readonly pair: CertificateAndKey;
  readonly isNew: boolean;
}

function ensureAuthority({ group }: CreateOptions, paths: Paths, nowMs: number): Authority {
  const [hasCert, hasKey] = [exists(paths.cert), exists(paths.key)];
  if (hasCert && hasKey) return { pair: readAuthority(paths), isNew: false };
  if (hasCert || hasKey) {
    const [there, missing] = hasCert ? [paths.cert, paths.key] : [paths.key, paths.cert];
    throw refusal(`${there} is there and ${missing} is not: bring it here, or name another folder with --dir`);
  }
  const pair = makeAuthority(`dister CA of ${group}`, lifetimeOf(AUTHORITY_DAYS, nowMs));
  writeNew(paths.key, pair.key, 0o600);
  writeNew(paths.cert, pair.cert, 0o644);
  return { pair, isNew: true };
}

function readAuthority(paths: Paths): CertificateAndKey {
  const pair = { cert: readText(paths.cert), key: readText(paths.key) };
  let usable: boolean;
  try {
    const certificate = new X509Certificate(pair.cert);
    usable = certificate.ca && certificate.checkPrivateKey(createPrivateKey(pair.key)) && canSign(pair.key);
  } catch {
    usable = false;
  }
  if (!usable) throw refusal(`${paths.cert} and ${paths.key} are not the certificate and the EC or RSA key of one CA`);
  return pair;
}

function caReply(dir: string, ca: Paths, { isNew }: Authority): Reply {
  const files = { ca: ca.cert, caKey: ca.key };
  const next = `next: dister cert create --dir ${dir} --node ${hostname()}`;
  if (!isNew)
    return { data: { ...files, made: false }, text: `${ca.cert} is there already, nothing was changed\n${next}` };
  return { data: { ...files, made: true }, text: `made ${ca.cert} and ${ca.key}\n${next}` };
}

interface Made {
  readonly ca: Paths;
  readonly paths: Paths;
  readonly lifetime: Lifetime;
  readonly newCa: boolean;
}

function nodeReply(options: CreateOptions & { readonly node: string }, { ca, paths, lifetime, newCa }: Made): Reply {
  const config = { Group: options.group, Tls: { cert: paths.cert, key: paths.key, ca: ca.cert } };
  const lines = [
    ...(newCa ? [`made ${ca.cert} and ${ca.key}: keep the key of the CA off the nodes`] : []),
    `made ${paths.cert} and ${paths.key}, valid until ${dateOf(lifetime.to)}`,
    "",
    `for the configuration of ${options.node}, with the paths that the files have there:`,
    "",
    `  "Group": ${JSON.stringify(config.Group)},`,
    `  "Tls": ${spaced(config.Tls)},`,
  ];
  return { data: { ...config, validTo: lifetime.to.toISOString(), newCa }, text: lines.join("\n") };
}

function spaced(values: Readonly<Record<string, string>>): string {
  const parts = Object.entries(values).map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  return `{ ${parts.join(", ")} }`;
}

function pathsOf(dir: string, name: string): Paths {
  return { cert: join(dir, `${name}.pem`), key: join(dir, `${name}-key.pem`) };
}

function lifetimeOf(days: number, nowMs: number): Lifetime {
  // A certificate counts in whole seconds.
  const now = Math.floor(nowMs / 1_000) * 1_000;
  return { from: new Date(now - BEFORE_MS), to: new Date(now + days * DAY_MS) };
}

function dateOf(at: Date): string {
  return at.toISOString().slice(0, 10);
}

function refusal(message: string): Refusal {
  return new Refusal("DISTER_ERR_INVALID", `ERROR: ${message}`, EXIT.failed);
}
