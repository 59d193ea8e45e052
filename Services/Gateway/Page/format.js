// Numbers and names as people read them.

/** A number with about three digits. */
export function number(value, digits = 3) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 10000) return Math.round(value).toLocaleString("en-US").replaceAll(",", "\u202f");
  if (size >= 100 || Number.isInteger(value)) return String(Math.round(value));
  return String(Number(value.toPrecision(digits)));
}

/** Bytes with a unit of 1024. */
export function bytes(value) {
  if (!Number.isFinite(value)) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let place = 0;
  while (Math.abs(value) >= 1024 && place < units.length - 1) {
    value /= 1024;
    place += 1;
  }
  return `${number(value)}\u00a0${units[place]}`;
}

/** Seconds as µs, ms, s or minutes. */
export function duration(seconds, digits = 3) {
  if (!Number.isFinite(seconds)) return "–";
  if (Math.abs(seconds) < 1e-3) return `${number(seconds * 1e6, digits)}\u00a0µs`;
  if (Math.abs(seconds) < 1) return `${number(seconds * 1e3, digits)}\u00a0ms`;
  if (Math.abs(seconds) < 120) return `${number(seconds, digits)}\u00a0s`;
  return `${Math.floor(seconds / 60)}\u00a0min ${Math.round(seconds % 60)}\u00a0s`;
}

/** Bytes a second as a link's speed. */
export function speed(bytesPerSecond) {
  const bits = bytesPerSecond * 8;
  if (!Number.isFinite(bits)) return "–";
  if (bits >= 1e9) return `${number(bits / 1e9)}\u00a0Gbit/s`;
  if (bits >= 1e6) return `${number(bits / 1e6)}\u00a0Mbit/s`;
  return `${number(bits / 1e3)}\u00a0kbit/s`;
}

export const percent = (share) => (Number.isFinite(share) ? `${number(share * 100)}\u00a0%` : "–");

/** The beginning of a text; by characters, so that none is cut in two. */
export function short(text, most) {
  const characters = [...String(text)];
  return characters.length <= most ? characters.join("") : characters.slice(0, Math.max(1, most - 1)).join("") + "…";
}

export const clock = (milliseconds) => new Date(milliseconds).toTimeString().slice(0, 8);

/** The middle of some numbers; undefined without any. */
export function quantile(values, share) {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  if (!sorted.length) return undefined;
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))];
}
