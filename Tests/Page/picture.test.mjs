// What the page makes of what it is told: changes, phases of requests, layouts, numbers, conversations, streams.

import assert from "node:assert/strict";
import { test } from "node:test";
import { before, emptyAnswer, PARAMETERS, questionOf, rate, read, requestBody, take } from "../../Services/Gateway/Page/conversation.js";
import { bytes, duration, number, quantile, short, speed } from "../../Services/Gateway/Page/format.js";
import { busy, Steps } from "../../Services/Gateway/Page/gantt.js";
import { idleDevices, link, log, merge, phases, plain, replicaName, replicas, requests, series } from "../../Services/Gateway/Page/picture.js";
import { bottleneck, reasons } from "../../Services/Gateway/Page/plan.js";
import { ceiling, path } from "../../Services/Gateway/Page/series.js";
import { EventParser, pause } from "../../Services/Gateway/Page/stream.js";
import { layout } from "../../Services/Gateway/Page/topology.js";

test("changes are taken as RFC 7396 says", () => {
  const cases = [
    [{ a: "b" }, { a: "c" }, { a: "c" }], [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }], [{ a: "b" }, { a: null }, {}], [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }], [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }], [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }], [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }], [[1, 2], { a: "b" }, { a: "b" }],
  ];
  for (const [target, patch, result] of cases) assert.deepEqual(JSON.parse(JSON.stringify(merge(plain(target), patch))), result);
});

test("no name reaches the prototype", () => {
  const picture = merge(plain({}), JSON.parse('{"devices":{"__proto__":{"state":"ready","polluted":1},"constructor":{"state":"lost"}}}'));
  assert.equal({}.polluted, undefined);
  assert.deepEqual(Object.keys(picture.devices), ["__proto__", "constructor"]);
  assert.deepEqual(idleDevices(picture), ["__proto__", "constructor"]);
  merge(picture, JSON.parse('{"devices":{"__proto__":null}}'));
  assert.deepEqual(Object.keys(picture.devices), ["constructor"]);
});

function fleet(count, perReplica = 4) {
  const names = Array.from({ length: count }, (_, index) => `device-${index}`);
  const groups = [];
  for (let at = 0; at < count; at += perReplica) groups.push(names.slice(at, at + perReplica));
  const roles = ["prefill", "decode", "mixed"];
  return plain({
    devices: Object.fromEntries(names.map((name) => [name, { state: "ready", memory_usable_bytes: 1 << 30 }])),
    plan: {
      id: "p", algorithm: "default", workload: { mean_prompt_tokens: 100 }, predicted_requests_per_s: 2, upper_bound_requests_per_s: 4,
      replicas: groups.map((devices, place) => ({
        id: `r${place}`, role: roles[place % 3], decode_concurrency: 2, kv_capacity_tokens: 10, predicted_requests_per_s: 1, predicted_token_gap_s: 0.1,
        stages: devices.map((device, index) => ({ device, layers: { start: index, end: index + 1 }, predicted_decode_s: 0.01 * (index + 1) })),
      })),
    },
    loads: { r0: { kv_reserved_tokens: 5, kv_capacity_tokens: 10, stages: { 0: { alive: true, status: { resident_bytes: 7, counters: { decode_steps: 4, decode_s: 2, decode_rows: 8, prefill_tokens: 50, prefill_s: 1 } } } } } },
    links: { "device-0>device-1": ["device-0", "device-1", 0.001, 1e6] },
  });
}

test("measured times stand beside predicted ones", () => {
  const [first, second] = replicas(fleet(8));
  assert.equal(first.stages[0].measuredDecode, 0.5);
  assert.equal(first.stages[0].measuredBatch, 2);
  assert.equal(first.stages[0].measuredPrefill, 2);
  assert.equal(first.stages[1].measuredDecode, undefined);
  assert.equal(first.stages[1].alive, false);
  assert.equal(second.state, "unknown");
  assert.equal(bottleneck(second).device, "device-7");
  assert.ok(reasons(fleet(8)).some((line) => line.includes("50\u00a0% of that bound")));
  assert.deepEqual(reasons(plain({})), []);
  assert.deepEqual(link(fleet(2), "device-0", "device-1"), { latency: 0.001, speed: 1e6 });
  assert.equal(link(fleet(2), "device-1", "device-0"), undefined);
  assert.equal(replicaName({ id: "decode-1", role: "decode" }), "Decode-1");
  assert.equal(replicaName({ id: "r1", role: "decode" }), "Decode r1");
});

