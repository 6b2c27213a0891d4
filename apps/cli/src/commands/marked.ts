import type { ReplyMarks } from "@dister/client";

/** A value, and what the reply said of it beside it. */
export interface Marked<T> {
  readonly value: T;
  readonly marks: ReplyMarks;
}

/** Carries out a read that tells its marks. */
export async function marked<T>(read: (onMarks: (marks: ReplyMarks) => void) => Promise<T>): Promise<Marked<T>> {
  let marks: ReplyMarks = {};
  const value = await read((told) => {
    marks = told;
  });
  return { value, marks };
}
