// Requests with a waterfall each: queue, prefill, KV transfer, decode.

import { h, reconcile, setText } from "./dom.js";
import { duration, number, short } from "./format.js";
import { requests } from "./picture.js";

const NAMES = { waiting: "waiting", running: "running", lost: "continuing", stop: "done", length: "done (limit)", abort: "cancelled", error: "failed" };
const PHASES = { queue: "Queue", prefill: "Prefill", transfer: "KV transfer", decode: "Decode" };

/** What a request is doing now. */
export function doing(request) {
  if (request.state !== "running") return NAMES[request.state] ?? request.state;
  return { queue: "queued", prefill: "prefill", transfer: "KV transfer", decode: "decoding" }[request.parts.at(-1)?.kind] ?? "running";
}

export class Requests {
  #open = new Set();

  /** `cancel` is called with the id of a request. */
  constructor(parent, cancel) {
    this.cancel = cancel;
    const legend = h("ul", { class: "legend", "aria-label": "Parts of the bars" }, Object.entries(PHASES).map(([kind, name]) => h("li", null, h("i", { class: kind }), name)));
    this.empty = h("p", { class: "empty" }, "No request has come yet. Ask something in the chat.");
    this.list = h("ul", { class: "requests", "aria-label": "Requests" });
    parent.append(h("div", { class: "bar" }, legend), this.empty, this.list);
  }

  draw(picture, now) {
    const rows = requests(picture, now);
    this.empty.hidden = rows.length > 0;
    // Half again as long as most: one that is very long does not flatten the others.
    const scale = Math.max(1, ...rows.map((row) => row.total));
    reconcile(this.list, rows, (row) => row.id, (row) => this.#make(row), (element, row) => this.#update(element, row, scale));
  }

  #make({ id }) {
    const details = h("dl", { class: "pairs", hidden: true });
    const toggle = h("button", {
      type: "button", class: "quiet id", "aria-expanded": "false",
      click: () => {
        details.hidden = !details.hidden;
        toggle.setAttribute("aria-expanded", String(!details.hidden));
      },
    }, short(id, 14));
    toggle.title = id;
    const cancel = h("button", { type: "button", class: "quiet danger", click: () => this.cancel(id), "aria-label": `Cancel request ${short(id, 14)}` }, "Cancel");
    const state = h("span", { class: "state" });
    const tokens = h("span", { class: "tokens" });
    const first = h("span", { class: "first" });
    const speed = h("span", { class: "speed" });
    const bar = h("div", { class: "waterfall", role: "img" });
    const row = h("li", { class: "request" }, h("div", { class: "row" }, toggle, state, tokens, first, speed, bar, h("span", { class: "act" }, cancel)), details);
    row.parts = { details, cancel, state, tokens, first, speed, bar };
    return row;
  }

  #update(row, request, scale) {
    const { details, cancel, state, tokens, first, speed, bar } = row.parts;
    setText(state, doing(request));
    row.className = `request ${request.ended ? "ended" : ""} ${request.state}`;
    setText(tokens, `${request.prompt} → ${request.output}`);
    tokens.setAttribute("aria-label", `${request.prompt} prompt tokens, ${request.output} generated`);
    setText(first, request.ttft === undefined ? "–" : duration(request.ttft));
    setText(speed, request.rate === undefined ? "–" : `${number(request.rate)} tok/s`);
    cancel.hidden = request.ended;
    reconcile(bar, request.parts, (part) => part.kind, (part) => h("i", { class: part.kind }), (element, part) => {
      element.style.left = `${(part.from / scale) * 100}%`;
      element.style.width = `${((part.to - part.from) / scale) * 100}%`;
    });
    bar.setAttribute("aria-label", request.parts.map((part) => `${PHASES[part.kind]} ${duration((part.to - part.from) / 1000)}`).join(", "));
    if (details.hidden) return;
    const rows = [
      ["Id", request.id], ...request.parts.map((part) => [PHASES[part.kind], duration((part.to - part.from) / 1000)]),
      ["Cached", request.cached === undefined ? undefined : `${request.cached} of ${request.prompt} tokens`],
      ["Prefilled by", request.prefill_replica], ["Decoded by", request.decode_replica], ["Plan", request.plan],
      ["Migrations", request.migrations || undefined], ["Preemptions", request.preemptions || undefined], ["Problem", request.problem],
    ].filter(([, value]) => value !== undefined);
    details.replaceChildren(...rows.flatMap(([name, value]) => [h("dt", null, name), h("dd", null, value)]));
  }
}
