// What-if questions and their answers, and how many requests were quick enough.

import assert from "node:assert/strict";
import { test } from "node:test";
import { attainment, DEFAULTS, readLimits } from "../../Services/Gateway/Page/limits.js";
import { phases } from "../../Services/Gateway/Page/picture.js";
import { notes, question, rows } from "../../Services/Gateway/Page/whatif.js";

test("a question says what was filled in, in the units of the interface", () => {
  assert.deepEqual(question({}), {});
  assert.deepEqual(question({ mbit: "", latency: " ", factor: "2", from: "a", to: "", without: [] }), {});
  const full = question({ without: ["c"], from: "a", to: "b", mbit: "100", latency: "2", slow: "__proto__", factor: "3", prompt: "512" });
  assert.deepEqual(JSON.parse(JSON.stringify(full)), JSON.parse('{"without":["c"],"links":[{"from":"a","to":"b","bytes_per_second":12500000,"latency_s":0.002}],"slow":{"__proto__":3},"workload":{"prompt_tokens":512}}'));
  assert.equal(question({ from: "a", to: "b", latency: "0" }).links[0].latency_s, 0);
});

const place = (role, start, end) => ({ replica: "r0", role, layers: { start, end }, predicted_decode_s: 0.01 });

test("an answer is shown beside the plan in force, with its differences", () => {
  const answer = {
    in_force: { requests_per_s: 2, prompt_tokens_per_s: 200, output_tokens_per_s: 20 },
    preview: { plan: { relaxations: ["x"] }, requests_per_s: 1, prompt_tokens_per_s: 200, output_tokens_per_s: 20 },
    in_force_requests_per_s: 0.5, move: { replaces: false, reason: "it does not pay" },
    devices: [{ device: "a", now: place("mixed", 0, 4), then: place("mixed", 0, 4), differs: false }, { device: "b", now: place("decode", 0, 2), differs: true }],
  };
  assert.deepEqual(rows(answer).map((row) => [row.name, row.differs]), [["Requests/s", true], ["Prompt tokens/s", false], ["Output tokens/s", false], ["a", false], ["b", true]]);
  assert.equal(rows(answer)[4].now, "decode, layers 0–1; 10\u00a0ms");
  assert.equal(rows(answer)[4].then, "idle");
  assert.deepEqual(notes(answer), ["The plan in force would sustain 0.5 requests/s there.", "The services would stay with the plan in force: it does not pay.", "Relaxed: x."]);
  const alone = rows({ ...answer, in_force: undefined });
  assert.deepEqual([alone[0].now, alone[0].differs], ["–", true]);
});

test("limits are sound ones", () => {
  assert.deepEqual(readLimits("{}"), DEFAULTS);
  assert.deepEqual(DEFAULTS, { ttft: 2, tpot: 0.1 });
  for (const text of ["", "null", "[", '{"ttft":-1,"tpot":"0.1"}', '{"ttft":1e9}']) assert.deepEqual(readLimits(text), DEFAULTS);
  assert.deepEqual(readLimits('{"ttft":0.5,"tpot":0.02}'), { ttft: 0.5, tpot: 0.02 });
});

test("the share of requests that were quick enough", () => {
  const now = 1000;
  const request = (course) => {
    const whole = { state: "stop", opened_s: 990, first_ms: 1000, last_ms: 2000, end_ms: 2000, output: 11, ...course };
    return { ...whole, ended: whole.state !== "running", ...phases(whole, now) };
  };
  const of = (...courses) => attainment(courses.map(request), now, DEFAULTS);
  assert.deepEqual(of({}), { met: 1, count: 1 }, "a token every 100 ms is at the limit");
  assert.deepEqual(of({ first_ms: 2001, last_ms: 2100, end_ms: 2100 }), { met: 0, count: 1 });
  assert.deepEqual(of({ output: 10 }), { met: 0, count: 1 });
  assert.deepEqual(of({ output: 1, last_ms: 1000 }), { met: 1, count: 1 }, "one token has no gap");
  assert.deepEqual(of({ state: "error" }, { state: "error", first_ms: undefined }), { met: 0, count: 2 });
  assert.deepEqual(of({ state: "abort" }, { state: "running" }), { met: 0, count: 0 });
  assert.deepEqual(of({ opened_s: 690 }, { opened_s: 699 }), { met: 1, count: 1 }, "five minutes");
});
