/** What a run of the program has of the world around it. */
export interface Io {
  /** Takes what was asked for, and nothing else. */
  readonly stdout: Output;
  /** Takes why it failed. */
  readonly stderr: { write(text: string): unknown };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** How this program was called, to be repeated in hints: `dister`, `npx dister`. */
  readonly command: string;
  /**
   * Listens to the wish to end: SIGINT, SIGTERM or SIGHUP. Without a listener these end the process at once.
   * @returns the function that ends the listening.
   */
  onSignal(listener: () => void): () => void;
}

/** Where an answer goes; what is known of a terminal is told, of a file or a pipe nothing. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  /** Lines that it shows at once, now. */
  readonly rows?: number;
  /** Characters of a line that it shows, now. */
  readonly columns?: number;
}
