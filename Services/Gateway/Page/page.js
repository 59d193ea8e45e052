// The page: follows the cluster, shows the chosen view, keeps the key.

import { Chat } from "/page/chat.js";
import { byId, h, reconcile, setText } from "/page/dom.js";
import { clock, duration, number, percent, quantile, short } from "/page/format.js";
import { Gantt } from "/page/gantt.js";
import { attainment, keepLimits, keptLimits } from "/page/limits.js";
import { log, merge, plain, requests, series } from "/page/picture.js";
import { Plan } from "/page/plan.js";
import { Requests } from "/page/requests.js";
import { Series } from "/page/series.js";
import { Follower, problemOf } from "/page/stream.js";
import { Topology } from "/page/topology.js";
import { WhatIf } from "/page/whatif.js";

const VIEWS = ["chat", "fleet", "requests", "steps", "plan", "log"];
const KEY = "e2llm-key";

let picture = plain({});
let received = performance.now();
let connection = { state: "lost", reason: "" };

let limits = keptLimits();

// In this tab only; where there is no storage, in memory only.
let key = "";
try {
  key = sessionStorage.getItem(KEY) ?? "";
} catch {
  key = "";
}

const headers = () => (key ? { authorization: `Bearer ${key}` } : {});
const isNarrow = matchMedia("(max-width: 899px)");

