// The plan: what was predicted, what is measured, and why it is what it is.

import { h, reconcile, setText } from "./dom.js";
import { duration, number, percent, short } from "./format.js";
import { replicaName, replicas } from "./picture.js";

/** The stage that holds a replica's pipeline up: the slowest by what is measured, else by what is predicted. */
export function bottleneck(replica) {
  const time = (stage) => replica.role === "prefill"
    ? stage.measuredPrefill ?? stage.predicted_prefill_s ?? 0
    : stage.measuredDecode ?? stage.predicted_decode_s ?? 0;
  return replica.stages.reduce((slowest, stage) => (slowest && time(slowest) >= time(stage) ? slowest : stage), undefined);
}

/** Sentences on why the plan is what it is. */
export function reasons(picture) {
  const plan = picture.plan;
  if (!plan?.id) return [];
  const lines = [];
  const { workload = {} } = plan;
  lines.push(`Made by ${plan.algorithm} for ${number(workload.requests_per_s)} requests/s of ${number(workload.mean_prompt_tokens)} prompt and ${number(workload.mean_output_tokens)} output tokens.`);
  const bound = plan.upper_bound_requests_per_s;
  const rate = plan.predicted_requests_per_s;
  lines.push(bound > 0
    ? `It sustains ${number(rate)} requests/s; no plan of these devices can exceed ${number(bound)} (${percent(rate / bound)} of that bound).`
    : `It sustains ${number(rate)} requests/s.`);
  const seen = picture.scheduler?.workload;
  if (seen?.sample_count > 0) lines.push(`Seen of late: ${number(seen.requests_per_s)} requests/s of ${number(seen.mean_prompt_tokens)} prompt and ${number(seen.mean_output_tokens)} output tokens.`);
  for (const replica of replicas(picture)) {
    const slowest = bottleneck(replica);
    if (slowest && replica.stages.length > 1) lines.push(`${short(slowest.device, 40)} is the slowest stage of ${short(replicaName(replica), 32)}.`);
  }
  for (const relaxation of plan.relaxations ?? []) lines.push(`Relaxed: ${relaxation}.`);
  const idle = plan.idle_devices ?? [];
  if (idle.length) lines.push(`Not used: ${idle.slice(0, 12).map((id) => short(id, 24)).join(", ")}${idle.length > 12 ? ` and ${idle.length - 12} more` : ""}: no better plan with ${idle.length === 1 ? "it" : "them"} was found.`);
  return lines;
}

export class Plan {
  constructor(parent) {
    this.title = h("p", { class: "lead" });
    this.why = h("ul", { class: "why" });
    this.body = h("tbody");
    const head = ["Stage", "Layers", "Prefill of a mean prompt", "Decode step", "Memory"].map((text) => h("th", { scope: "col" }, text));
    this.table = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Stages of the plan" }, h("table", { class: "stages" }, h("thead", null, h("tr", null, head)), this.body));
    parent.append(this.title, this.why, this.table);
  }

  draw(picture) {
    const plan = picture.plan;
    this.table.hidden = !plan?.id;
    setText(this.title, plan?.id ? `Plan ${short(plan.id, 40)}, epoch ${picture.status?.epoch ?? "–"}` : "No plan is in force.");
    reconcile(this.why, reasons(picture).slice(0, 40), (line) => line, (line) => h("li", null, line), () => {});
    const groups = replicas(picture);
    const rows = groups.flatMap((replica) => [{ key: replica.id, replica }, ...replica.stages.map((stage) => ({ key: `${replica.id}/${stage.index}`, replica, stage }))]);
    reconcile(this.body, rows, (row) => row.key, (row) => (row.stage ? makeStage() : h("tr", { class: "replica" }, h("th", { colspan: 5, scope: "rowgroup" }))), (element, { replica, stage }) => {
      if (!stage) {
        const gap = replica.predicted_token_gap_s > 0 ? `, a token every ${duration(replica.predicted_token_gap_s)} with ${replica.decode_concurrency} sequences` : "";
        element.className = `replica ${replica.role}`;
        return setText(element.firstChild, `${short(replicaName(replica), 40)}: predicted ${number(replica.predicted_requests_per_s)} requests/s${gap}`);
      }
      const [name, layers, prefill, decode, memory] = element.children;
      setText(name, short(stage.device, 40));
      setText(layers, `${stage.layers.start}–${stage.layers.end - 1}`);
      compare(prefill, stage.predicted_prefill_s, stage.measuredPrefill);
      compare(decode, stage.predicted_decode_s, stage.measuredDecode, stage.measuredBatch);
      setText(memory, stage.resident ? `${number(stage.resident / 1048576)} MiB` : "–");
    });
  }
}

function makeStage() {
  return h("tr", null, h("th", { scope: "row" }), h("td"), [0, 1].map(() => h("td", { class: "compare" }, h("span"), h("span", { class: "ratio" }))), h("td"));
}

function compare(cell, predicted, measured, batch) {
  const told = `${Number.isFinite(predicted) ? duration(predicted) : "–"} → ${Number.isFinite(measured) ? duration(measured) : "–"}`;
  setText(cell.firstChild, predicted === undefined && measured === undefined ? "–" : told);
  const ratio = measured / predicted;
  setText(cell.lastChild, Number.isFinite(ratio) ? `×${number(ratio, 2)}${batch ? ` at ${number(batch, 2)}` : ""}` : "");
  cell.lastChild.classList.toggle("off", ratio > 1.3);
}
