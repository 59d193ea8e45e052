// The fleet as a picture: a band for each replica with its stages in order, arrows for links, dashed arrows for KV cache that
// travels from prefill to decode replicas. `layout` is pure; `Topology` draws it.

import { h, reconcile, s, setText } from "./dom.js";
import { bytes, duration, number, percent, short, speed } from "./format.js";
import { idleDevices, link, replicaName, replicas } from "./picture.js";

const SIZES = {
  large: { width: 158, height: 88, gap: 62, head: 30, pad: 14 },
  medium: { width: 130, height: 70, gap: 34, head: 28, pad: 14 },
  small: { width: 100, height: 48, gap: 18, head: 26, pad: 13 },
};

/** Where everything is: {width, height, bands, cards, arrows, transfers}. */
export function layout(picture, width) {
  const groups = replicas(picture);
  const idle = idleDevices(picture);
  const count = groups.reduce((sum, group) => sum + group.stages.length, 0) + idle.length;
  const size = count > 24 ? "small" : count > 10 || width < 520 ? "medium" : "large";
  const { width: cardWidth, height: cardHeight, gap, head, pad } = SIZES[size];
  const sends = groups.some((group) => group.role === "prefill") && groups.some((group) => group.role === "decode");
  const margin = sends ? 34 : 0;
  const result = { size, width, height: 0, bands: [], cards: [], arrows: [], transfers: [] };
  const most = Math.max(1, Math.floor((width - margin - 2 * pad + gap) / (cardWidth + gap)));
  const order = { prefill: 0, mixed: 1, decode: 2 };
  const bands = groups.map((group) => ({ ...group, devices: group.stages })).sort((a, b) => order[a.role] - order[b.role]);
  if (idle.length) bands.push({ id: "", role: "idle", state: "", devices: idle.map((device) => ({ device })) });
  let y = 0;
  let x = 0;
  let rowHeight = 0;
  for (const band of bands) {
    const columns = Math.min(most, Math.max(1, band.devices.length));
    const rows = Math.ceil(band.devices.length / columns);
    const bandWidth = Math.max(columns * (cardWidth + gap) - gap + 2 * pad, size === "small" ? 212 : 250);
    const bandHeight = head + pad + rows * (cardHeight + 14) - 14;
    // Small replicas share a row, but nothing stands in the way of KV cache.
    if (x > 0 && (x + bandWidth > width - margin || (sends && (band.role === "prefill" || band.role === "decode")))) {
      y += rowHeight + 16;
      x = 0;
      rowHeight = 0;
    }
    const box = { band, x, y, width: Math.min(bandWidth, width - margin), height: bandHeight + 2 };
    result.bands.push(box);
    band.devices.forEach((stage, index) => {
      const card = {
        key: `${band.id}/${index}/${stage.device}`, stage, role: band.role, replica: band.id, state: band.state,
        x: x + pad + (index % columns) * (cardWidth + gap), y: y + head + Math.floor(index / columns) * (cardHeight + 14),
        width: cardWidth, height: cardHeight,
      };
      if (band.role !== "idle" && index > 0) {
        const before = result.cards.at(-1);
        result.arrows.push({
          key: card.key, wraps: before.y !== card.y, busy: stage.running > 0,
          x1: before.x + before.width, y1: before.y + before.height / 2, x2: card.x, y2: card.y + card.height / 2,
          from: before.stage.device, to: stage.device, link: link(picture, before.stage.device, stage.device),
        });
      }
      result.cards.push(card);
    });
    x += bandWidth + 16;
    rowHeight = Math.max(rowHeight, bandHeight + 2);
  }
  result.height = y + rowHeight + 2;
  if (sends) result.transfers = transfers(result.bands, width - 14);
  return result;
}