function view() {
  const wanted = location.hash.replace(/^#\/?/, "");
  if (VIEWS.includes(wanted) && !(wanted === "chat" && !isNarrow.matches)) return wanted;
  return isNarrow.matches ? "chat" : "fleet";
}

// MARK: Views

const topology = new Topology(byId("topology"));
const charts = new Series(byId("series"));
const gantt = new Gantt(byId("steps"));
const plan = new Plan(byId("plan"));
const list = new Requests(byId("requests"), cancel);
const whatIf = new WhatIf(byId("plan"), { headers, locked: askForKey });
const chat = new Chat({ headers, locked: askForKey });
topology.redraw = gantt.redraw = draw;

/** Now on the gateway's clock, seconds. */
const now = () => (picture.status?.now_s ?? 0) + (connection.state === "live" ? (performance.now() - received) / 1000 : 0);

function draw() {
  const chosen = view();
  document.body.dataset.view = chosen;
  for (const anchor of document.querySelectorAll("nav a")) {
    if (anchor.hash === `#/${chosen}`) anchor.setAttribute("aria-current", "page");
    else anchor.removeAttribute("aria-current");
  }
  drawHead();
  drawStrip();
  if (chosen === "fleet") {
    topology.draw(picture);
    charts.draw(picture);
  }
  if (chosen === "requests") list.draw(picture, now());
  if (chosen === "steps") gantt.draw(picture);
  if (chosen === "plan") {
    plan.draw(picture);
    whatIf.draw(picture);
  }
  if (chosen === "log") drawLog();
}

function drawHead() {
  const name = picture.gateway?.model ?? "";
  setText(byId("model"), short(name, 60));
  document.title = name ? `${short(name, 40)} – E2LLM` : "E2LLM";
  const words = { lost: `Not connected: ${connection.reason || "connecting"}`, locked: "A key is needed" }[connection.state];
  const state = words ? "lost" : picture.status?.ready ? "ready" : "waiting";
  const health = byId("health");
  health.className = state;
  setText(health.lastElementChild, short(words ?? (state === "ready" ? "Ready" : picture.status?.obstacle ?? "Connecting…"), 140));
  document.body.classList.toggle("stale", connection.state !== "live");
}

function drawStrip() {
  const load = series(picture);
  const all = requests(picture, now());
  const within = attainment(all, now(), limits);
  const ended = all.filter((request) => request.ended && request.ttft !== undefined);
  const last = (points) => points.at(-1)?.y;
  const gaps = ended.filter((request) => request.rate > 0).map((request) => 1 / request.rate);
  const rows = [
    ["Running", number(last(load.running))], ["Waiting", number(last(load.waiting))],
    ["Tokens/s", number(last(load.generated))], ["KV cache", percent(last(load.cache))],
    ["First token", duration(quantile(ended.map((request) => request.ttft), 0.5))],
    ["Per token", duration(quantile(gaps, 0.5))],
    ["In limits", within.count ? percent(within.met / within.count) : "–", `${within.met} of ${within.count} requests of the last five minutes were within ${duration(limits.ttft)} to the first token and ${duration(limits.tpot)} per token. Change the limits`],
    ["Devices", String(Object.keys(picture.devices ?? {}).length)],
  ];
  reconcile(byId("strip"), rows, ([name]) => name, ([name, , told]) => h("div", null, h("dt", null, name), h("dd", null, told && h("button", { type: "button", class: "figure-button", click: askForLimits }))), (element, [, value, told]) => {
    const shown = element.lastChild.firstElementChild ?? element.lastChild;
    setText(shown, value);
    if (!told || shown.title === told) return;
    shown.title = told;
    shown.setAttribute("aria-label", `In limits: ${value}. ${told}`);
  });
}

function drawLog() {
  const wanted = byId("log-filter").value.trim().toLowerCase();
  const rows = log(picture).filter((row) => `${row.level} ${row.kind} ${row.text}`.toLowerCase().includes(wanted));
  byId("log-empty").hidden = rows.length > 0;
  reconcile(byId("events"), rows, (row) => `${row.number}`, (row) => h("li", { class: row.level }, h("time", null, clock(row.at)), h("span", { class: "kind" }, row.kind), h("span", null, row.text)), () => {});
}

let drawing = 0;
/** Once a frame at most. */
function later() {
  drawing ||= requestAnimationFrame(() => {
    drawing = 0;
    draw();
  });
}

// MARK: Data

const follower = new Follower({
  url: () => (view() === "steps" ? "/v1/cluster/events?steps=1" : "/v1/cluster/events"),
  key: () => key,
  event(name, data) {
    if (name === "snapshot") picture = plain(data);
    else if (name === "delta") picture = merge(picture, data);
    else if (name === "steps") gantt.steps.take(data);
    if (name !== "steps") received = performance.now();
    later();
  },
  state(state, reason) {
    connection = { state, reason };
    if (state === "locked") askForKey();
    later();
  },
});

async function cancel(id) {
  try {
    const response = await fetch(`/v1/cancel/${encodeURIComponent(id)}`, { method: "POST", headers: headers() });
    byId("said").textContent = response.ok ? "The request is cancelled." : await problemOf(response);
  } catch {
    byId("said").textContent = "The server cannot be reached.";
  }
}

// MARK: Limits

function askForLimits() {
  byId("limit-ttft").value = String(limits.ttft);
  byId("limit-tpot").value = String(limits.tpot * 1000);
  byId("limits-dialog").returnValue = "";
  byId("limits-dialog").showModal();
}

byId("limits-cancel").addEventListener("click", () => byId("limits-dialog").close());
byId("limits-dialog").addEventListener("close", () => {
  if (byId("limits-dialog").returnValue !== "use") return;
  limits = { ttft: byId("limit-ttft").valueAsNumber, tpot: byId("limit-tpot").valueAsNumber / 1000 };
  keepLimits(limits);
  later();
});

// MARK: Key

function askForKey() {
  const dialog = byId("key-dialog");
  if (dialog.open) return;
  setText(byId("key-note"), key ? "This server does not know the key, or another one is wanted. It is kept in this tab only." : "This server wants a key. It is kept in this tab only, and forgotten with it.");
  dialog.returnValue = "";
  dialog.showModal();
}

byId("key-dialog").addEventListener("close", () => {
  const { returnValue } = byId("key-dialog");
  const typed = byId("key").value.trim();
  byId("key").value = "";
  if (returnValue === "forget") key = "";
  else if (returnValue === "use" && typed) key = typed;
  else return;
  try {
    if (key) sessionStorage.setItem(KEY, key);
    else sessionStorage.removeItem(KEY);
  } catch {
    // It is kept in memory.
  }
  follower.restart();
});
// Return means the button that uses the key, not the first one.
byId("key").addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  byId("key-dialog").close("use");
});
byId("key-button").addEventListener("click", askForKey);

// MARK: Beginning

let hadSteps = view() === "steps";
addEventListener("hashchange", () => {
  draw();
  const wantsSteps = view() === "steps";
  if (wantsSteps !== hadSteps) follower.restart();
  hadSteps = wantsSteps;
});
isNarrow.addEventListener("change", draw);
addEventListener("resize", later);
byId("log-filter").addEventListener("input", later);
// Bars of running requests grow between events.
setInterval(() => {
  if (view() === "requests" && connection.state === "live" && !document.hidden) later();
}, 250);
draw();
follower.run();
