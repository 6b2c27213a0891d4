import { expect, test, vi } from "vitest";
import { FakeElement, fakePage } from "../../test/fake-page.ts";
import { button, element, toDom } from "./tree.ts";

test("text enters the page as text, whatever is in it", () => {
  const hostile = '<img src=x onerror="alert(1)">';
  const made = toDom(fakePage, element("td", { "data-label": hostile }, hostile));
  expect(made.children).toEqual([hostile]);
  expect(made.attributes).toEqual(new Map([["data-label", hostile]]));
});

test("elements keep their order among texts", () => {
  const made = toDom(fakePage, element("p", {}, "a", element("code", { class: "id" }, "b"), "c"));
  const code = new FakeElement("code");
  code.setAttribute("class", "id");
  code.append("b");
  expect(made.children).toEqual(["a", code, "c"]);
});

test("a button does what it is for when it is clicked, and sends no form", () => {
  const onClick = vi.fn<() => void>();
  const made = toDom(fakePage, button({ class: "danger" }, "Delete", onClick));
  expect(onClick).not.toHaveBeenCalled();
  made.click();
  expect(onClick).toHaveBeenCalledOnce();
  expect(made.attributes.get("type")).toBe("button");
});