test("layouts: everything is inside, and nothing covers another", () => {
  for (const count of [0, 1, 2, 3, 8, 9, 17, 64, 200]) {
    for (const width of [280, 362, 560, 900, 1400]) {
      for (const perReplica of [1, 4, 30]) {
        const { cards, bands, height, width: total } = layout(fleet(count, perReplica), width);
        assert.equal(cards.length, count);
        for (const card of cards) assert.ok(card.x >= 0 && card.x + card.width <= total && card.y + card.height <= height, `${count} at ${width}`);
        for (const boxes of [cards, bands]) {
          boxes.forEach((a, place) => boxes.slice(place + 1).forEach((b) => {
            assert.ok(a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y, `${count} at ${width}`);
          }));
        }
      }
    }
  }
});

test("phases of requests", () => {
  const course = { opened_s: 10, queue_ms: 1, accepted_ms: 5, prefill_ms: 20, first_ms: 100, kv_ms: 130, last_ms: 1100, end_ms: 1110, output: 11, state: "stop" };
  const told = phases(course, 99);
  assert.deepEqual(told.parts.map(({ kind, from, to }) => [kind, from, to]), [["queue", 0, 20], ["prefill", 20, 100], ["transfer", 100, 130], ["decode", 130, 1110]]);
  assert.equal(told.rate, 10);
  assert.equal(told.ttft, 0.1);
  assert.deepEqual(phases({ opened_s: 10 }, 12).parts, [{ kind: "queue", from: 0, to: 2000 }]);
  const odd = phases({ opened_s: 10, accepted_ms: 500, first_ms: 300, last_ms: 400, kv_ms: 900, output: 1 }, 10.4);
  for (const part of odd.parts) assert.ok(part.from < part.to && part.to <= odd.total);
  const list = requests(plain({ requests: { a: { ...course }, b: { ...course, state: "running", end_ms: undefined }, c: { ...course, opened_s: 11 } } }), 12);
  assert.deepEqual(list.map((row) => row.id), ["b", "c", "a"]);
});

test("series and log", () => {
  const picture = plain({ status: { now_s: 20, wall_ms: 100000 }, series: { 19: [1, 2, 3, 4, -1], 18: [0, 0, 0, 0, 0.5] }, log: { 9: [18, "info", "x", "later"], 10: [19, "error", "y", "last"] } });
  assert.deepEqual(series(picture).running, [{ x: 18, y: 0 }, { x: 19, y: 1 }]);
  assert.deepEqual(series(picture).cache, [{ x: 18, y: 0.5 }]);
  assert.deepEqual(log(picture).map((row) => [row.text, row.at]), [["last", 99000], ["later", 98000]]);
  assert.deepEqual([0, 0.3, 1, 3, 7, 12, 99, 1000, 1001].map(ceiling), [1, 0.5, 1, 5, 10, 20, 100, 1000, 2000]);
  assert.equal(path([{ x: 0, y: 1 }, { x: 99, y: 1 }, { x: 100, y: 0 }], 100, 1, 10, 10, 10), "M9.0 0.0L10.0 10.0");
  assert.equal(path([{ x: 91, y: 0 }, { x: 99, y: 0 }], 100, 1, 10, 10, 10), "M1.0 10.0M9.0 10.0");
});

test("steps are kept for a while", () => {
  const steps = new Steps();
  const report = (now) => ({ now_us: now, names: ["r", "d"], steps: [[0, 0, 3, 1, -500000, 250000, 4, 2, 1]], transfers: [[0, 0, 1, -5, 77, 1]], silent: ["e"] });
  for (let second = 1; second <= 100; second += 1) steps.take(report(second * 1e6));
  assert.equal(steps.between(0, 1e9).steps.length, 40);
  const { steps: last, transfers } = steps.between(99e6, 100e6);
  assert.deepEqual([last[0].row, last[0].device, last[0].at, last[0].decode], ["r/0", "d", 99.5e6, true]);
  assert.equal(transfers.length, 1);
  assert.equal(busy(last, 99e6, 100e6).get("r/0"), 0.25);
});

