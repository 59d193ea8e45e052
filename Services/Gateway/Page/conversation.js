// A conversation as plain values: what was said, what is being said, and the request that asks for more. No I/O.

/** What a person can set; an empty text leaves it to the server. */
export const PARAMETERS = [
  { name: "temperature", label: "Temperature", min: 0, max: 2, step: 0.1, hint: "0: always the likeliest" },
  { name: "top_p", label: "Top p", min: 0, max: 1, step: 0.05, hint: "1: all" },
  { name: "max_tokens", label: "Most tokens", min: 1, max: 1000000, step: 1, whole: true, hint: "to the context" },
  { name: "seed", label: "Seed", min: 0, max: 9007199254740991, step: 1, whole: true, hint: "at random" },
];

/** The number that a field holds; undefined where it is empty, an error where it is none. */
export function read(parameter, text) {
  const trimmed = String(text).trim();
  if (trimmed === "") return undefined;
  const value = Number(trimmed);
  if (!Number.isFinite(value) || value < parameter.min || value > parameter.max || (parameter.whole && !Number.isInteger(value))) {
    throw new RangeError(`${parameter.label} must be ${parameter.whole ? "a whole number " : ""}from ${parameter.min} to ${parameter.max}`);
  }
  return value;
}

/** The body of a request for the next answer. */
export function requestBody(messages, system, values) {
  const said = messages.filter((message) => message.content !== "" || message.role === "user").map(({ role, content }) => ({ role, content }));
  const body = {
    messages: system.trim() ? [{ role: "system", content: system }, ...said] : said,
    stream: true,
    stream_options: { include_usage: true },
  };
  for (const parameter of PARAMETERS) {
    const value = read(parameter, values[parameter.name] ?? "");
    if (value !== undefined) body[parameter.name] = value;
  }
  return body;
}

/** An answer that has not begun. */
export const emptyAnswer = () => ({ role: "assistant", content: "", reasoning: "", tokens: 0, id: "", finish: "", problem: "" });

/** Takes a chunk of a stream into an answer. `now` is in seconds. */
export function take(answer, chunk, now) {
  if (chunk.error) return { ...answer, problem: String(chunk.error.message ?? "the answer broke off"), finish: "error" };
  const next = { ...answer, id: chunk.id ?? answer.id };
  const choice = chunk.choices?.[0];
  if (choice?.delta) {
    const { content, reasoning_content: reasoning } = choice.delta;
    if (content || reasoning) {
      next.first = answer.first ?? now;
      next.last = now;
      next.tokens = answer.tokens + 1;
    }
    if (content) next.content += content;
    if (reasoning) next.reasoning += reasoning;
  }
  if (choice?.finish_reason) next.finish = choice.finish_reason;
  if (chunk.usage) next.usage = chunk.usage;
  if (chunk.timings) next.timings = chunk.timings;
  if (chunk.e2llm) next.e2llm = chunk.e2llm;
  return next;
}

/** What is left when everything from a message on is taken back. */
export const before = (messages, index) => messages.slice(0, index);

/** The question that an answer answers: where to begin again. */
export function questionOf(messages, index) {
  while (index > 0 && messages[index].role !== "user") index -= 1;
  return index;
}

/** Tokens a second while an answer comes, by what came here; afterwards by what the server measured. */
export function rate(answer) {
  if (answer.timings?.predicted_per_second) return answer.timings.predicted_per_second;
  const seconds = (answer.last ?? 0) - (answer.first ?? 0);
  return answer.tokens > 1 && seconds > 0 ? (answer.tokens - 1) / seconds : undefined;
}
