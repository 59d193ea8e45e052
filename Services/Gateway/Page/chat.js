// The chat: asks, shows the answer while it comes, stops, edits, asks again.

import { before, emptyAnswer, PARAMETERS, questionOf, rate, requestBody, take } from "./conversation.js";
import { byId, h, setText } from "./dom.js";
import { duration, number, percent } from "./format.js";
import { show } from "./markdown.js";
import { eventsOf, problemOf } from "./stream.js";

const GREETINGS = ["What can you do?", "Explain pipeline parallelism in three sentences.", "Write a haiku about small computers."];

export class Chat {
  #messages = [];
  #elements = [];
  #abort = null;
  #frame = 0;

  /** `headers` gives those of every request, `locked` is called where a key is wanted. */
  constructor({ headers, locked }) {
    Object.assign(this, { headers, locked });
    this.list = byId("messages");
    this.input = byId("prompt");
    this.send = byId("send");
    byId("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#abort) this.stop();
      else this.ask(this.input.value);
    });
    this.input.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.#abort) this.stop();
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      if (!this.#abort) this.ask(this.input.value);
    });
    this.input.addEventListener("input", () => this.#fit());
    byId("new-chat").addEventListener("click", () => this.clear());
    const fields = byId("parameters");
    this.fields = new Map(PARAMETERS.map((parameter) => {
      const id = `parameter-${parameter.name}`;
      const input = h("input", { id, type: "number", inputmode: "decimal", min: parameter.min, max: parameter.max, step: parameter.step, placeholder: parameter.hint });
      fields.append(h("div", { class: "field" }, h("label", { for: id }, parameter.label), input));
      return [parameter.name, input];
    }));
    this.#render();
  }

  clear() {
    this.stop();
    this.#messages = [];
    this.#render();
    this.input.focus();
  }

  stop() {
    this.#abort?.abort();
  }

  async ask(text) {
    if (this.#abort || text.trim() === "") return;
    this.input.value = "";
    this.#fit();
    this.#messages.push({ role: "user", content: text });
    await this.#answer();
  }

  /** Takes an answer back and asks for another one. */
  async again(index) {
    if (this.#abort) return;
    this.#messages = before(this.#messages, questionOf(this.#messages, index) + 1);
    await this.#answer();
  }

  /** Takes a question back into the field. */
  edit(index) {
    if (this.#abort) return;
    this.input.value = this.#messages[index].content;
    this.#messages = before(this.#messages, index);
    this.#render();
    this.#fit();
    this.input.focus();
  }

  async #answer() {
    const values = Object.fromEntries([...this.fields].map(([name, field]) => [name, field.value]));
    let answer = { ...emptyAnswer(), asked: performance.now() / 1000 };
    const question = [...this.#messages];
    const place = this.#messages.push(answer) - 1;
    const put = (next) => {
      answer = next;
      this.#messages[place] = next;
      this.#later(place);
    };
    this.#abort = new AbortController();
    this.#render();
    byId("said").textContent = "Asked.";
    try {
      const body = JSON.stringify(requestBody(question, byId("system").value, values));
      const response = await fetch("/v1/chat/completions", {
        method: "POST", headers: { "content-type": "application/json", ...this.headers() }, body, signal: this.#abort.signal,
      });
      if (response.status === 401) this.locked();
      if (!response.ok) throw new Error(await problemOf(response));
      for await (const event of eventsOf(response)) {
        if (event.data === "[DONE]") break;
        put(take(answer, JSON.parse(event.data), performance.now() / 1000));
      }
      if (!answer.finish) put({ ...answer, finish: "error", problem: "the answer broke off" });
    } catch (error) {
      const stopped = error.name === "AbortError";
      const problem = error instanceof TypeError ? "the server cannot be reached" : error.message;
      put({ ...answer, finish: stopped ? "stopped" : "error", problem: stopped ? "" : problem });
    }
    this.#abort = null;
    this.#render();
    byId("said").textContent = answer.problem ? `No answer: ${answer.problem}` : `Answer: ${answer.content.slice(0, 2000)}`;
  }

  #fit() {
    this.input.style.height = "auto";
    this.input.style.height = `${Math.min(this.input.scrollHeight + 2, 220)}px`;
  }

  /** Once a frame, however many chunks come. */
  #later(index) {
    if (this.#frame) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#update(index);
    });
  }

  #render() {
    const busy = this.#abort !== null;
    this.send.textContent = busy ? "Stop" : "Send";
    this.send.classList.toggle("stop", busy);
    byId("new-chat").hidden = this.#messages.length === 0;
    while (this.#elements.length > this.#messages.length) this.#elements.pop().root.remove();
    this.#messages.forEach((message, index) => {
      const known = this.#elements[index];
      if (known && known.role === message.role && known.question === (message.role === "user" ? message.content : "")) return;
      const made = this.#make(message, index);
      if (known) known.root.replaceWith(made.root);
      else this.list.append(made.root);
      this.#elements[index] = made;
    });
    byId("greeting")?.remove();
    if (!this.#messages.length) this.list.append(this.#greeting());
    this.#messages.forEach((_, index) => this.#update(index));
  }

  #greeting() {
    const offers = GREETINGS.map((text) => h("button", { type: "button", class: "offer", click: () => this.ask(text) }, text));
    return h("div", { id: "greeting" }, h("p", null, "Ask something. It is computed by the devices of this fleet, and goes nowhere else."), offers);
  }

  #make(message, index) {
    if (message.role === "user") {
      const edit = h("button", { type: "button", class: "quiet", click: () => this.edit(index) }, "Edit");
      const root = h("article", { class: "message user", "aria-label": "You" }, h("div", { class: "text" }, message.content), h("div", { class: "tools" }, edit));
      return { role: "user", question: message.content, root, edit };
    }
    const thoughts = h("div", { class: "text thoughts" });
    const fold = h("details", { class: "fold", hidden: true }, h("summary", null, "Thoughts"), thoughts);
    const text = h("div", { class: "text" });
    const problem = h("p", { class: "problem", role: "alert", hidden: true });
    const facts = h("span", { class: "facts" });
    const copy = h("button", { type: "button", class: "quiet", click: () => this.#copy(index, copy) }, "Copy");
    const again = h("button", { type: "button", class: "quiet", click: () => this.again(index) }, "Regenerate");
    const times = h("dl", { class: "times" });
    const more = h("details", { class: "fold", hidden: true }, h("summary", null, "Where the time went"), times);
    const root = h("article", { class: "message assistant", "aria-label": "Answer" }, fold, text, problem, h("div", { class: "tools" }, facts, copy, again), more);
    return { role: "assistant", question: "", root, thoughts, fold, text, problem, facts, copy, again, times, more };
  }

  async #copy(index, button) {
    try {
      await navigator.clipboard.writeText(this.#messages[index].content);
      setText(button, "Copied");
    } catch {
      setText(button, "Cannot copy");
    }
    setTimeout(() => setText(button, "Copy"), 1500);
  }

  #update(index) {
    const message = this.#messages[index];
    const parts = this.#elements[index];
    if (!message || !parts) return;
    const busy = this.#abort !== null;
    if (message.role === "user") {
      parts.edit.disabled = busy;
      return;
    }
    const isLast = index === this.#messages.length - 1;
    const atEnd = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 80;
    const coming = busy && isLast;
    parts.root.classList.toggle("coming", coming);
    parts.root.setAttribute("aria-busy", String(coming));
    parts.fold.hidden = message.reasoning === "";
    if (message.reasoning) show(parts.thoughts, message.reasoning, h);
    show(parts.text, message.content, h);
    parts.problem.hidden = message.problem === "";
    setText(parts.problem, message.problem);
    setText(parts.facts, this.#facts(message, coming));
    parts.copy.hidden = coming || message.content === "";
    parts.again.hidden = coming;
    parts.again.disabled = busy;
    if (message.e2llm && parts.more.hidden) {
      parts.more.hidden = false;
      parts.times.replaceChildren(...timeRows(message).flatMap(([name, value]) => [h("dt", null, name), h("dd", null, value)]));
    }
    if (atEnd && isLast) this.list.scrollTop = this.list.scrollHeight;
  }

  #facts(message, coming) {
    const facts = [];
    const tokens = message.usage?.completion_tokens ?? message.tokens;
    if (coming && !message.first) return "waiting…";
    if (tokens) facts.push(`${tokens} token${tokens === 1 ? "" : "s"}`);
    const speed = rate(message);
    if (speed) facts.push(`${number(speed)} tokens/s`);
    const first = message.e2llm?.ttft_ms / 1000 || message.first - message.asked;
    if (first) facts.push(`first after ${duration(first)}`);
    if (message.finish === "length") facts.push("cut at the limit");
    if (message.finish === "stopped") facts.push("stopped");
    return facts.join(" · ");
  }
}

/** The times of an answer as names and values. */
function timeRows({ e2llm, timings, usage }) {
  const at = (value) => (value === null || value === undefined ? undefined : duration(value / 1000));
  const rows = [
    ["Queue", at(e2llm.queue_ms)],
    ["Prefill began", at(e2llm.prefill_started_ms)],
    ["First token", at(e2llm.ttft_ms)],
    ["KV cache complete", at(e2llm.kv_complete_ms)],
    ["Decoding began", at(e2llm.decode_started_ms)],
    ["End", at(e2llm.end_ms)],
    ["Prompt", usage && `${usage.prompt_tokens} tokens, ${timings?.cache_n ?? 0} from the cache`],
    ["Prompt speed", timings?.prompt_per_second && `${number(timings.prompt_per_second)} tokens/s`],
    ["Prefilled by", e2llm.prefill_replica],
    ["Decoded by", e2llm.decode_replica],
    ["Plan", e2llm.plan_id],
    ["Migrations", e2llm.migrations ? String(e2llm.migrations) : undefined],
    ["Guesses right", e2llm.acceptance === null || e2llm.acceptance === undefined ? undefined : percent(e2llm.acceptance)],
  ];
  return rows.filter(([, value]) => value);
}
