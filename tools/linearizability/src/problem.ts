/** One broken promise, found without a search. */
export interface Problem<K extends string> {
  readonly kind: K;
  /** For people: what was seen, by whom, and why it cannot be. */
  readonly message: string;
}
