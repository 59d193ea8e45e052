// What the plan would be for another fleet or other traffic: a form, and the answer beside the plan in force. `question` and `rows` are pure.

import { h, reconcile, setText } from "./dom.js";
import { duration, number, short } from "./format.js";
import { problemOf } from "./stream.js";

const FIGURES = [
  { name: "mbit", label: "Link: Mbit/s", hint: "as measured", min: 0.001, max: 8e9 },
  { name: "latency", label: "Link: latency, ms", hint: "as measured", min: 0, max: 1e9 },
  { name: "factor", label: "Times as slow", hint: "1", min: 1, max: 1000 },
  { name: "prompt", label: "Prompt tokens", hint: "as seen", min: 1, max: 1e7 },
  { name: "output", label: "Output tokens", hint: "as seen", min: 1, max: 1e7 },
  { name: "rate", label: "Requests/s", hint: "as seen", min: 1e-9, max: 1e9 },
];

/** The body of the question; what is not filled in stays as it is. */
export function question(values) {
  const figure = (name) => (String(values[name] ?? "").trim() === "" ? undefined : Number(values[name]));
  const body = {};
  if (values.without?.length) body.without = [...values.without];
  if (values.from && values.to) {
    const link = { from: values.from, to: values.to };
    if (figure("mbit") !== undefined) link.bytes_per_second = (figure("mbit") * 1e6) / 8;
    if (figure("latency") !== undefined) link.latency_s = figure("latency") / 1000;
    body.links = [link];
  }
  if (values.slow) {
    body.slow = Object.create(null);
    body.slow[values.slow] = figure("factor") ?? 1;
  }
  const workload = { prompt_tokens: figure("prompt"), output_tokens: figure("output"), requests_per_second: figure("rate") };
  if (Object.values(workload).some((value) => value !== undefined)) body.workload = workload;
  return body;
}

const place = (found) => (found ? `${found.role}, layers ${found.layers.start}–${found.layers.end - 1}` : "idle");
const times = (found) => [found?.predicted_prefill_s, found?.predicted_decode_s].filter(Number.isFinite).map((time) => duration(time)).join(", ");

/** Lines of the answer: {key, name, now, then, differs}. */
export function rows(answer) {
  const figures = [["Requests/s", "requests_per_s"], ["Prompt tokens/s", "prompt_tokens_per_s"], ["Output tokens/s", "output_tokens_per_s"]].map(([name, key]) => {
    const [now, then] = [number(answer.in_force?.[key]), number(answer.preview[key])];
    return { key, name, now, then, differs: now !== then };
  });
  const devices = answer.devices.map((device) => {
    const side = (found) => [place(found), times(found)].filter(Boolean).join("; ");
    return { key: `device ${device.device}`, name: short(device.device, 40), now: side(device.now), then: side(device.then), differs: device.differs };
  });
  return [...figures, ...devices];
}

/** What there is to say about the answer. */
export function notes(answer) {
  const lines = [];
  if (Number.isFinite(answer.in_force_requests_per_s)) lines.push(`The plan in force would sustain ${number(answer.in_force_requests_per_s)} requests/s there.`);
  if (answer.move) lines.push(`The services would ${answer.move.replaces ? "move to it" : "stay with the plan in force"}: ${answer.move.reason}.`);
  for (const relaxation of answer.preview.plan.relaxations ?? []) lines.push(`Relaxed: ${relaxation}.`);
  return lines;
}

export class WhatIf {
  #isAsking = false;