/** One line at the side collects what all prefill replicas send, and leads to all decode replicas: any may send to any. */
function transfers(bands, x) {
  const ends = bands.filter(({ band }) => band.role === "prefill" || band.role === "decode").map((box) => ({
    key: box.band.id, from: box.x + box.width, y: box.y + box.height / 2, sends: box.band.role === "prefill",
    bytes: (box.band.stages ?? []).reduce((sum, stage) => sum + stage.transferred, 0),
  }));
  const first = Math.min(...ends.map((end) => end.y));
  const last = Math.max(...ends.map((end) => end.y));
  return ends.map((end) => {
    // The outermost ones end in the line's round corners.
    const turn = end.y === first ? 8 : end.y === last ? -8 : 0;
    const line = turn ? `H${x - 8}Q${x} ${end.y} ${x} ${end.y + turn}` : `H${x}`;
    const back = turn ? `M${x} ${end.y + turn}Q${x} ${end.y} ${x - 8} ${end.y}H${end.from + 2}` : `M${x} ${end.y}H${end.from + 2}`;
    return { ...end, path: (end.sends ? `M${end.from} ${end.y}${line}` : back) + (end.y === first ? `M${x} ${first + 8}V${last - 8}` : ""), first: end.y === first };
  });
}

/** One sentence for those who do not see the picture. */
export function summary(picture) {
  const groups = replicas(picture);
  const devices = Object.values(picture.devices ?? {});
  if (!devices.length) return "No device has registered yet.";
  const ready = devices.filter((device) => device.state === "ready").length;
  const parts = groups.map((group) => `${replicaName(group)} on ${group.stages.length} device${group.stages.length === 1 ? "" : "s"}`);
  return `${devices.length} device${devices.length === 1 ? "" : "s"}, ${ready} ready. ${parts.length ? parts.join(", ") : "No plan in force"}.`;
}

export class Topology {
  #chosen = "";
  #sent = new Map();

