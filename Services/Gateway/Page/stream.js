// Server-sent events over fetch, because EventSource cannot send a key.

const MOST_CHARACTERS = 32 << 20;

/** Puts events together from pieces of text. */
export class EventParser {
  #rest = "";
  #data = [];
  #name = "";
  #id = "";

  /** The events that a piece completes: name, id, data. */
  feed(text) {
    const events = [];
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop();
    if (this.#rest.length > MOST_CHARACTERS) throw new Error("an event is too long");
    for (const line of lines) {
      if (line === "") {
        if (this.#data.length) events.push({ name: this.#name || "message", id: this.#id, data: this.#data.join("\n") });
        this.#data = [];
        this.#name = "";
        continue;
      }
      const colon = line.indexOf(":");
      if (colon === 0) continue;
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
      if (field === "data") this.#data.push(value);
      else if (field === "event") this.#name = value;
      else if (field === "id") this.#id = value;
    }
    return events;
  }
}

/** The events of an answer. */
export async function* eventsOf(response) {
  const parser = new EventParser();
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* parser.feed(decoder.decode(value, { stream: true }));
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** What an answer that is no success says. */
export async function problemOf(response) {
  try {
    const text = (await response.json())?.error?.message;
    if (text) return String(text);
  } catch {
    // It is no JSON: its status says enough.
  }
  return `the server answered ${response.status}`;
}

/** How long to wait before the next try, in milliseconds: one second, doubling up to sixteen, with some luck so that pages do not come all at once. */
export const pause = (failures, luck = Math.random()) => Math.min(16000, 1000 * 2 ** Math.min(failures, 5)) * (0.75 + luck / 2);

/** Follows the cluster for ever: comes back after every loss, saying what it has. */
export class Follower {
  #abort = null;
  #last = "";
  #failures = 0;
  #wake = null;

  /** `url` and `key` give what is to be asked with; `event` takes (name, data), `state` takes "live", "lost" or "locked" and a reason. */
  constructor({ url, key, event, state }) {
    Object.assign(this, { url, key, event, state });
  }

  /** Never returns. */
  async run() {
    for (;;) {
      let reason = "the connection ended";
      let locked = false;
      try {
        this.#abort = new AbortController();
        const headers = { accept: "text/event-stream" };
        if (this.key()) headers.authorization = `Bearer ${this.key()}`;
        if (this.#last) headers["last-event-id"] = this.#last;
        const response = await fetch(this.url(), { headers, signal: this.#abort.signal, cache: "no-store" });
        if (response.ok) {
          for await (const event of eventsOf(response)) {
            if (this.#failures >= 0) this.state("live", "");
            this.#failures = -1;
            if (event.id) this.#last = event.id;
            this.event(event.name, JSON.parse(event.data));
          }
        } else {
          locked = response.status === 401;
          reason = await problemOf(response);
        }
      } catch (error) {
        reason = error.name === "AbortError" ? "" : "the server cannot be reached";
        // What cannot be read is asked for anew.
        if (error instanceof SyntaxError) this.#last = "";
      }
      this.#failures = Math.max(0, this.#failures + 1);
      if (reason) this.state(locked ? "locked" : "lost", reason);
      if (reason) await this.#rest(locked);
    }
  }

  /** Begins anew at once: with another key, or for other events. */
  restart() {
    this.#abort?.abort();
    this.#wake?.();
  }

  #rest(untilWoken) {
    return new Promise((done) => {
      const timer = untilWoken ? 0 : setTimeout(done, pause(this.#failures));
      this.#wake = () => {
        clearTimeout(timer);
        done();
      };
    });
  }
}