  /** `headers` gives those of a request; `locked` is called where a key is wanted. */
  constructor(parent, { headers, locked }) {
    this.headers = headers;
    this.locked = locked;
    this.devices = h("div", { class: "checks" });
    this.none = h("p", { class: "empty" }, "No device has registered yet.");
    const choice = (id, label) => {
      const select = h("select", { id }, h("option", { value: "" }, "none"));
      return { select, field: h("div", { class: "field" }, h("label", { for: id }, label), select) };
    };
    const choices = [choice("what-if-from", "Link from"), choice("what-if-to", "Link to"), choice("what-if-slow", "Slower device")];
    [this.from, this.to, this.slow] = choices.map(({ select }) => select);
    this.inputs = new Map();
    const fields = FIGURES.map(({ name, label, hint, min, max }) => {
      const input = h("input", { id: `what-if-${name}`, type: "number", inputmode: "decimal", step: "any", min, max, placeholder: hint });
      this.inputs.set(name, input);
      return h("div", { class: "field" }, h("label", { for: input.id }, label), input);
    });
    this.button = h("button", { class: "primary" }, "Show the plan");
    this.status = h("p", { class: "said", role: "status", "aria-live": "polite" });
    const form = h("form", { class: "what-if", submit: (event) => {
      event.preventDefault();
      this.ask();
    } },
    h("fieldset", null, h("legend", null, "Devices that are there"), this.none, this.devices),
    h("div", { class: "fields" }, choices[0].field, choices[1].field, fields[0], fields[1], choices[2].field, fields.slice(2)),
    h("div", { class: "actions" }, this.button));
    this.body = h("tbody");
    const head = ["", "In force", "What if"].map((text, index) => h(index ? "th" : "td", index ? { scope: "col" } : null, text));
    this.table = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "The plan that would be made beside the one in force", hidden: true },
      h("table", { class: "stages" }, h("thead", null, h("tr", null, head)), this.body));
    this.notes = h("ul", { class: "why" });
    parent.append(h("details", { class: "fold what-if-fold" }, h("summary", null, "What if …"),
      h("p", { class: "empty" }, "Which plan would be made for another fleet or other traffic? Nothing changes in the fleet."), form, this.status, this.table, this.notes));
  }

  /** Offers the devices that there are; what was chosen stays. */
  draw(picture) {
    const names = Object.keys(picture.devices ?? {}).sort();
    this.none.hidden = names.length > 0;
    reconcile(this.devices, names, (name) => name, (name) => h("label", null, h("input", { type: "checkbox", value: name, checked: true }), h("span", null, short(name, 40))), () => {});
    for (const select of [this.from, this.to, this.slow]) {
      select.offers ??= new Map();
      const missing = names.filter((name) => !select.offers.has(name));
      for (const name of missing) {
        const option = h("option", { value: name }, short(name, 40));
        select.offers.set(name, option);
        select.append(option);
      }
      for (const [name, option] of select.offers) {
        if (Object.hasOwn(picture.devices ?? {}, name)) continue;
        option.remove();
        select.offers.delete(name);
      }
    }
  }

  #values() {
    const values = Object.fromEntries([...this.inputs].map(([name, input]) => [name, input.value]));
    const without = [...this.devices.querySelectorAll("input")].filter((input) => !input.checked).map((input) => input.value);
    return { ...values, without, from: this.from.value, to: this.to.value, slow: this.slow.value };
  }

  async ask() {
    if (this.#isAsking) return;
    this.#isAsking = true;
    this.button.disabled = true;
    setText(this.status, "The plan is being searched …");
    try {
      const response = await fetch("/v1/cluster/what-if", { method: "POST", headers: { ...this.headers(), "content-type": "application/json" }, body: JSON.stringify(question(this.#values())) });
      if (response.status === 401) this.locked();
      if (!response.ok) return this.#show(undefined, await problemOf(response));
      const answer = await response.json();
      this.#show(answer, `Found in ${duration(answer.search_s)}. ${answer.devices.filter((device) => device.differs).length} of ${answer.devices.length} devices would do something else.`);
    } catch {
      this.#show(undefined, "The server cannot be reached.");
    } finally {
      this.#isAsking = false;
      this.button.disabled = false;
    }
  }

  #show(answer, words) {
    setText(this.status, words);
    this.table.hidden = !answer;
    reconcile(this.notes, answer ? notes(answer) : [], (line) => line, (line) => h("li", null, line), () => {});
    if (!answer) return;
    reconcile(this.body, rows(answer), (row) => row.key, () => h("tr", null, h("th", { scope: "row" }), h("td"), h("td", null, h("span"), h("span", { class: "ratio off" }))), (element, row) => {
      element.className = row.differs ? "differs" : "";
      setText(element.children[0], row.name);
      setText(element.children[1], row.now);
      setText(element.children[2].firstChild, row.then);
      setText(element.children[2].lastChild, row.differs ? "changed" : "");
    });
    this.status.scrollIntoView({ block: "start" });
  }
}
