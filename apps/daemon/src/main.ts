import { isDisterError } from "@dister/types";
import { fileWithSecret, loadConfig } from "./config.ts";
import { parseFlags } from "./flags.ts";
import { helpText } from "./help.ts";
import { type OpenLogger, openLogger } from "./logger.ts";
import { createNode, type RunningNode } from "./node.ts";
import { offlineCommandLine } from "./offline/command-line.ts";
import { runOffline } from "./offline/offline.ts";
import { warnIfReadable } from "./tls-files.ts";
import { VERSION } from "./version.ts";

/** How long a graceful stop may take before the process ends all the same. */
const STOP_MS = 8_000;

/** Exit codes: 0 stopped as asked, 1 the node had to stop itself, 78 wrong configuration or unusable data folder. */
const EXIT = { stopped: 0, failed: 1, config: 78 } as const;

async function main(argv: readonly string[]): Promise<void> {
  const offline = offlineCommandLine(argv);
  if (offline !== undefined) {
    process.exitCode = await runOffline(offline);
    return;
  }
  const flags = parseFlags(argv);
  if (flags.help) return void process.stdout.write(helpText());
  if (flags.version) return void process.stdout.write(`disterd ${VERSION}\n`);
  const config = loadConfig({ cfg: flags.cfg, env: process.env, flags: flags.config });
  const log = openLogger({ folder: config.LogPath, level: config.LogLevel, fields: { pid: process.pid } });
  log.logger.info("starting", { version: VERSION, node: process.version, savePath: config.SavePath });
  const withSecret = fileWithSecret({ cfg: flags.cfg, env: process.env });
  if (withSecret !== undefined) warnIfReadable(withSecret, "Secret", log.logger);
  const running = await createNode({ config, logger: log.logger });
  // Without certificates a closed terminal ends the process, as it does by default.
  if (config.Tls.cert !== "") process.on("SIGHUP", () => running.reload());
  endWith(running, log);
}

function endWith(running: RunningNode, log: OpenLogger): void {
  let stopping = false;
  const stop = (why: string): void => {
    if (stopping) return process.exit(EXIT.failed);
    stopping = true;
    log.logger.info("stopping", { why });
    setTimeout(() => process.exit(EXIT.failed), STOP_MS).unref();
    running.stop().then(
      () => {
        log.logger.info("stopped", {});
        log.close();
        process.exit(EXIT.stopped);
      },
      (error: unknown) => {
        process.stderr.write(`disterd: ${(error as Error).message}\n`);
        process.exit(EXIT.failed);
      },
    );
  };
  process.on("SIGTERM", () => stop("SIGTERM"));
  process.on("SIGINT", () => stop("SIGINT"));
  // Started by `dister up`: when that process is gone, so is the reason to run.
  if (process.channel !== undefined && process.channel !== null) process.on("disconnect", () => stop("parent is gone"));
  running.failed.catch((error: unknown) => {
    // A disk that failed must not be written to again, so nothing is closed here.
    process.stderr.write(`disterd: the node stopped itself: ${(error as Error).message}\n`);
    process.exit(EXIT.failed);
  });
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const message = isDisterError(error) ? error.message : ((error as Error).stack ?? String(error));
  process.stderr.write(`disterd: ${message}\n`);
  process.exit(isDisterError(error) ? EXIT.config : EXIT.failed);
});
