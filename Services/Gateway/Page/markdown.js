// Markdown as models write it, as a tree of plain values and from that as elements. Markup in the text stays text; links lead to http, https
// and mailto only; pictures are never loaded. Every step goes over the text once, so that no input is slow.

const MOST_DEPTH = 8;

/** Blocks of a text: {kind, source, ...}. */
export function parse(text, depth = 0) {
  const lines = String(text).replace(/\r\n?/g, "\n").split("\n");
  const blocks = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at];
    if (line.trim() === "") {
      at += 1;
      continue;
    }
    const start = at;
    const block = fence(lines, at) ?? heading(line, at) ?? rule(line, at) ?? table(lines, at) ??
      (depth < MOST_DEPTH ? quote(lines, at, depth) ?? list(lines, at, depth) : undefined) ?? paragraph(lines, at, depth);
    at = Math.max(block.next, start + 1);
    delete block.next;
    block.source = lines.slice(start, at).join("\n");
    blocks.push(block);
  }
  return blocks;
}

function fence(lines, at) {
  const open = /^ {0,3}(`{3,}|~{3,})\s*([^`\s]*)/.exec(lines[at]);
  if (!open) return undefined;
  const mark = open[1];
  let end = at + 1;
  const isEnd = (line) => {
    const text = line.trim();
    return text.length >= mark.length && [...text].every((character) => character === mark[0]);
  };
  while (end < lines.length && !isEnd(lines[end])) end += 1;
  const closed = end < lines.length;
  return { kind: "code", language: open[2].slice(0, 32), text: lines.slice(at + 1, end).join("\n"), closed, next: end + 1 };
}

function heading(line, at) {
  const found = /^ {0,3}(#{1,6})\s+(.*)$/.exec(line);
  return found ? { kind: "heading", level: found[1].length, text: found[2].replace(/\s+#+$/, ""), next: at + 1 } : undefined;
}

function rule(line, at) {
  const marks = line.replace(/\s/g, "");
  const isRule = marks.length >= 3 && "-*_".includes(marks[0]) && [...marks].every((mark) => mark === marks[0]);
  return isRule ? { kind: "rule", next: at + 1 } : undefined;
}

function cells(line) {
  const text = line.trim().replace(/^\|/, "").replace(/\|$/, "");
  return text.split("|").slice(0, 32).map((cell) => cell.trim());
}

function table(lines, at) {
  if (!lines[at].includes("|") || at + 1 >= lines.length) return undefined;
  const marks = lines[at + 1].trim();
  if (!marks.includes("-") || !/^[|:\-\s]+$/.test(marks) || !marks.includes("|")) return undefined;
  let end = at + 2;
  while (end < lines.length && lines[end].includes("|") && lines[end].trim() !== "") end += 1;
  return { kind: "table", head: cells(lines[at]), rows: lines.slice(at + 2, end).map(cells), next: end };
}

function quote(lines, at, depth) {
  if (!/^ {0,3}>/.test(lines[at])) return undefined;
  let end = at;
  while (end < lines.length && /^ {0,3}>/.test(lines[end])) end += 1;
  const inner = lines.slice(at, end).map((line) => line.replace(/^ {0,3}> ?/, "")).join("\n");
  return { kind: "quote", blocks: parse(inner, depth + 1), next: end };
}

const ITEM = /^( *)([-*+]|\d{1,9}[.)])(?: +(.*)|)$/;

function list(lines, at, depth) {
  const first = ITEM.exec(lines[at]);
  if (!first || first[1].length > 3) return undefined;
  const ordered = /\d/.test(first[2]);
  const indent = first[1].length;
  const items = [];
  let end = at;
  while (end < lines.length) {
    const found = ITEM.exec(lines[end]);
    const space = /^ */.exec(lines[end])[0].length;
    if (found && space <= indent + 1) {
      if (/\d/.test(found[2]) !== ordered) break;
      items.push([found[3] ?? ""]);
    } else if (lines[end].trim() === "") {
      const next = lines[end + 1] ?? "";
      const goesOn = ITEM.test(next) || (/^ */.exec(next)[0].length > indent + 1 && next.trim() !== "");
      if (!goesOn) break;
      items.at(-1).push("");
    } else if (space > indent + 1) {
      items.at(-1).push(lines[end].slice(Math.min(space, indent + (ordered ? 3 : 2))));
    } else if (startsBlock(lines, end)) {
      break;
    } else {
      items.at(-1).push(lines[end]);
    }
    end += 1;
  }
  const start = ordered ? Number.parseInt(first[2], 10) : undefined;
  return { kind: "list", ordered, start, items: items.map((item) => parse(item.join("\n"), depth + 1)), next: end };
}

function startsBlock(lines, at) {
  const line = lines[at];
  return /^ {0,3}(`{3,}|~{3,}|#{1,6}\s|>)/.test(line) || rule(line, at) !== undefined;
}

function paragraph(lines, at, depth) {
  let end = at + 1;
  while (end < lines.length && lines[end].trim() !== "" && !startsBlock(lines, end)) {
    if (depth < MOST_DEPTH && ITEM.test(lines[end]) && /^ *([-*+]|1[.)])/.test(lines[end])) break;
    end += 1;
  }
  return { kind: "paragraph", text: lines.slice(at, end).join("\n"), next: end };
}

/** The address of a link where it is one that may be followed. */
export function address(text) {
  const plain = String(text).trim();
  if (!/^(https?:\/\/|mailto:)[^\s<>"]+$/i.test(plain) || plain.length > 2048) return undefined;
  try {
    const url = new URL(plain);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : undefined;
  } catch {
    return undefined;
  }
}

/** Parts of a line: texts, and {kind, ...} with children. */
export function inline(text, depth = 0) {
  const parts = [];
  let plain = "";
  const flush = () => {
    if (plain) parts.push(plain);
    plain = "";
  };
  // Where a mark has been looked for to the end in vain it need not be looked for again.
  const absent = new Set();
  const closing = (mark, from) => {
    if (absent.has(mark)) return -1;
    const end = text.indexOf(mark, from);
    if (end < 0) absent.add(mark);
    return end;
  };
  let at = 0;
  while (at < text.length) {
    const character = text[at];
    if (character === "\\" && "\\`*_~[]()#+-.!|>{}".includes(text[at + 1] ?? " ")) {
      plain += text[at + 1];
      at += 2;
      continue;
    }
    if (character === "`") {
      const mark = /^`+/.exec(text.slice(at, at + 16))[0];
      const end = closing(mark, at + mark.length);
      if (end > 0) {
        flush();
        parts.push({ kind: "code", text: text.slice(at + mark.length, end).trim() });
        at = end + mark.length;
        continue;
      }
      plain += mark;
      at += mark.length;
      continue;
    }
    if (depth < MOST_DEPTH && (character === "*" || character === "_" || character === "~")) {
      const double = text[at + 1] === character;
      const mark = double ? character + character : character;
      const inWord = character === "_" && /[\p{L}\p{N}]/u.test(text[at - 1] ?? "");
      const opens = /\S/.test(text[at + mark.length] ?? " ") && !inWord && (character !== "~" || double);
      const end = opens ? closing(mark, at + mark.length + 1) : -1;
      if (end > 0 && /\S/.test(text[end - 1])) {
        flush();
        const kind = character === "~" ? "del" : double ? "strong" : "em";
        parts.push({ kind, parts: inline(text.slice(at + mark.length, end), depth + 1) });
        at = end + mark.length;
        continue;
      }
      plain += mark;
      at += mark.length;
      continue;
    }
    if (depth < MOST_DEPTH && (character === "[" || (character === "!" && text[at + 1] === "["))) {
      const from = at + (character === "!" ? 2 : 1);
      // Looked for nearby only: labels and addresses are short.
      const near = text.slice(from, from + 1024).indexOf("](");
      const middle = from + near;
      const stop = near < 0 ? -1 : text.slice(middle, middle + 2100).indexOf(")");
      const end = middle + stop;
      if (stop > 0) {
        const target = text.slice(middle + 2, end).trim().split(/\s/)[0];
        const href = address(target);
        flush();
        const label = inline(text.slice(from, middle), depth + 1);
        // A picture is named and linked, not fetched: its address could carry away what the chat is about.
        if (href) parts.push({ kind: "link", href, parts: label.length ? label : [href] });
        else parts.push(...label, ` (${target})`);
        at = end + 1;
        continue;
      }
    }
    if (character === "h" && (text.startsWith("http://", at) || text.startsWith("https://", at)) && !/\w/.test(text[at - 1] ?? "")) {
      const found = /^[^\s<>"`]+/.exec(text.slice(at, at + 2048))[0].replace(/[.,;:!?)\]*_~'"]+$/, "");
      const href = address(found);
      if (href) {
        flush();
        parts.push({ kind: "link", href, parts: [found] });
        at += found.length;
        continue;
      }
    }
    plain += character;
    at += 1;
  }
  flush();
  return parts;
}

