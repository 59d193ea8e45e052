// Markdown: what is recognised, what must not be, and that no text is slow.

import assert from "node:assert/strict";
import { test } from "node:test";
import { address, inline, parse, show } from "../../Services/Gateway/Page/markdown.js";

const kinds = (text) => parse(text).map((block) => block.kind);

/** Elements as plain values, as a browser would be told to make them. */
const make = (tag, attributes, ...children) => ({ tag, attributes: attributes ?? {}, children: children.flat(Infinity) });

function parent() {
  const childNodes = [];
  return {
    childNodes,
    append(element) {
      element.remove = () => childNodes.splice(childNodes.indexOf(element), 1);
      childNodes.push(element);
    },
    get lastChild() {
      return childNodes.at(-1);
    },
  };
}

function* all(element) {
  yield element;
  for (const child of element.children ?? []) yield* all(child);
}

test("blocks", () => {
  const text = "# Title\n\ntext\nmore\n\n- a\n- b\n  - c\n\n1. x\n2. y\n\n> q\n\n---\n\n```js\n# no title\n```\n\n|a|b|\n|-|-|\n|1|2|";
  assert.deepEqual(kinds(text), ["heading", "paragraph", "list", "list", "quote", "rule", "code", "table"]);
  const [, , bullets, numbers] = parse(text);
  assert.equal(bullets.items.length, 2);
  assert.equal(bullets.items[1][1].kind, "list");
  assert.equal(numbers.ordered, true);
});

test("code keeps every character", () => {
  const [block] = parse("```\n<b> *x*\n\n  y\n```");
  assert.equal(block.text, "<b> *x*\n\n  y");
  assert.equal(parse("````\n```\n````")[0].text, "```");
  assert.equal(parse("```py\nno end")[0].closed, false);
});

test("spans", () => {
  assert.deepEqual(inline("a **b** *c* `d*` ~~e~~"), [
    "a ", { kind: "strong", parts: ["b"] }, " ", { kind: "em", parts: ["c"] }, " ", { kind: "code", text: "d*" }, " ", { kind: "del", parts: ["e"] },
  ]);
  for (const text of ["2 * 3 * 4", "snake_case_name", "a ** b", "`open", "[no link]", "~one~", "\\*not\\*".replaceAll("\\", "")]) {
    if (text !== "*not*") assert.deepEqual(inline(text), [text]);
  }
  assert.deepEqual(inline("\\*not\\*"), ["*not*"]);
});

test("links lead to the web and to letters only", () => {
  assert.equal(address("https://a.example/x?y=1"), "https://a.example/x?y=1");
  assert.equal(address("mailto:a@b.example"), "mailto:a@b.example");
  const bad = [
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "java\nscript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "//evil.example", "/v1/cancel/x",
    "blob:https://a.example/x", 'https://a.example/"onclick="x', "https://a.example/<b>", "https://" + "a".repeat(3000), "http://[", "",
  ];
  for (const text of bad) assert.equal(address(text), undefined, text);
  assert.deepEqual(inline("[x](javascript:alert(1))").some((part) => part.kind === "link"), false);
  assert.deepEqual(inline("see https://a.example/b."), ["see ", { kind: "link", href: "https://a.example/b", parts: ["https://a.example/b"] }, "."]);
});

test("nothing but known elements and attributes is made, whatever the text", () => {
  const attack = '<img src=x onerror=a()> <script>a()</script> ![p](https://e.example/x.png) [a](javascript:a()) <svg/onload=a()>\n\n# <b>\n\n```"><script>\nx\n```\n\n|<i>|\n|-|\n|<u>|\n\n- <s>\n\n> <iframe>';
  const tags = new Set(["p", "h3", "h4", "pre", "code", "div", "table", "thead", "tbody", "tr", "th", "td", "ul", "ol", "li", "blockquote", "a", "em", "strong", "del", "br", "hr"]);
  const allowed = new Set(["tabindex", "data-language", "href", "rel", "target", "class", "scope", "start"]);
  const root = parent();
  show(root, attack, make);
  let texts = "";
  for (const child of root.childNodes) {
    for (const element of all(child)) {
      if (typeof element === "string") {
        texts += element;
        continue;
      }
      assert.ok(tags.has(element.tag), element.tag);
      for (const name of Object.keys(element.attributes)) assert.ok(allowed.has(name), name);
      if (element.attributes.href) assert.match(element.attributes.href, /^(https?|mailto):/);
    }
  }
  for (const part of ["<img src=x onerror=a()>", "<script>a()</script>", "<iframe>", "<svg/onload=a()>"]) assert.ok(texts.includes(part), part);
});

test("a text that grows keeps what is complete", () => {
  const root = parent();
  show(root, "one\n\ntwo", make);
  const [first, second] = root.childNodes;
  show(root, "one\n\ntwo and more", make);
  assert.equal(root.childNodes[0], first);
  assert.notEqual(root.childNodes[1], second);
  show(root, "one\n\n```\nx", make);
  show(root, "one\n\n```\nx\n```", make);
  assert.equal(root.childNodes.length, 2);
  show(root, "", make);
  assert.equal(root.childNodes.length, 0);
});

test("every prefix of a text is read", () => {
  const text = "# T\n\n- a **b** `c`\n  1. d\n\n| a | b |\n|---|---|\n| [x](https://e.example) | *y* |\n\n```js\nz\n```\n> q";
  for (let end = 0; end <= text.length; end += 1) {
    for (const block of parse(text.slice(0, end))) if (block.text && block.kind !== "code") inline(block.text);
  }
  assert.equal(parse(text).length, 5);
});

test("no text is slow", () => {
  const count = 20000;
  const texts = ["[", "![", "](", "*", "**a ", "_a ", "`", "`a", "~~", "> ", "- ", "|", "|-", "# ", "```\n", "[a](", "https://", "\\", "1. ", "    ", "*a **b "].map((part) => part.repeat(count));
  texts.push("> ".repeat(200) + "x", Array.from({ length: 200 }, (_, depth) => " ".repeat(2 * depth) + "- x").join("\n"), "[".repeat(count) + "](x)".repeat(count));
  for (const text of texts) {
    const start = process.cpuUsage();
    show(parent(), text, make);
    const used = process.cpuUsage(start);
    assert.ok(used.user + used.system < 5e6, `${text.slice(0, 8)}… took ${(used.user + used.system) / 1e6} s`);
  }
});
