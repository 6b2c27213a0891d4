import type { Client, KvPair } from "@dister/client";
import { isDisterError } from "@dister/types";
import { part } from "./page-part.ts";

/** Setting and deleting keys. */
export class KeyForm {
  readonly #client: Pick<Client, "kv">;
  readonly #changed: () => void;
  readonly #key = part("set-key", HTMLInputElement);
  readonly #value = part("set-value", HTMLTextAreaElement);
  readonly #submit = part("set-submit", HTMLButtonElement);
  readonly #outcome = part("outcome", HTMLElement);
  readonly #dialog = part("delete-dialog", HTMLDialogElement);
  readonly #deleteKey = part("delete-key", HTMLElement);
  #toDelete: string | null = null;

  /** @param changed - called after every write, also one that failed. */
  constructor(client: Pick<Client, "kv">, changed: () => void) {
    this.#client = client;
    this.#changed = changed;
    part("set-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#set();
    });
    part("delete-cancel", HTMLButtonElement).addEventListener("click", () => this.#dialog.close());
    part("delete-confirm", HTMLButtonElement).addEventListener("click", () => {
      this.#dialog.close();
      if (this.#toDelete !== null) void this.#delete(this.#toDelete);
    });
  }

  /** Puts a pair into the form. */
  edit({ key, value }: KvPair): void {
    this.#key.value = key;
    this.#value.value = value;
    // A field of one line drops line breaks: saying so is better than setting another key.
    if (this.#key.value === key) this.#say("plain", "");
    else this.#say("bad", "This key holds line breaks: it cannot be edited here.");
    this.#value.focus();
  }

  /** Asks, and then deletes. */
  remove(key: string): void {
    this.#toDelete = key;
    this.#deleteKey.textContent = key;
    this.#dialog.showModal();
  }

  async #set(): Promise<void> {
    const key = this.#key.value;
    this.#submit.disabled = true;
    await this.#write("Set", key, this.#client.kv.set(key, this.#value.value));
    this.#submit.disabled = false;
  }

  #delete(key: string): Promise<void> {
    return this.#write("Deleted", key, this.#client.kv.delete(key));
  }

  async #write(done: string, key: string, write: Promise<{ logid: number; changed: number }>): Promise<void> {
    const shown = key.length > 80 ? `${key.slice(0, 80)}…` : key;
    this.#say("plain", "Writing …");
    try {
      const { logid, changed } = await write;
      this.#say(
        "good",
        changed === 0 ? `${shown}: there was nothing to change.` : `${done} ${shown}, log id ${logid}.`,
      );
    } catch (error) {
      const unknown = isDisterError(error, "DISTER_ERR_UNKNOWN_OUTCOME");
      const said = (error as Error).message;
      this.#say("bad", unknown ? `${shown}: it may or may not be done. ${said}` : `${shown}: not done. ${said}`);
    }
    this.#changed();
  }

  #say(kind: "plain" | "good" | "bad", text: string): void {
    this.#outcome.className = `outcome ${kind}`;
    this.#outcome.textContent = text;
  }
}
