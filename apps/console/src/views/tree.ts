/** Elements that the page is made of. None of them loads or runs anything. */
export type Tag =
  | "bdi"
  | "button"
  | "caption"
  | "code"
  | "dd"
  | "div"
  | "dl"
  | "dt"
  | "p"
  | "span"
  | "strong"
  | "table"
  | "tbody"
  | "td"
  | "th"
  | "thead"
  | "tr";

/** Attributes that a view may set; none of them is an address, a style or a script. */
export type AttributeName =
  | "aria-describedby"
  | "aria-label"
  | "class"
  | "data-focus"
  | "data-label"
  | "role"
  | "rowspan"
  | "scope"
  | "type";

export type Child = Tree | string;

/** A piece of the page as a plain value: what views make of the model, before there is any DOM. */
export interface Tree {
  readonly tag: Tag;
  readonly attributes: Readonly<Partial<Record<AttributeName, string>>>;
  readonly children: readonly Child[];
  readonly onClick?: () => void;
}

/** Describes an element. */
export function element(tag: Tag, attributes: Tree["attributes"], ...children: Child[]): Tree {
  return { tag, attributes, children };
}

/** Describes a button. */
export function button(attributes: Tree["attributes"], label: string, onClick: () => void): Tree {
  return { tag: "button", attributes: { type: "button", ...attributes }, children: [label], onClick };
}

/** The part of a DOM element that {@link toDom} needs. */
export interface PageElement<E> {
  setAttribute(name: string, value: string): void;
  addEventListener(type: "click", listener: () => void): void;
  /** A string becomes a text node, whatever is in it. */
  append(...children: (E | string)[]): void;
}

/** The part of a document that {@link toDom} needs. */
export interface PageDocument<E extends PageElement<E>> {
  createElement(tag: Tag): E;
}

/** Makes DOM of a tree. The only place where data enters the page, and it enters as text and attribute values only. */
export function toDom<E extends PageElement<E>>(page: PageDocument<E>, tree: Tree): E {
  const made = page.createElement(tree.tag);
  for (const [name, value] of Object.entries(tree.attributes)) made.setAttribute(name, value);
  if (tree.onClick !== undefined) made.addEventListener("click", tree.onClick);
  made.append(...tree.children.map((child) => (typeof child === "string" ? child : toDom(page, child))));
  return made;
}