/** Shows a text in `parent`. Blocks that are as they were keep their elements, so that a text that grows is cheap and can be selected from. */
export function show(parent, text, make) {
  const blocks = parse(text);
  const before = parent.shown ?? [];
  let same = 0;
  while (same < blocks.length && same < before.length && before[same] === blocks[same].source) same += 1;
  while (parent.childNodes.length > same) parent.lastChild.remove();
  for (const block of blocks.slice(same)) parent.append(element(block, make));
  // A code block that is still being written gets its end later without another line.
  parent.shown = blocks.map((block) => (block.kind === "code" && !block.closed ? undefined : block.source));
}

function spans(text, make) {
  return inline(text).map((part) => span(part, make));
}

function span(part, make) {
  if (typeof part === "string") return part;
  if (part.kind === "code") return make("code", null, part.text);
  const children = part.parts.map((child) => span(child, make));
  if (part.kind !== "link") return make(part.kind, null, children);
  return make("a", { href: part.href, rel: "noopener noreferrer nofollow", target: "_blank" }, children);
}

function element(block, make) {
  switch (block.kind) {
    case "code":
      return make("pre", { tabindex: "0", "data-language": block.language || null }, make("code", null, block.text));
    case "heading":
      return make(`h${Math.min(6, block.level + 2)}`, null, spans(block.text, make));
    case "rule":
      return make("hr");
    case "quote":
      return make("blockquote", null, block.blocks.map((inner) => element(inner, make)));
    case "list": {
      const start = block.ordered && block.start !== 1 ? block.start : null;
      const items = block.items.map((item) => make("li", null, tight(item, make)));
      return make(block.ordered ? "ol" : "ul", { start }, items);
    }
    case "table":
      return make("div", { class: "scroll", tabindex: "0" }, make("table", null,
        make("thead", null, make("tr", null, block.head.map((cell) => make("th", { scope: "col" }, spans(cell, make))))),
        make("tbody", null, block.rows.map((row) => make("tr", null, row.map((cell) => make("td", null, spans(cell, make))))))));
    default:
      return make("p", null, lines(block.text, make));
  }
}

function lines(text, make) {
  return text.split("\n").flatMap((line, place) => (place ? [make("br"), ...spans(line, make)] : spans(line, make)));
}

function tight(blocks, make) {
  if (blocks.length && blocks[0].kind === "paragraph") {
    return [...lines(blocks[0].text, make), ...blocks.slice(1).map((block) => element(block, make))];
  }
  return blocks.map((block) => element(block, make));
}
