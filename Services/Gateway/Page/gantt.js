// What every stage computed in the last seconds: blocks are steps, in the colour of their micro-batch, gaps are bubbles, marks are KV cache
// that was sent and received. `Steps` keeps what was reported; drawing is on a canvas, because there are thousands of blocks.

import { h, reconcile, setText } from "./dom.js";
import { duration, percent, short } from "./format.js";
import { replicas } from "./picture.js";

const KEPT = 40e6;
const ROW = 26;
const MOST = 60000;

/** The steps of the last forty seconds; times in microseconds. */
export class Steps {
  #steps = [];
  #transfers = [];
  newest = 0;
  silent = [];

  /** Takes a report, whose times are relative to its moment and whose names are places in a list. */
  take(report) {
    const { now_us: now, names } = report;
    for (const [replica, stage, number, device, at, took, rows, requests, decode] of report.steps) {
      this.#steps.push({ row: `${names[replica]}/${stage}`, number, device: names[device], at: now + at, took, rows, requests, decode: decode === 1 });
    }
    for (const [replica, stage, device, at, size, sent] of report.transfers) {
      this.#transfers.push({ row: `${names[replica]}/${stage}`, device: names[device], at: now + at, bytes: size, sent: sent === 1 });
    }
    this.newest = Math.max(this.newest, now);
    this.silent = report.silent;
    const since = this.newest - KEPT;
    this.#steps = this.#steps.filter((step) => step.at >= since).slice(-MOST);
    this.#transfers = this.#transfers.filter((transfer) => transfer.at >= since).slice(-MOST);
  }

  /** What happened in a window. */
  between(from, to) {
    return {
      steps: this.#steps.filter((step) => step.at + step.took >= from && step.at <= to),
      transfers: this.#transfers.filter((transfer) => transfer.at >= from && transfer.at <= to),
    };
  }
}

/** The share of a window that each row computed. */
export function busy(steps, from, to) {
  const shares = new Map();
  for (const step of steps) {
    const time = Math.min(to, step.at + step.took) - Math.max(from, step.at);
    shares.set(step.row, (shares.get(step.row) ?? 0) + Math.max(0, time) / (to - from));
  }
  return shares;
}

export class Gantt {
  steps = new Steps();
  #span = 4e6;
  #held = undefined;
  #rows = [];

  constructor(parent) {
    const spans = [1, 4, 15].map((seconds) => h("button", {
      type: "button", class: "quiet", "aria-pressed": String(seconds * 1e6 === this.#span),
      click: (event) => {
        this.#span = seconds * 1e6;
        for (const button of spans) button.setAttribute("aria-pressed", String(button === event.currentTarget));
        this.redraw?.();
      },
    }, `${seconds} s`));
    this.hold = h("button", { type: "button", class: "quiet", "aria-pressed": "false", click: () => this.#toggle() }, "Hold");
    this.said = h("p", { class: "readout" });
    this.canvas = h("canvas", { role: "img", pointermove: (event) => this.#read(event), pointerleave: () => setText(this.said, "") });
    this.names = h("ul", { class: "gantt-rows" });
    this.empty = h("p", { class: "empty" });
    const legend = h("ul", { class: "legend", "aria-label": "Colours" }, [["prefill", "Prefill"], ["decode", "Decode, one shade per step"], ["transfer", "KV cache sent and received"]].map(([kind, name]) => h("li", null, h("i", { class: kind }), name)));
    parent.append(h("div", { class: "bar" }, legend, h("div", { class: "group", role: "group", "aria-label": "Time shown" }, spans, this.hold)), this.empty, h("div", { class: "gantt" }, this.names, h("div", { class: "lanes" }, this.canvas)), this.said);
  }

  #toggle() {
    this.#held = this.#held === undefined ? this.steps.newest : undefined;
    this.hold.setAttribute("aria-pressed", String(this.#held !== undefined));
    this.redraw?.();
  }

  draw(picture) {
    const to = this.#held ?? this.steps.newest;
    const from = to - this.#span;
    const { steps, transfers } = this.steps.between(from, to);
    const shares = busy(steps, from, to);
    this.#rows = replicas(picture).flatMap((replica) => replica.stages.map((stage) => ({ key: `${replica.id}/${stage.index}`, device: stage.device, role: replica.role, replica: replica.id })));
    this.empty.hidden = this.#rows.length > 0 && this.steps.newest > 0;
    setText(this.empty, this.#rows.length ? "Asking the workers…" : "No plan is in force.");
    reconcile(this.names, this.#rows, (row) => row.key, () => h("li", null, h("span", { class: "name" }), h("span", { class: "of" }), h("span", { class: "share" })), (element, row) => {
      setText(element.firstChild, short(row.device, 40));
      setText(element.children[1], short(row.replica, 24));
      element.firstChild.title = `${row.replica}, ${row.device}`;
      setText(element.lastChild, this.steps.silent.includes(row.device) ? "silent" : percent(shares.get(row.key) ?? 0));
    });
    const text = this.#rows.slice(0, 16).map((row) => `${row.device} computes ${percent(shares.get(row.key) ?? 0)} of the time`).join(", ");
    this.canvas.setAttribute("aria-label", `Steps of the last ${duration(this.#span / 1e6)}: ${text || "none"}`);
    this.#paint(steps, transfers, from, to);
    this.shown = { steps, from, to };
  }

  #paint(steps, transfers, from, to) {
    const width = Math.max(100, this.canvas.parentElement.clientWidth);
    const height = Math.max(1, this.#rows.length) * ROW;
    const scale = globalThis.devicePixelRatio || 1;
    this.canvas.width = width * scale;
    this.canvas.height = height * scale;
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    const context = this.canvas.getContext("2d");
    const style = getComputedStyle(this.canvas);
    const colour = (name) => style.getPropertyValue(name).trim();
    context.scale(scale, scale);
    const places = new Map(this.#rows.map((row, place) => [row.key, place]));
    context.fillStyle = colour("--lane");
    for (let place = 0; place < this.#rows.length; place += 1) context.fillRect(0, place * ROW + 3, width, ROW - 6);
    const left = (time) => ((time - from) / (to - from)) * width;
    const shades = [0, 1, 2, 3].map((shade) => colour(`--decode-${shade}`));
    const prefill = colour("--prefill");
    for (const step of steps) {
      const place = places.get(step.row);
      if (place === undefined) continue;
      context.fillStyle = step.decode ? shades[step.number % shades.length] : prefill;
      context.fillRect(left(step.at), place * ROW + 3, Math.max(0.6, left(step.at + step.took) - left(step.at) - 0.5), ROW - 6);
    }
    context.fillStyle = colour("--transfer");
    for (const transfer of transfers) {
      const place = places.get(transfer.row);
      if (place === undefined) continue;
      context.fillRect(left(transfer.at) - 1, place * ROW + (transfer.sent ? ROW - 9 : 3), 2, 6);
    }
  }

  #read(event) {
    const box = this.canvas.getBoundingClientRect();
    const row = this.#rows[Math.floor((event.clientY - box.top) / ROW)];
    if (!row || !this.shown) return;
    const { from, to, steps } = this.shown;
    const time = from + ((event.clientX - box.left) / box.width) * (to - from);
    const step = steps.find((step) => step.row === row.key && step.at <= time && time <= step.at + step.took);
    setText(this.said, step ? `${row.device}, step ${step.number}: ${duration(step.took / 1e6)}, ${step.rows} row${step.rows === 1 ? "" : "s"} of ${step.requests} request${step.requests === 1 ? "" : "s"} (${step.decode ? "decode" : "prefill"})` : `${row.device}: nothing`);
  }
}
