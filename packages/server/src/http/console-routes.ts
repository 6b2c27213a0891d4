import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { DisterError, type Logger } from "@dister/types";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

const PREFIX = "/ui/";
const INDEX = "index.html";

/** What may be served, by the end of its name; anything else in the folder does not exist. */
const CONTENT_TYPES: ReadonlyMap<string, string> = new Map([
  ["html", "text/html; charset=utf-8"],
  ["css", "text/css; charset=utf-8"],
  ["js", "text/javascript; charset=utf-8"],
  ["svg", "image/svg+xml"],
]);

/** The page is a handful of small files. More than this is another folder, given by mistake. */
const FILES_MAX = 64;
const FILE_BYTES_MAX = 1024 * 1024;

const HEADERS = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-cache",
} as const;

interface PageFile {
  readonly contentType: string;
  readonly etag: string;
  readonly bytes: Buffer;
}

/**
 * `/ui/`: the console, a folder of static files. They are read once, here, and a request only picks one of them by its
 * name as it was sent: nothing of a request ever becomes a path, so nothing can lead out of the folder.
 * @param folder - of the built page; when it cannot be read, `/ui/` answers 404 and says why.
 */
export function consoleRoutes(server: FastifyInstance, folder: string, logger: Logger): void {
  const files = filesOf(folder, logger);
  const serve = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    reply.headers(HEADERS);
    // Not decoded: the names in the folder need no escapes, so an escaped name is none of them.
    const [path] = request.url.split("?", 1) as [string];
    if (files === undefined) throw notFound(request, path, "the console is not built: there is no page in its folder");
    if (`${path}/` === PREFIX) return reply.redirect(PREFIX, 302);
    const file = path.startsWith(PREFIX) ? files.get(path.slice(PREFIX.length) || INDEX) : undefined;
    if (file === undefined) throw notFound(request, path);
    reply.header("etag", file.etag);
    if (isKnown(request.headers["if-none-match"], file.etag)) return reply.status(304).send();
    return reply.type(file.contentType).send(file.bytes);
  };
  server.get("/ui", serve);
  server.get("/ui/*", serve);
}

function notFound({ method }: FastifyRequest, path: string, message?: string): DisterError {
  const details = { method, path: path.slice(0, 200) };
  return new DisterError("DISTER_ERR_ROUTE", details, message === undefined ? {} : { message });
}

/** Regular files right in the folder, by name. A link is none, wherever it leads. */
function filesOf(folder: string, logger: Logger): ReadonlyMap<string, PageFile> | undefined {
  try {
    const root = realpathSync(folder);
    const files = new Map<string, PageFile>();
    for (const name of readdirSync(root).slice(0, FILES_MAX)) {
      const file = fileOf(root, name);
      if (file !== undefined) files.set(name, file);
    }
    if (!files.has(INDEX)) throw new Error(`there is no ${INDEX}`);
    return files;
  } catch (error) {
    logger.warn("the console is not served", { folder, reason: (error as Error).message });
    return undefined;
  }
}

function fileOf(root: string, name: string): PageFile | undefined {
  const contentType = CONTENT_TYPES.get(/^[\w-]+\.([a-z]+)$/.exec(name)?.[1] ?? "");
  const path = join(root, name);
  const stat = lstatSync(path);
  if (contentType === undefined || !stat.isFile() || stat.size > FILE_BYTES_MAX) return undefined;
  const bytes = readFileSync(path);
  const digest = createHash("sha256").update(bytes).digest("base64url");
  return { contentType, etag: `"${digest.slice(0, 22)}"`, bytes };
}

/** RFC 9110 §13.1.2: a list of tags, compared weakly, or any. */
function isKnown(header: string | undefined, etag: string): boolean {
  const tags = (header ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return tags.includes(etag) || tags.includes("*");
}
