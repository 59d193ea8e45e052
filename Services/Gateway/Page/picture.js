// What is known of the cluster, and what follows from it. No I/O.

/** A copy of parsed JSON whose objects inherit nothing, so that a device called "__proto__" is a device. */
export function plain(value) {
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  const copy = Object.create(null);
  for (const key of Object.keys(value)) copy[key] = plain(value[key]);
  return copy;
}

/** Changes `target` as RFC 7396 says: `null` removes, objects go deeper, everything else replaces. */
export function merge(target, patch) {
  if (patch === null || typeof patch !== "object" || Array.isArray(patch)) return plain(patch);
  if (target === null || typeof target !== "object" || Array.isArray(target)) target = Object.create(null);
  for (const key of Object.keys(patch)) {
    if (patch[key] === null) delete target[key];
    else target[key] = merge(target[key], patch[key]);
  }
  return target;
}

const entries = (object) => Object.entries(object ?? {});

/** The replicas of the plan with their loads; each stage with its device, predicted and measured times. */
export function replicas(picture) {
  const prompt = picture.plan?.workload?.mean_prompt_tokens ?? 0;
  return (picture.plan?.replicas ?? []).map((replica) => {
    const load = picture.loads?.[replica.id];
    return {
      ...replica,
      state: load?.state ?? (load ? "serving" : "unknown"),
      requests: load?.requests ?? 0,
      reserved: load?.kv_reserved_tokens ?? 0,
      capacity: load?.kv_capacity_tokens ?? replica.kv_capacity_tokens,
      backlog: load?.backlog_s ?? 0,
      stages: replica.stages.map((stage, index) => ({ ...stage, index, ...measured(load?.stages?.[index], prompt) })),
    };
  });
}

/** What a replica is called: its role and its id, unless the id says the role already. */
export function replicaName({ id, role }) {
  const name = String(id).startsWith(role) ? String(id) : `${role} ${id}`;
  return name[0].toUpperCase() + name.slice(1);
}

function measured(load, prompt) {
  const status = load?.status;
  const counters = status?.counters ?? {};
  return {
    alive: load?.alive ?? false,
    resident: status?.resident_bytes,
    running: status?.running ?? 0,
    waiting: status?.waiting ?? 0,
    kvUsed: status?.kv_used_tokens,
    transferred: counters.kv_transfer_bytes ?? 0,
    measuredPrefill: counters.prefill_tokens > 0 ? (counters.prefill_s / counters.prefill_tokens) * prompt : undefined,
    measuredDecode: counters.decode_steps > 0 ? counters.decode_s / counters.decode_steps : undefined,
    measuredBatch: counters.decode_steps > 0 ? counters.decode_rows / counters.decode_steps : undefined,
  };
}

/** Devices that no replica uses, in order. */
export function idleDevices(picture) {
  const used = new Set((picture.plan?.replicas ?? []).flatMap((replica) => replica.stages.map((stage) => stage.device)));
  return Object.keys(picture.devices ?? {}).filter((id) => !used.has(id)).sort();
}

/** A measured link: seconds of latency and bytes a second. */
export function link(picture, from, to) {
  const found = picture.links?.[`${from}>${to}`];
  return found && found[0] === from && found[1] === to ? { latency: found[2], speed: found[3] } : undefined;
}

const ENDED = new Set(["stop", "length", "abort", "error"]);

/** Requests, those that run first, then the newest. `now` is in seconds of the gateway's clock. */
export function requests(picture, now) {
  return entries(picture.requests)
    .map(([id, course]) => ({ id, ...course, ended: ENDED.has(course.state), ...phases(course, now) }))
    .sort((a, b) => a.ended - b.ended || b.opened_s - a.opened_s || (a.id < b.id ? -1 : 1));
}

/** The parts of a request's time in milliseconds since it was opened, and what follows from them. */
export function phases(course, now) {
  const end = course.end_ms ?? Math.max(course.last_ms ?? 0, (now - course.opened_s) * 1000);
  const first = course.first_ms;
  const begin = Math.min(course.prefill_ms ?? course.accepted_ms ?? first ?? end, first ?? end);
  const parts = [];
  const add = (kind, from, to) => {
    if (to > from) parts.push({ kind, from, to });
  };
  add("queue", 0, begin);
  add("prefill", begin, first ?? end);
  if (first !== undefined) {
    // KV cache that is not there yet with the first token is what decoding waits for.
    const complete = Math.min(end, Math.max(first, course.kv_ms ?? first));
    add("transfer", first, complete);
    add("decode", complete, end);
  }
  const decoding = ((course.last_ms ?? 0) - (first ?? 0)) / 1000;
  return {
    parts,
    total: end,
    ttft: first === undefined ? undefined : first / 1000,
    rate: course.output > 1 && decoding > 0 ? (course.output - 1) / decoding : undefined,
  };
}

/** The points of the last minutes by name. */
export function series(picture) {
  const points = entries(picture.series).map(([second, values]) => ({ second: Number(second), values }));
  points.sort((a, b) => a.second - b.second);
  const pick = (place) => points.map(({ second, values }) => ({ x: second, y: values[place] }));
  return {
    running: pick(0),
    waiting: pick(1),
    generated: pick(2),
    prompts: pick(3),
    cache: pick(4).filter((point) => point.y >= 0),
  };
}

/** Events, newest first, with the wall clock's milliseconds. */
export function log(picture) {
  const offset = (picture.status?.wall_ms ?? 0) - (picture.status?.now_s ?? 0) * 1000;
  return entries(picture.log)
    .map(([number, [second, level, kind, text]]) => ({ number: Number(number), at: offset + second * 1000, level, kind, text }))
    .sort((a, b) => b.number - a.number);
}
