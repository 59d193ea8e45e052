// The load of the last minutes, one small chart each.

import { h, s, setText } from "./dom.js";
import { number, percent } from "./format.js";
import { series } from "./picture.js";

const SPAN = 300;
const WIDTH = 240;
const HEIGHT = 56;

/** The next larger number that an axis may end with. */
export function ceiling(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].find((step) => step * power >= value) * power;
}

/** The path of points in a box of width and height; lines break where more than three seconds are missing. */
export function path(points, end, top, span = SPAN, width = WIDTH, height = HEIGHT) {
  let text = "";
  let last;
  for (const { x, y } of points) {
    if (x < end - span) continue;
    const left = ((x - (end - span)) / span) * width;
    const down = height - (Math.min(y, top) / top) * height;
    text += `${last === undefined || x - last > 3 ? "M" : "L"}${left.toFixed(1)} ${down.toFixed(1)}`;
    last = x;
  }
  return text;
}

const CHARTS = [
  { title: "Requests", lines: [["running", "running"], ["waiting", "waiting"]], show: number, whole: true },
  { title: "Generated tokens/s", lines: [["generated", "generated"]], show: number },
  { title: "Prompt tokens/s", lines: [["prompts", "prompts"]], show: number },
  { title: "KV cache", lines: [["cache", "cache"]], show: percent, top: 1 },
];

export class Series {
  constructor(parent) {
    this.charts = CHARTS.map((chart) => {
      const value = h("span", { class: "value" });
      const label = h("span", { class: "top" });
      const paths = chart.lines.map(([name]) => s("path", { class: `line ${name}` }));
      const area = s("path", { class: `area ${chart.lines[0][0]}` });
      const svg = s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" }, s("path", { class: "grid", d: `M0 .5H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT - 0.5}H${WIDTH}` }), area, paths);
      parent.append(h("figure", { class: "chart" }, h("figcaption", null, h("span", null, chart.title), value), h("div", { class: "plot" }, svg, label)));
      return { ...chart, value, label, paths, area, svg };
    });
  }

  draw(picture) {
    const data = series(picture);
    const end = Math.floor(picture.status?.now_s ?? 0);
    for (const chart of this.charts) {
      const all = chart.lines.flatMap(([name]) => data[name].map((point) => point.y));
      const top = chart.top ?? Math.max(chart.whole ? 4 : 1, ceiling(Math.max(0, ...all)));
      chart.lines.forEach(([name], place) => chart.paths[place].setAttribute("d", path(data[name], end, top)));
      const points = data[chart.lines[0][0]].filter((point) => point.x >= end - SPAN);
      const left = points.length ? (((points[0].x - (end - SPAN)) / SPAN) * WIDTH).toFixed(1) : 0;
      const right = points.length ? (((points.at(-1).x - (end - SPAN)) / SPAN) * WIDTH).toFixed(1) : 0;
      const line = path(points, end, top).replaceAll("M", "L").slice(1);
      chart.area.setAttribute("d", points.length ? `M${left} ${HEIGHT}L${line}L${right} ${HEIGHT}z` : "");
      const now = chart.lines.map(([name]) => data[name].at(-1)?.y);
      const text = chart.lines.length > 1 ? `${chart.show(now[0])} + ${chart.show(now[1])} waiting` : chart.show(now[0]);
      setText(chart.value, text);
      setText(chart.label, chart.show(top));
      chart.svg.setAttribute("aria-label", `${chart.title}: now ${text}, most ${all.length ? chart.show(Math.max(...all)) : "–"} in five minutes`);
    }
  }
}
