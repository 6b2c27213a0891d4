import { Argument, InvalidArgumentError } from "commander";

/** An argument that is not empty: an empty key or name asks for something else. */
export function filled(name: string): Argument {
  return new Argument(name).argParser(readFilled);
}

/** Reads a text that is not empty. */
export function readFilled(text: string): string {
  if (text !== "") return text;
  throw new InvalidArgumentError("It is empty.");
}

/** The parts of `a,b,c`; empty ones are passed over, as the original did. */
export function listOf(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

/** Reads a count of milliseconds. */
export function readMilliseconds(text: string): number {
  return readWhole(text, 1, 2_147_483_647);
}

/** Reads a whole number within bounds. */
export function readWhole(text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d{1,10}$/.test(text) && value >= min && value <= max) return value;
  throw new InvalidArgumentError(`A whole number from ${min} to ${max} is needed.`);
}

/** Reads the parts of `a,b,c`, at least one. */
export function readList(text: string): string[] {
  const parts = listOf(text);
  if (parts.length > 0) return parts;
  throw new InvalidArgumentError("At least one is needed.");
}
