// What share of the requests was as quick as somebody wishes. The wish is kept in this browser.

const KEEP = "e2llm-limits";
const WINDOW_S = 300;

export const DEFAULTS = { ttft: 2, tpot: 0.1 };

/** Limits in seconds from a kept text; what is no sound limit is the default. */
export function readLimits(text) {
  let kept = {};
  try {
    kept = JSON.parse(text) ?? {};
  } catch {
    // The defaults.
  }
  const limit = (name) => (Number.isFinite(kept[name]) && kept[name] > 0 && kept[name] <= 3600 ? kept[name] : DEFAULTS[name]);
  return { ttft: limit("ttft"), tpot: limit("tpot") };
}

/**
 * Of the requests that ended in the last five minutes those within both limits: {met, count}. What failed met none; what its client gave up is
 * not counted. A request of one token has no time per token.
 */
export function attainment(requests, now, limits) {
  const counted = requests.filter((request) => request.ended && request.state !== "abort" && request.opened_s + request.total / 1000 >= now - WINDOW_S);
  const met = counted.filter((request) => request.state !== "error" && request.ttft <= limits.ttft && (request.rate === undefined || 1 / request.rate <= limits.tpot));
  return { met: met.length, count: counted.length };
}

export function keptLimits() {
  try {
    return readLimits(localStorage.getItem(KEEP) ?? "{}");
  } catch {
    return { ...DEFAULTS };
  }
}

export function keepLimits(limits) {
  try {
    localStorage.setItem(KEEP, JSON.stringify(limits));
  } catch {
    // They last as long as the page.
  }
}
