import { invariant } from "@dister/types";

/** A part of page.html by its id. */
export function part<E extends HTMLElement>(id: string, type: abstract new () => E): E {
  const found = document.getElementById(id);
  invariant(found instanceof type, `page.html has no ${type.name} with the id ${id}`);
  return found;
}
