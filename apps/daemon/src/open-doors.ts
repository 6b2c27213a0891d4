import type { Logger } from "@dister/types";
import type { Config } from "@dister/types/schemas";
import { isLoopback } from "./loopback.ts";

/** A secret that can be guessed is none: whoever a node dials can try guesses on its own, as fast as it likes. */
const SECRET_CHARS_MIN = 16;

/** Says at the start what others can reach. Without Secret and Tls, who reaches the peer ports can join the cluster. */
export function warnOfOpenDoors(config: Config, logger: Logger): void {
  if (!isLoopback(config.Listen) && config.Tls.cert === "") {
    const fields = { Listen: config.Listen };
    if (config.Secret === "") {
      logger.warn("the peer ports listen beyond loopback without a Secret and without Tls", fields);
    } else {
      logger.warn("the peer ports listen beyond loopback without Tls: what nodes say can be read on the way", fields);
    }
  }
  if (config.Secret !== "" && config.Secret.length < SECRET_CHARS_MIN) {
    logger.warn("the Secret is short enough to be guessed", { allowed: `${SECRET_CHARS_MIN} characters or more` });
  }
  if (!isLoopback(config.Api.host)) logger.warn("the API listens beyond loopback", { host: config.Api.host });
}