test("events of a stream, however it is cut", () => {
  const text = ": hello\r\nevent: delta\nid: s-1\ndata: {\"a\":\ndata: 1}\n\nretry: 5\n\ndata:x\n\n";
  const whole = [{ name: "delta", id: "s-1", data: '{"a":\n1}' }, { name: "message", id: "s-1", data: "x" }];
  for (let size = 1; size <= text.length; size += 1) {
    const parser = new EventParser();
    const events = [];
    for (let at = 0; at < text.length; at += size) events.push(...parser.feed(text.slice(at, at + size)));
    assert.deepEqual(events, whole, `pieces of ${size}`);
  }
  assert.ok([0, 1, 2, 50].every((failures) => pause(failures, 0.5) >= 1000 && pause(failures, 1) <= 20000));
});

test("conversations", () => {
  const messages = [{ role: "user", content: "a" }, { role: "assistant", content: "b", reasoning: "r" }, { role: "user", content: "c" }, { role: "assistant", content: "" }];
  assert.equal(questionOf(messages, 3), 2);
  assert.equal(questionOf(messages, 1), 0);
  assert.equal(before(messages, 2).length, 2);
  const body = requestBody(messages.slice(0, 3), " ", { temperature: "0", seed: "", max_tokens: "5" });
  assert.deepEqual(body.messages, [{ role: "user", content: "a" }, { role: "assistant", content: "b" }, { role: "user", content: "c" }]);
  assert.deepEqual([body.temperature, body.max_tokens, "seed" in body, body.stream], [0, 5, false, true]);
  assert.equal(requestBody([], "be brief", {}).messages[0].role, "system");
  const [temperature, , most] = PARAMETERS;
  for (const [parameter, text] of [[temperature, "3"], [temperature, "x"], [most, "1.5"], [most, "0"]]) assert.throws(() => read(parameter, text), RangeError);
  let answer = { ...emptyAnswer(), asked: 0 };
  answer = take(answer, { id: "chatcmpl-1", choices: [{ delta: { role: "assistant" } }] }, 1);
  assert.equal(answer.first, undefined);
  answer = take(answer, { choices: [{ delta: { reasoning_content: "hm" } }] }, 2);
  answer = take(answer, { choices: [{ delta: { content: "x" } }] }, 3);
  answer = take(answer, { choices: [{ delta: { content: "y" }, finish_reason: "stop" }] }, 4);
  assert.deepEqual([answer.content, answer.reasoning, answer.finish, answer.first, rate(answer)], ["xy", "hm", "stop", 2, 1]);
  answer = take(answer, { choices: [], usage: { completion_tokens: 9 }, timings: { predicted_per_second: 7 } }, 5);
  assert.deepEqual([answer.usage.completion_tokens, rate(answer)], [9, 7]);
  assert.equal(take(answer, { error: { message: "gone" } }, 6).problem, "gone");
});

test("numbers as people read them", () => {
  assert.deepEqual([0, 1.234, 12.34, 123.4, 12345, NaN, undefined].map((value) => number(value)), ["0", "1.23", "12.3", "123", "12\u202f345", "–", "–"]);
  assert.deepEqual([500, 2048, 3 << 20].map(bytes), ["500\u00a0B", "2\u00a0KiB", "3\u00a0MiB"]);
  assert.deepEqual([0.0000012, 0.0123, 1.5, 125].map((value) => duration(value)), ["1.2\u00a0µs", "12.3\u00a0ms", "1.5\u00a0s", "2\u00a0min 5\u00a0s"]);
  assert.equal(speed(1.25e8), "1\u00a0Gbit/s");
  assert.equal(short("😀😀😀😀", 3), "😀😀…");
  assert.equal(quantile([3, 1, 2, NaN], 0.5), 2);
  assert.equal(quantile([], 0.5), undefined);
});
