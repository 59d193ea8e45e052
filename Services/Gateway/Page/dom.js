// Makes elements. Texts become text nodes, never markup, so nothing that a model or a device says is ever parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") element.addEventListener(name, value);
    else if (name.startsWith("on")) throw new Error("handlers are functions");
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat()) {
    if (child === undefined || child === null || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return element;
}

/** An HTML element; attributes that are functions are handlers of the event of that name. */
export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function s(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

export const byId = (id) => document.getElementById(id);

/** Replaces a text only where it differs: unchanged nodes keep selections and do not wake screen readers. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Shows `rows` in `parent`, one element each: kept by key, made by `make`, brought up to date by `update`, in the order of the rows. */
export function reconcile(parent, rows, key, make, update) {
  const kept = (parent.kept ??= new Map());
  const seen = new Set();
  let place = parent.firstChild;
  for (const row of rows) {
    const name = key(row);
    seen.add(name);
    let element = kept.get(name);
    if (!element) kept.set(name, (element = make(row)));
    update(element, row);
    if (element === place) place = place.nextSibling;
    else parent.insertBefore(element, place);
  }
  for (const [name, element] of kept) {
    if (seen.has(name)) continue;
    element.remove();
    kept.delete(name);
  }
}