  constructor(parent) {
    this.bands = s("g");
    this.arrows = s("g");
    this.transfers = s("g");
    this.cards = s("g");
    const marker = (id) => s("marker", { id, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse" }, s("path", { d: "M0 0L8 4L0 8z", class: id }));
    this.svg = s("svg", { class: "topology", role: "group", "aria-label": "Topology" }, s("defs", null, marker("head"), marker("head-kv")), this.bands, this.transfers, this.arrows, this.cards);
    this.detail = h("section", { class: "detail", "aria-label": "Chosen device", hidden: true });
    this.note = h("p", { class: "empty" });
    parent.append(this.note, this.svg, this.detail);
    this.parent = parent;
  }

  draw(picture) {
    const width = Math.max(280, Math.floor(this.parent.clientWidth) || 800);
    const plan = layout(picture, width);
    const none = plan.cards.length === 0;
    this.note.hidden = !none;
    if (none) setText(this.note, "No device has registered yet. Start one with: e2llm device --join TOKEN --model FILE.gguf");
    this.svg.setAttribute("viewBox", `0 0 ${plan.width} ${Math.max(1, plan.height)}`);
    this.svg.setAttribute("height", plan.height);
    this.svg.setAttribute("width", plan.width);
    this.svg.setAttribute("aria-label", summary(picture));
    reconcile(this.bands, plan.bands, (box) => box.band.id || "idle", makeBand, updateBand);
    reconcile(this.arrows, plan.arrows, (arrow) => arrow.key, makeArrow, (element, arrow) => updateArrow(element, arrow, plan.size));
    reconcile(this.transfers, plan.transfers, (transfer) => transfer.key, makeTransfer, (element, transfer) => {
      const before = this.#sent.get(transfer.key);
      element.classList.toggle("busy", before !== undefined && transfer.bytes > before);
      this.#sent.set(transfer.key, transfer.bytes);
      element.firstChild.setAttribute("d", transfer.path);
      if (transfer.sends) element.firstChild.removeAttribute("marker-end");
      else element.firstChild.setAttribute("marker-end", "url(#head-kv)");
      setText(element.lastChild, transfer.sends ? `${transfer.key} has sent ${bytes(transfer.bytes)} of KV cache` : `${transfer.key} receives KV cache`);
    });
    reconcile(this.cards, plan.cards, (card) => card.key, (card) => this.#makeCard(card), (element, card) => updateCard(element, card, picture, plan.size));
    this.#detail(picture, plan);
  }

  #makeCard(card) {
    const choose = () => {
      this.#chosen = this.#chosen === card.key ? "" : card.key;
      this.redraw?.();
    };
    const element = s("g", {
      class: "card", tabindex: "0", role: "button", click: choose,
      keydown: (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        choose();
      },
    });
    const part = (tag, attributes) => {
      const made = s(tag, attributes);
      element.append(made);
      return made;
    };
    element.parts = {
      title: part("title"), box: part("rect", { class: "box", rx: 7 }), stripe: part("rect", { class: "stripe", rx: 1.5 }),
      name: part("text", { class: "name" }), dot: part("circle", { class: "dot", r: 3.5 }), layers: part("text", { class: "layers" }),
      figure: part("text", { class: "figure" }), track: part("rect", { class: "track", rx: 2 }), fill: part("rect", { class: "fill", rx: 2 }),
      memory: part("text", { class: "memory" }),
    };
    return element;
  }

  #detail(picture, plan) {
    const card = plan.cards.find((card) => card.key === this.#chosen);
    for (const element of this.cards.children) {
      const isChosen = card !== undefined && this.cards.kept.get(card.key) === element;
      element.classList.toggle("chosen", isChosen);
      element.setAttribute("aria-pressed", String(isChosen));
    }
    this.detail.hidden = !card;
    if (!card) return;
    const device = picture.devices?.[card.stage.device] ?? {};
    const workers = Object.entries(device.workers ?? {}).map(([kind, alive]) => `${kind} ${alive ? "alive" : "silent"}`).join(", ");
    const links = Object.values(picture.links ?? {}).filter((found) => found[0] === card.stage.device).sort((a, b) => b[3] - a[3]);
    const rows = [
      ["State", device.problem ? `${device.state}: ${device.problem}` : device.state], ["Host", device.host],
      ["Processors", device.threads && `${device.threads} thread${device.threads === 1 ? "" : "s"}, ${percent(device.compute_share)} of their time`],
      ["Memory", `${bytes(device.memory_usable_bytes)} for weights and KV cache; the process holds ${bytes(card.stage.resident)}`],
      ["Replica", card.replica && `${replicaName({ id: card.replica, role: card.role })}, ${card.state}`],
      ["Layers", card.stage.layers && `${card.stage.layers.start}–${card.stage.layers.end - 1}`],
      ["Sequences", card.replica && `${card.stage.running} running, ${card.stage.waiting} waiting`],
      ["KV cache", Number.isFinite(card.stage.kvUsed) && `${number(card.stage.kvUsed)} tokens`], ["Workers", workers],
      ["Links", links.slice(0, 6).map((found) => `${short(found[1], 24)} ${duration(found[2])}, ${speed(found[3])}`).join("; ") + (links.length > 6 ? `; ${links.length - 6} more` : "")],
    ].filter(([, value]) => value);
    this.detail.replaceChildren(h("h3", null, short(card.stage.device, 80)), h("dl", { class: "pairs" }, rows.map(([name, value]) => [h("dt", null, name), h("dd", null, value)])));
  }
}

function makeBand() {
  return s("g", null, s("rect", { rx: 10 }), s("text", null, s("tspan", { class: "role" }), s("tspan", { class: "about", dx: 8 })));
}

function updateBand(element, { band, x, y, width, height }) {
  const [box, text] = element.children;
  const [role, about] = text.children;
  element.setAttribute("class", `band ${band.role} ${band.state === "broken" ? "broken" : ""}`);
  place(box, { x: x + 0.5, y: y + 0.5, width: width - 1, height: height - 1 });
  place(text, { x: x + 14, y: y + 19 });
  setText(role, band.role === "idle" ? "Idle" : short(replicaName(band), 22));
  const used = band.capacity > 0 ? `KV ${percent(band.reserved / band.capacity)}` : "";
  const facts = band.role === "idle" ? [`${band.devices.length} device${band.devices.length === 1 ? "" : "s"}`] : [band.state === "serving" ? "" : band.state, used, band.requests ? `${band.requests} request${band.requests === 1 ? "" : "s"}` : ""];
  setText(about, short(facts.filter(Boolean).join(" · "), Math.floor((width - 36) / 6.4) - role.textContent.length));
}

function makeArrow() {
  return s("g", { class: "link", role: "img" }, s("path", { "marker-end": "url(#head)" }), s("text", { "text-anchor": "middle" }), s("text", { "text-anchor": "middle" }), s("title"));
}

function updateArrow(element, arrow, size) {
  const [path, above, below, title] = element.children;
  element.classList.toggle("busy", arrow.busy);
  const { x1, y1, x2, y2 } = arrow;
  const middle = y1 + 0.5 * (y2 - y1);
  path.setAttribute("d", arrow.wraps ? `M${x1} ${y1}h7V${middle}H${x2 - 8}V${y2}h6` : `M${x1 + 2} ${y1}H${x2 - 3}`);
  const text = arrow.link ? `${duration(arrow.link.latency)}, ${speed(arrow.link.speed)}` : "not measured";
  const labelled = size === "large" && !arrow.wraps && arrow.link;
  for (const label of [above, below]) label.setAttribute("x", (x1 + x2) / 2);
  above.setAttribute("y", y1 - 6);
  below.setAttribute("y", y1 + 14);
  setText(above, labelled ? speed(arrow.link.speed).replace("bit/s", "b/s") : "");
  setText(below, labelled ? duration(arrow.link.latency) : "");
  const told = `Link ${arrow.from} to ${arrow.to}: ${text}`;
  if (title.textContent === told) return;
  setText(title, told);
  element.setAttribute("aria-label", told);
}

function makeTransfer() {
  return s("g", { class: "transfer" }, s("path"), s("title"));
}

function updateCard(element, card, picture, size) {
  const device = picture.devices?.[card.stage.device];
  const { parts } = element;
  const dead = device?.state === "lost" || device?.state === "failed" || !device || (card.role !== "idle" && !card.stage.alive);
  const health = dead ? "dead" : device.state === "ready" ? "ready" : "measuring";
  element.setAttribute("class", `card ${card.role} ${health} ${size} ${element.classList.contains("chosen") ? "chosen" : ""}`);
  const { x, y, width, height } = card;
  place(parts.box, { x, y, width, height });
  place(parts.stripe, { x: x + 1, y: y + 8, width: 3, height: height - 16 });
  const letters = Math.floor((width - 34) / (size === "small" ? 6.4 : 7.6));
  place(parts.name, { x: x + 11, y: y + (size === "small" ? 17 : 20) });
  setText(parts.name, short(card.stage.device, letters));
  place(parts.dot, { cx: x + width - 11, cy: y + (size === "small" ? 13 : 15.5) });
  const range = card.stage.layers;
  const layers = range ? `layers ${range.start}–${range.end - 1}` : device?.state ?? "gone";
  place(parts.layers, { x: x + 11, y: y + (size === "small" ? 31 : 37) });
  setText(parts.layers, size !== "large" && range ? `${range.start}–${range.end - 1}` : layers);
  const time = card.role === "prefill" ? card.stage.measuredPrefill : card.stage.measuredDecode;
  const figure = time === undefined ? "" : duration(time, size === "large" ? 3 : 2);
  place(parts.figure, { x: x + width - 10, y: y + (size === "small" ? 31 : 37) });
  setText(parts.figure, figure);
  const usable = device?.memory_usable_bytes;
  const resident = card.stage.resident;
  const share = usable > 0 && resident >= 0 ? Math.min(1, resident / usable) : 0;
  const bar = { x: x + 11, y: y + height - (size === "small" ? 10 : size === "medium" ? 25 : 34), height: 5 };
  place(parts.track, { ...bar, width: width - 22 });
  place(parts.fill, { ...bar, width: share * (width - 22) });
  place(parts.memory, { x: x + 11, y: y + height - (size === "medium" ? 9 : 13) });
  setText(parts.memory, size === "small" ? "" : resident >= 0 ? `${bytes(resident)} / ${bytes(usable)}` : usable ? bytes(usable) : "");
  const text = `${card.stage.device}: ${card.role}${card.replica ? ` replica ${card.replica}` : ""}, ${layers}, memory ${bytes(resident)} of ${bytes(usable)}, ${dead ? "not alive" : device.state}`;
  setText(parts.title, text);
  element.setAttribute("aria-label", text);
}

function place(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    const text = String(Math.round(value * 10) / 10);
    if (element.getAttribute(name) !== text) element.setAttribute(name, text);
  }
}
