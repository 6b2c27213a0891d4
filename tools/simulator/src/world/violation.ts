/** Something that must never happen has happened. */
export class Violation extends Error {
  /** Which rule was broken, by the name of its file. */
  readonly rule: string;

  constructor(rule: string, message: string) {
    super(`${rule}: ${message}`);
    this.name = "Violation";
    this.rule = rule;
  }
}
