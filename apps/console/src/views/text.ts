import { type Child, element, type Tree } from "./tree.ts";

/** Longer text is cut where it is shown; the whole of it would make a page of its own. */
export const SHOWN_CHARS_MAX = 300;

/**
 * Characters that are not seen, or that change the order or the meaning of what stands around them: controls, marks of
 * direction, separators of lines, halves of surrogate pairs, and all that Unicode allows a reader to pass over.
 */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * Text of a stranger, so that what is seen is what is there: hidden characters are shown by their code, the direction of
 * writing does not leak out, and what is too long says so.
 */
export function foreignText(text: string): Tree {
  const shown = text.length > SHOWN_CHARS_MAX ? cut(text) : text;
  const children: Child[] = [];
  let end = 0;
  for (const match of shown.matchAll(HIDDEN)) {
    if (match.index > end) children.push(shown.slice(end, match.index));
    children.push(element("span", { class: "code-point" }, nameOf(match[0])));
    end = match.index + match[0].length;
  }
  if (end < shown.length) children.push(shown.slice(end));
  if (text === "") children.push(element("span", { class: "note" }, "empty"));
  if (shown !== text) children.push(element("span", { class: "note" }, ` … ${text.length} characters`));
  return element("bdi", { class: "foreign" }, ...children);
}

/** Does not leave half of a surrogate pair at the end. */
function cut(text: string): string {
  const last = text.charCodeAt(SHOWN_CHARS_MAX - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? SHOWN_CHARS_MAX - 1 : SHOWN_CHARS_MAX);
}

function nameOf(character: string): string {
  if (character === "\n") return "↵";
  if (character === "\t") return "⇥";
  return `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}`;
}

/** A span of time, as exact as its size needs. */
export function durationText(durationMs: number): string {
  const seconds = Math.max(0, Math.floor(durationMs / 1_000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** A moment in the reader's own time zone: `2026-11-22 09:05:00`. */
export function momentText(wallMs: number): string {
  const date = new Date(wallMs);
  const two = (part: number): string => String(part).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
